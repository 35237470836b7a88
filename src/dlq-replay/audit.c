#include "audit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/outlet.h"
#include "base/text.h"
#include "json/json.h"
#include "json/writer.h"

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
    char user[64];
};

static void find_user(struct audit *audit)
{
    const struct passwd *entry = getpwuid(geteuid());

    if (entry != NULL)
        (void)snprintf(audit->user, sizeof audit->user, "%s",
                       printable_up_to(48, entry->pw_name, strlen(entry->pw_name)));
    else
        (void)snprintf(audit->user, sizeof audit->user, "%lu", (unsigned long)geteuid());
}

static enum exit_code failure(const struct audit *audit)
{
    const char *reason = outlet_reason();

    report("cannot write '%s': %s", printable_text(audit->path), reason);
    return EXIT_OUTPUT;
}

enum exit_code audit_open(const char *path, struct audit **out)
{
    struct audit *audit = xcalloc(1, sizeof *audit);
    enum exit_code code = EXIT_OK;

    find_user(audit);
    audit->path = path;
    *out = audit;
    if (!outlet_open(&audit->file, path)) {
        code = failure(audit);
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
    free(audit);
}

static void add_text(struct json_writer *line, const char *start, const char *text)
{
    json_writer_raw(line, start);
    json_writer_string(line, text);
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
    add_text(line, start, text);
}

enum exit_code audit_add(struct audit *audit, const char *fate, amqp_bytes_t before,
                         const amqp_bytes_t *after)
{
    struct json_writer line;
    char time[CLOCK_TEXT_SIZE];
    size_t shown_len;
    char *text;
    char *shown;
    bool written;

    clock_rfc3339(clock_utc_ms(), time);
    json_writer_start(&line);
    json_writer_bytes(&line, fate, strlen(fate) - 1);
    add_text(&line, ",\"time\":", time);
    add_text(&line, ",\"user\":", audit->user);
    add_hash(&line, ",\"sha256_before\":", before);
    if (after != NULL)
        add_hash(&line, ",\"sha256_after\":", *after);
    else
        json_writer_raw(&line, ",\"sha256_after\":null");
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
