#include "json/writer.h"

#include "unit.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void writes_tokens(void)
{
    struct json_writer line;
    char *text;

    json_writer_start(&line);
    json_writer_raw(&line, "{\"a\":");
    json_writer_number(&line, 0);
    json_writer_raw(&line, ",\"b\":");
    json_writer_number(&line, UINT_MAX);
    json_writer_bytes(&line, ",xx", 1);
    json_writer_string(&line, "c");
    json_writer_raw(&line, ":");
    json_writer_number(&line, 1000000);
    json_writer_raw(&line, "}");
    text = json_writer_end(&line);
    SAME(text, "{\"a\":0,\"b\":4294967295,\"c\":1000000}");
    free(text);
}

/* RFC 8259, section 7. */
static void escapes_strings(void)
{
    static const struct {
        const char *text;
        const char *written;
    } strings[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"\"", "\"\\\"\""},
        {"\\", "\"\\\\\""},
        {"/", "\"/\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1F", "\"\\u0001\\u001f\""},
        {"\x7F", "\"\x7F\""},
        {"a\"b\"c", "\"a\\\"b\\\"c\""},
        {"Gr\xC3\xBC\xC3\x9F"
         "e",
         "\"Gr\xC3\xBC\xC3\x9F"
         "e\""},
    };

    for (size_t i = 0; i < COUNT(strings); i++) {
        struct json_writer line;
        char *text;

        json_writer_start(&line);
        json_writer_string(&line, strings[i].text);
        text = json_writer_end(&line);
        SAME(text, strings[i].written);
        free(text);
    }
}

/* Of a name that is not UTF-8 each byte can be told. */
static void writes_members(void)
{
    struct json_writer line;
    char *text;

    json_writer_start(&line);
    json_writer_member(&line, "{\"a\": ", "\"x\n");
    json_writer_member(&line, ", \"b\": ", NULL);
    json_writer_foreign(&line, ", \"c\": ", "Gr\xC3\xBC\\\n");
    json_writer_foreign(&line, ", \"d\": ", "Gr\xFC\\\n");
    json_writer_raw(&line, "}");
    text = json_writer_end(&line);
    SAME(text, "{\"a\": \"\\\"x\\n\", \"b\": null, \"c\": \"Gr\xC3\xBC\\\\\\n\", "
               "\"d\": \"Gr\\\\xfc\\\\\\\\\\\\x0a\"}");
    free(text);
}

/* Through the sizes at which it has to grow, by a byte and by much. */
static void grows(void)
{
    for (size_t len = 500; len < 1600; len++) {
        struct json_writer line;
        char expected[1600];
        char *text;

        memset(expected, 'x', len);
        expected[len] = '\0';
        json_writer_start(&line);
        json_writer_raw(&line, expected);
        text = json_writer_end(&line);
        SAME(text, expected);
        free(text);
    }
}

int main(void)
{
    RUN(writes_tokens);
    RUN(escapes_strings);
    RUN(writes_members);
    RUN(grows);
    return unit_end();
}
