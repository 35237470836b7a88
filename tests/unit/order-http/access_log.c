#include "order-http/access_log.h"

#include "unit.h"

#include "base/report.h"

#include <string.h>

static const struct access usual = {.method = "POST",
                                    .target = "/order",
                                    .status = 202,
                                    .bytes = 73,
                                    .duration_us = 1234,
                                    .peer = "127.0.0.1:53412",
                                    .order_id = "0190b5a6-0000-7000-8000-000000000000"};

static const char *logged(const struct access *access, bool as_json)
{
    report_in_format(as_json ? LOG_JSON : LOG_TEXT);
    access_log(access);
    report_flush();
    return unit_captured(2);
}

static void logs_a_line_of_text(void)
{
    struct access access = usual;

    SAME(logged(&access, false), "[http] POST /order 202 73 bytes 1.234 ms 127.0.0.1:53412 "
                                 "0190b5a6-0000-7000-8000-000000000000\n");
    access.order_id = "";
    SAME(logged(&access, false), "[http] POST /order 202 73 bytes 1.234 ms 127.0.0.1:53412\n");
}

static void logs_a_line_of_json(void)
{
    const char *line = logged(&usual, true);
    const char *rest = strchr(line, ',');

    CHECK(strncmp(line, "{\"time\": \"20", strlen("{\"time\": \"20")) == 0);
    SAME(rest,
         ", \"level\": \"info\", \"program\": \"order-tools\", \"message\": \"[http] POST /order "
         "202 73 bytes 1.234 ms 127.0.0.1:53412 0190b5a6-0000-7000-8000-000000000000\", "
         "\"method\": \"POST\", \"path\": \"/order\", \"status\": 202, \"bytes\": 73, "
         "\"ms\": 1.234, \"peer\": \"127.0.0.1:53412\", "
         "\"order_id\": \"0190b5a6-0000-7000-8000-000000000000\"}\n");
}

static void leaves_out_query_and_host(void)
{
    struct access access = usual;

    access.target = "/orders?token=secret";
    access.order_id = "";
    SAME(logged(&access, false), "[http] POST /orders 202 73 bytes 1.234 ms 127.0.0.1:53412\n");
    CHECK(strstr(logged(&access, true), "secret") == NULL);
    access.target = "http://name:secret@host/orders?token=secret";
    SAME(logged(&access, false), "[http] POST /orders 202 73 bytes 1.234 ms 127.0.0.1:53412\n");
    access.target = "https://name:secret@host?token=secret";
    SAME(logged(&access, false), "[http] POST / 202 73 bytes 1.234 ms 127.0.0.1:53412\n");
}

static void says_that_there_was_no_answer(void)
{
    struct access access = usual;

    access.status = 0;
    access.bytes = 0;
    access.order_id = "";
    SAME(logged(&access, false), "[http] POST /order - 0 bytes 1.234 ms 127.0.0.1:53412\n");
    CHECK(strstr(logged(&access, true), "\"status\": null, ") != NULL);
}

static void shows_what_came_safely(void)
{
    struct access access = usual;

    access.method = "AVERYVERYLONGMETHOD\033";
    access.target = "/\033[31m\\\"\xFF";
    access.order_id = "";
    SAME(logged(&access, false), "[http] AVERYVERYLONG... /\\x1b[31m\\\\\"\\xff 202 73 bytes "
                                 "1.234 ms 127.0.0.1:53412\n");
    CHECK(strstr(logged(&access, true), "\"path\": \"/\\\\x1b[31m\\\\\\\\\\\"\\\\xff\", ") != NULL);
}

int main(void)
{
    unit_capture(2);
    RUN(logs_a_line_of_text);
    RUN(logs_a_line_of_json);
    RUN(leaves_out_query_and_host);
    RUN(says_that_there_was_no_answer);
    RUN(shows_what_came_safely);
    return unit_end();
}
