#include "base/log_format.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLACEMENT "\\ufffd"

/* ---- which ---- */

bool log_format_of(const char *name, enum log_format *format)
{
    static const char *const names[] = {
        [LOG_TEXT] = "text", [LOG_JSON] = "json", [LOG_JOURNAL] = "journal"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            *format = (enum log_format)i;
            return true;
        }
    return false;
}

/* systemd leaves the variable to all that a service starts, whose standard error may be another. */
static bool journal_reads(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    uintmax_t device;
    uintmax_t inode;
    struct stat info;

    return stream != NULL && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &info) == 0 && info.st_dev == device && info.st_ino == inode;
}

enum log_format log_format_of_environment(void)
{
    const char *name = getenv(LOG_FORMAT_VARIABLE);
    enum log_format format;

    if (name != NULL && log_format_of(name, &format))
        return format;
    return journal_reads() ? LOG_JOURNAL : LOG_TEXT;
}

/* ---- JSON ---- */

typedef void adder(const char *text, size_t len);

static void add_text(adder *add, const char *text)
{
    add(text, strlen(text));
}

/* Returns the number of bytes at the start of text[0..len) that stand in a string as they are. */
static size_t plain_run(const char *text, size_t len)
{
    size_t run = 0;
    uint32_t point;
    size_t width;

    while (run < len && text[run] != '"' && text[run] != '\\' &&
           (width = utf8_decode(text + run, len - run, &point)) > 0 && point >= ' ')
        run += width;
    return run;
}

static void add_escape(adder *add, unsigned char byte)
{
    char escape[8];

    if (byte == '"' || byte == '\\')
        (void)snprintf(escape, sizeof escape, "\\%c", byte);
    else if (byte < ' ')
        (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)byte);
    else
        (void)snprintf(escape, sizeof escape, REPLACEMENT);
    add_text(add, escape);
}

static void add_string(adder *add, const char *text, size_t len)
{
    add_text(add, "\"");
    while (len > 0) {
        size_t run = plain_run(text, len);

        add(text, run);
        if (run < len)
            add_escape(add, (unsigned char)text[run++]);
        text += run;
        len -= run;
    }
    add_text(add, "\"");
}

void log_record_print(const struct log_record *record, void (*add)(const char *text, size_t len))
{
    static const char *const levels[] = {[REPORT_ERROR] = "error",
                                         [REPORT_WARNING] = "warning",
                                         [REPORT_NOTICE] = "notice",
                                         [REPORT_INFO] = "info"};
    char time[CLOCK_TEXT_SIZE];

    clock_rfc3339(clock_utc_ms(), time);
    add_text(add, "{\"time\": \"");
    add_text(add, time);
    add_text(add, "\", \"level\": \"");
    add_text(add, levels[record->level]);
    add_text(add, "\", \"program\": ");
    add_string(add, record->program, strlen(record->program));
    add_text(add, ", \"message\": ");
    add_string(add, record->text, record->len);
    if (record->members != NULL)
        add_text(add, record->members);
    if (record->order_id != NULL) {
        add_text(add, ", \"order_id\": ");
        add_string(add, record->order_id, strlen(record->order_id));
    }
    add_text(add, "}");
}
