#include "base/text.h"

#include "unit.h"

#include <string.h>

/* RFC 3629: the bounds of each length in section 3, and the examples of section 7. */
static void decodes_utf8(void)
{
    static const struct {
        const char *bytes;
        uint32_t point;
    } characters[] = {
        {"A", 0x41},
        {"\x7F", 0x7F},
        {"\xC2\x80", 0x80},
        {"\xCE\x91", 0x391},
        {"\xDF\xBF", 0x7FF},
        {"\xE0\xA0\x80", 0x800},
        {"\xE2\x89\xA2", 0x2262},
        {"\xED\x95\x9C", 0xD55C},
        {"\xED\x9F\xBF", 0xD7FF},
        {"\xEE\x80\x80", 0xE000},
        {"\xEF\xBB\xBF", 0xFEFF},
        {"\xEF\xBF\xBF", 0xFFFF},
        {"\xF0\x90\x80\x80", 0x10000},
        {"\xF0\xA3\x8E\xB4", 0x233B4},
        {"\xF4\x8F\xBF\xBF", 0x10FFFF},
    };
    uint32_t point;

    for (size_t i = 0; i < COUNT(characters); i++) {
        char padded[8] = "";
        size_t len = strlen(characters[i].bytes);

        memcpy(padded, characters[i].bytes, len);
        unit_row(characters[i].bytes);
        point = 0;
        EQUAL(utf8_decode(padded, len, &point), len);
        EQUAL(point, characters[i].point);
        EQUAL(utf8_decode(padded, sizeof padded, &point), len);
        EQUAL(utf8_decode(padded, len - 1, &point), 0);
    }
    EQUAL(utf8_decode("", 1, &point), 1);
    EQUAL(point, 0);
}

static const char *const no_utf8[] = {
    "\x80",             /* a continuation */
    "\xBF",             /* the last of them */
    "\xC0\x80",         /* NUL, overlong */
    "\xC1\xBF",         /* the last that is overlong in two */
    "\xE0\x9F\xBF",     /* in three */
    "\xF0\x8F\xBF\xBF", /* in four */
    "\xED\xA0\x80",     /* the first surrogate */
    "\xED\xBF\xBF",     /* the last */
    "\xF4\x90\x80\x80", /* U+110000 */
    "\xF5\x80\x80\x80", /* no first byte, like the next */
    "\xFF",
    "\xC2\x41", /* no continuation where one must be */
    "\xC2\xC2\x80",
    "\xE2\x89\x41",
    "\xF0\xA3\x8E\x41",
    "\xC2", /* cut short */
    "\xE2\x89",
    "\xF0\xA3\x8E",
};

static void refuses_what_is_not_utf8(void)
{
    uint32_t point;

    for (size_t i = 0; i < COUNT(no_utf8); i++) {
        size_t len = strlen(no_utf8[i]);
        char within[16] = "ab";

        unit_row(no_utf8[i]);
        EQUAL(utf8_decode(no_utf8[i], len, &point), 0);
        CHECK(!text_is_utf8(no_utf8[i], len));
        memcpy(within + 2, no_utf8[i], len);
        CHECK(!text_is_utf8(within, len + 2));
        CHECK(!text_is_printable(within, len + 2, sizeof within));
    }
    EQUAL(utf8_decode("", 0, &point), 0);
}

static void knows_utf8_without_nul(void)
{
    CHECK(text_is_utf8("", 0));
    CHECK(text_is_utf8("A\xE2\x89\xA2\xCE\x91.\n\x7F", 9));
    CHECK(!text_is_utf8("a\0b", 3));
    CHECK(!text_is_utf8("", 1));
}

static void knows_controls(void)
{
    static const struct {
        uint32_t first;
        uint32_t last;
    } controls[] = {{0, 0x1F},        {0x7F, 0x9F},     {0x61C, 0x61C},
                    {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}};

    for (size_t i = 0; i < COUNT(controls); i++) {
        for (uint32_t point = controls[i].first; point <= controls[i].last; point++)
            CHECK(text_is_control(point));
        CHECK(i == 0 || !text_is_control(controls[i].first - 1));
        CHECK(!text_is_control(controls[i].last + 1));
    }
}

/* Eight bytes at once: each byte that may not be there, at each place of three times eight. */
static void finds_the_end_of_plain_text(void)
{
    static const char bad[] = {0, 0x1F, 0x7F, (char)0x80, (char)0xA0, (char)0xFF};
    char text[24];

    for (size_t len = 0; len <= sizeof text; len++) {
        memset(text, len % 2 == 0 ? ' ' : '~', sizeof text);
        EQUAL(text_plain_run(text, len), len);
        for (size_t at = 0; at < len; at++)
            for (size_t i = 0; i < sizeof bad; i++) {
                char kept = text[at];

                text[at] = bad[i];
                EQUAL(text_plain_run(text, len), at);
                text[at] = kept;
            }
    }
}

static void knows_what_is_printable(void)
{
    CHECK(text_is_printable("a", 1, 1));
    CHECK(!text_is_printable("", 0, 1));
    CHECK(!text_is_printable("ab", 2, 1));
    CHECK(text_is_printable("Gr\xC3\xBC\xC3\x9F"
                            "e aus K\xC3\xB6ln \xF0\x9F\x8D\x95",
                            22, 22));
    CHECK(!text_is_printable("long enough for eight at once\x1B[31m", 34, 64));
    CHECK(!text_is_printable("a\xC2\x85"
                             "b",
                             4, 8));                 /* NEL, of C1 */
    CHECK(!text_is_printable("\xE2\x80\xAE", 3, 8)); /* RIGHT-TO-LEFT OVERRIDE */
}

static void shows_bytes_as_one_line(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *shown;
    } texts[] = {
        {"", 0, ""},
        {"plain text", 10, "plain text"},
        {"a\nb\tc", 5, "a\\x0ab\\x09c"},
        {"a\0b", 3, "a\\x00b"},
        {"C:\\n", 4, "C:\\\\n"},
        {"\x1B[2J", 4, "\\x1b[2J"},
        {"\x7F", 1, "\\x7f"},
        {"\xC3\xBC", 2, "\xC3\xBC"},
        {"\xC3", 1, "\\xc3"},
        {"\xFF\xFE", 2, "\\xff\\xfe"},
        {"\xC2\x85", 2, "\\xc2\\x85"},
        {"\xE2\x80\xAE", 3, "\\xe2\\x80\\xae"},
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        SAME(printable(texts[i].bytes, texts[i].len), texts[i].shown);
    SAME(printable_text("a\rb"), "a\\x0db");
}

static void cuts_what_is_too_long_to_be_shown(void)
{
    char text[PRINTABLE_MAX + 100];
    const char *shown;

    memset(text, 'a', sizeof text);
    shown = printable(text, sizeof text);
    EQUAL(strlen(shown), PRINTABLE_MAX);
    SAME(shown + PRINTABLE_MAX - 5, "aa...");
    SAME(printable_up_to(8, "abcdefghij", 10), "abcde...");
    SAME(printable_up_to(8, "abcd", 4), "abcd");
    /* Never within a character, were it of three bytes that are a control. */
    SAME(printable_up_to(8, "abc\xC3\xBC\xC3\xBC\xC3\xBC", 9), "abc\xC3\xBC...");
    memset(text, '\x80', sizeof text);
    CHECK(strlen(printable(text, sizeof text)) < PRINTABLE_MAX + 16);
    for (size_t i = 0; i + 3 <= sizeof text; i += 3)
        memcpy(text + i, "\xE2\x80\xAE", 3);
    for (size_t len = 100; len <= 200; len++)
        CHECK(strlen(printable_up_to(PRINTABLE_MAX, text, len * 3)) < PRINTABLE_MAX + 16);
}

static void shows_four_texts_at_once(void)
{
    const char *shown[] = {printable_text("one"), printable_text("two"), printable_text("three"),
                           printable_text("four")};

    SAME(shown[0], "one");
    SAME(shown[1], "two");
    SAME(shown[2], "three");
    SAME(shown[3], "four");
}

int main(void)
{
    RUN(decodes_utf8);
    RUN(refuses_what_is_not_utf8);
    RUN(knows_utf8_without_nul);
    RUN(knows_controls);
    RUN(finds_the_end_of_plain_text);
    RUN(knows_what_is_printable);
    RUN(shows_bytes_as_one_line);
    RUN(cuts_what_is_too_long_to_be_shown);
    RUN(shows_four_texts_at_once);
    return unit_end();
}
