#include "audit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/outlet.h"
#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"
#include "message/base64.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct audit {
    const char *path;
    struct outlet file;
    char *run; /* the members that all lines of this run have in common */
    bool bodies;
};

static void add_user(struct json_writer *line)
{
    const struct passwd *entry = getpwuid(geteuid());
    const char *person = getenv("SUDO_USER");
    char number[32];

    (void)snprintf(number, sizeof number, "%lu", (unsigned long)geteuid());
    json_writer_foreign(line, ",\"user\":", entry == NULL ? number : entry->pw_name);
    if (person != NULL && *person != '\0')
        json_writer_foreign(line, ",\"sudo_user\":", person);
}

/* Adds host, port and virtual host of the broker or, with commas between, of all that were given.
 */
static void add_broker(struct json_writer *line, const struct broker_options *broker)
{
    char names[2048] = "";

    for (size_t i = 0; i < broker->endpoint_count; i++) {
        size_t len = strlen(names);

        (void)snprintf(names + len, sizeof names - len, "%s%s/%s", i == 0 ? "" : ",",
                       broker->endpoints[i].name, broker->endpoints[i].vhost);
    }
    json_writer_foreign(line, ",\"broker\":", names);
}

static void add_filter(struct json_writer *line, char *const *filter)
{
    for (size_t i = 0; filter != NULL && filter[i] != NULL; i++)
        json_writer_foreign(line, i == 0 ? ",\"filter\":[" : ",", filter[i]);
    if (filter != NULL)
        json_writer_raw(line, "]");
}

static char *describe_run(const struct audit_settings *settings)
{
    struct json_writer line;

    json_writer_start(&line);
    json_writer_member(&line, ",\"run\":", settings->run);
    add_broker(&line, settings->broker);
    add_user(&line);
    add_filter(&line, settings->filter);
    return json_writer_end(&line);
}

static enum exit_code failure(const struct audit *audit)
{
    const char *reason = outlet_reason();

    report("cannot write '%s': %s", printable_text(audit->path), reason);
    return EXIT_OUTPUT;
}

enum exit_code audit_open(const struct audit_settings *settings, struct audit **out)
{
    struct audit *audit = xcalloc(1, sizeof *audit);
    enum exit_code code = EXIT_OK;

    audit->path = settings->path;
    audit->bodies = settings->bodies;
    audit->run = describe_run(settings);
    *out = audit;
    if (!outlet_open(&audit->file, audit->path)) {
        code = failure(audit);
        free(audit->run);
        free(audit);
        *out = NULL;
    }
    return code;
}

void audit_close(struct audit *audit)
{
    if (audit == NULL)
        return;
    (void)outlet_close(&audit->file);
    free(audit->run);
    free(audit);
}

static void add_hash(struct json_writer *line, const char *start, amqp_bytes_t body)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";

    if (EVP_Digest(body.bytes, body.len, hash, &len, EVP_sha256(), NULL) != 1)
        die(EXIT_BUG, "cannot make a hash");
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(text + (size_t)2 * i, 3, "%02x", hash[i]);
    json_writer_member(line, start, text);
}

/* Adds a body as a text, or in base64 if it is not one. */
static void add_body(struct json_writer *line, const char *name, amqp_bytes_t body)
{
    bool is_text = text_is_utf8(body.bytes, body.len);
    char *text = is_text ? xmemdup_text(body.bytes, body.len) : base64_encode(body);

    json_writer_raw(line, name);
    json_writer_member(line, is_text ? "\":" : "_base64\":", text);
    free(text);
}

static void add_bodies(struct json_writer *line, const struct audit_entry *entry)
{
    add_body(line, ",\"body_before", entry->before);
    if (entry->after != NULL)
        add_body(line, ",\"body_after", *entry->after);
    else
        json_writer_raw(line, ",\"body_after\":null");
}

enum exit_code audit_add(struct audit *audit, const struct audit_entry *entry)
{
    struct json_writer line;
    char time[CLOCK_TEXT_SIZE];
    size_t shown_len;
    char *text;
    char *shown;
    bool written;

    clock_rfc3339(clock_utc_ms(), time);
    json_writer_start(&line);
    json_writer_bytes(&line, entry->fate, strlen(entry->fate) - 1);
    json_writer_member(&line, ",\"error_before\":", entry->error_before);
    json_writer_member(&line, ",\"time\":", time);
    json_writer_raw(&line, audit->run);
    add_hash(&line, ",\"sha256_before\":", entry->before);
    if (entry->after != NULL)
        add_hash(&line, ",\"sha256_after\":", *entry->after);
    else
        json_writer_raw(&line, ",\"sha256_after\":null");
    if (audit->bodies)
        add_bodies(&line, entry);
    json_writer_raw(&line, "}");
    text = json_writer_end(&line);
    shown = json_shown(text, strlen(text), &shown_len);
    written = outlet_add(&audit->file, shown, shown_len) && outlet_add(&audit->file, "\n", 1);
    free(shown);
    free(text);
    return written ? EXIT_OK : failure(audit);
}

enum exit_code audit_sync(struct audit *audit)
{
    if (!outlet_flush(&audit->file))
        return failure(audit);
    /* A pipe or a terminal cannot be synced. */
    if (fsync(audit->file.descriptor) != 0 && errno != EINVAL && errno != EROFS)
        return failure(audit);
    return EXIT_OK;
}
