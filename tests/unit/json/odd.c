#include "json/odd.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void measures_escapes(void)
{
    static const struct {
        const char *escape;
        size_t length;
        bool odd;
    } escapes[] = {
        {"\\n\"", 2, false},
        {"\\\\u0000\"", 2, false},
        {"\\u0041\"", 6, false},
        {"\\u0000\"", 6, true},
        {"\\ud83d\\ude00\"", 12, false},
        {"\\uDBFF\\uDFFF\"", 12, false},
        {"\\ud83d\"", 6, true},
        {"\\ud83d\\n\"", 6, true},
        {"\\ud83d\\ud83d\"", 6, true},
        {"\\ud83d\\ue000\"", 6, true},
        {"\\ude00\"", 6, true},
        {"\\ud7ff\"", 6, false},
        {"\\ue000\"", 6, false},
    };
    bool odd;

    for (size_t i = 0; i < COUNT(escapes); i++) {
        unit_row(escapes[i].escape);
        EQUAL(json_escape(escapes[i].escape, 0, &odd), escapes[i].length);
        EQUAL(odd, escapes[i].odd);
    }
}

static void tames(void)
{
#define DIGITS "123456789012345678901234567890123456789012345678901234567890123"
#define SPACES "                                                               "
    static const struct {
        const char *text;
        const char *tamed;
    } texts[] = {
        {"{\"a\":[1,\"b\"]}", "{\"a\":[1,\"b\"]}"},
        {"\"\\u0000x\"", "\"\\u0001x\""},
        {"\"\\uD83Dx\"", "\"\\u001ax\""},
        {"\"\\ude00\"", "\"\\u001a\""},
        {"\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""},
        {"\"\\\\u0000\"", "\"\\\\u0000\""},
        {"[" DIGITS "]", "[" DIGITS "]"},
        {"[" DIGITS "4]", "[0" SPACES "]"},
        {"[-" DIGITS "]", "[0" SPACES "]"},
        {"\"" DIGITS "4\"", "\"" DIGITS "4\""},
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        char *tamed = json_tamed(texts[i].text, strlen(texts[i].text));

        SAME(tamed, texts[i].tamed);
        free(tamed);
    }
}

int main(void)
{
    RUN(measures_escapes);
    RUN(tames);
    return unit_end();
}
