#include "order-http/media.h"

#include "unit.h"

static void knows_json(void)
{
    static const char *const json[] = {
        "application/json",
        "Application/JSON",
        " application/json ",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "application/json;charset=UTF8",
        "application/json; charset=us-ascii",
        "application/json; profile=\"a;charset=x\"",
        "application/json;",
    };
    static const char *const other[] = {
        "",
        "text/plain",
        "application/jsonp",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json; a=b; charset=latin1",
    };

    for (size_t i = 0; i < COUNT(json); i++) {
        unit_row(json[i]);
        CHECK(media_is_json(json[i]));
    }
    for (size_t i = 0; i < COUNT(other); i++) {
        unit_row(other[i]);
        CHECK(!media_is_json(other[i]));
    }
    unit_row(NULL);
}

static void reads_what_is_accepted(void)
{
    static const char *const accepting[] = {
        "",
        "*/*",
        "application/*",
        "application/json",
        "APPLICATION/JSON",
        "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8",
        "application/json;q=0.001",
        "application/json; charset=utf-8",
        "text/html,application/json",
        "*/*;q=0, application/json",
        "application/*;q=0, application/json;q=1",
        ",, application/json ,",
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", /* Java */
    };
    static const char *const excluding[] = {
        "text/html",
        "application/xml",
        "text/*",
        "application/json;q=0",
        "application/json; q=0.000",
        "application/json;q=0, */*",
        "application/*;q=0, */*;q=1",
        "application/problem+json",
        "\"application/json\"",
        "*",
        ",",
    };

    CHECK(media_accepts(NULL, "application/json"));
    for (size_t i = 0; i < COUNT(accepting); i++) {
        unit_row(accepting[i]);
        CHECK(media_accepts(accepting[i], "application/json"));
    }
    for (size_t i = 0; i < COUNT(excluding); i++) {
        unit_row(excluding[i]);
        CHECK(!media_accepts(excluding[i], "application/json"));
    }
    unit_row(NULL);
}

/* What Prometheus sends. */
static void takes_no_notice_of_parameters(void)
{
    CHECK(media_accepts("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
                        "text/plain; version=0.0.4; charset=utf-8"));
}

static void knows_a_list_of_one_word(void)
{
    CHECK(media_is_only("identity", "identity"));
    CHECK(media_is_only("Identity , ,identity\t", "identity"));
    CHECK(media_is_only("", "identity"));
    CHECK(!media_is_only("gzip", "identity"));
    CHECK(!media_is_only("identity, gzip", "identity"));
    CHECK(!media_is_only("identity gzip", "identity"));
}

int main(void)
{
    RUN(knows_json);
    RUN(reads_what_is_accepted);
    RUN(takes_no_notice_of_parameters);
    RUN(knows_a_list_of_one_word);
    return unit_end();
}
