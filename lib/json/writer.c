#include "json/writer.h"

#include "base/memory.h"
#include "base/text.h"
#include "json/scan.h"

#include <stdio.h>
#include <string.h>

#define FIRST_SIZE 512

void json_writer_bytes(struct json_writer *line, const char *bytes, size_t len)
{
    if (line->size - line->len < len) {
        line->size = (line->size + len) * 2;
        line->text = xrealloc(line->text, line->size);
    }
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
}

void json_writer_start(struct json_writer *line)
{
    line->text = xmalloc(FIRST_SIZE);
    line->len = 0;
    line->size = FIRST_SIZE;
}

void json_writer_raw(struct json_writer *line, const char *text)
{
    json_writer_bytes(line, text, strlen(text));
}

static void add_escape(struct json_writer *line, char c)
{
    static const char controls[] = "\b\f\n\r\t";
    static const char letters[] = "bfnrt";
    const char *control = strchr(controls, c);
    char escape[8];

    if (control != NULL)
        c = letters[control - controls];
    if ((unsigned char)c < 0x20)
        (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
    else
        (void)snprintf(escape, sizeof escape, "\\%c", c);
    json_writer_raw(line, escape);
}

void json_writer_string(struct json_writer *line, const char *text)
{
    size_t len = strlen(text);

    json_writer_bytes(line, "\"", 1);
    for (;;) {
        size_t run = json_plain_run(text, len, 0xFF);

        json_writer_bytes(line, text, run);
        text += run;
        len -= run;
        if (len == 0)
            break;
        add_escape(line, *text++);
        len--;
    }
    json_writer_bytes(line, "\"", 1);
}

void json_writer_member(struct json_writer *line, const char *start, const char *text)
{
    json_writer_raw(line, start);
    if (text == NULL)
        json_writer_raw(line, "null");
    else
        json_writer_string(line, text);
}

void json_writer_foreign(struct json_writer *line, const char *start, const char *text)
{
    json_writer_member(line, start, text_is_utf8(text, strlen(text)) ? text : printable_text(text));
}

void json_writer_number(struct json_writer *line, unsigned number)
{
    char digits[sizeof number * 3];
    size_t start = sizeof digits;

    do
        digits[--start] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    json_writer_bytes(line, digits + start, sizeof digits - start);
}

char *json_writer_end(struct json_writer *line)
{
    json_writer_bytes(line, "", 1);
    return line->text;
}
