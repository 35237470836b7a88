#include "json/foreign.h"

#include "unit.h"

#include <string.h>

struct start {
    const char *bytes;
    size_t len;
    const char *what;
};

static void knows_formats_by_their_first_bytes(void)
{
    static const struct start starts[] = {
        {"\x1F\x8B\x08", 3, "gzip data"},
        {"\x28\xB5\x2F\xFD", 4, "zstd data"},
        {"\xFD"
         "7zXZ",
         5, "xz data"},
        {"BZh9", 4, "bzip2 data"},
        {"\x04\x22\x4D\x18", 4, "lz4 data"},
        {"PK\x03\x04", 4, "a zip archive"},
        {"\x78\x01", 2, "zlib data (deflate)"},
        {"\x78\x9C", 2, "zlib data (deflate)"},
        {"\x78\xDA", 2, "zlib data (deflate)"},
        {"SQLite format 3\0", 16, "an SQLite database"},
        {"#!/bin/sh", 9, "a script"},
        {"\xFF\xFE{\0", 4, "text in UTF-16"},
        {"\xFE\xFF\0{", 4, "text in UTF-16"},
        {"{\0\"\0", 4, "text in UTF-16"},
        {"\0{\0\"", 4, "text in UTF-16"},
        {"\xFF\xFE\0\0", 4, "text in UTF-32"},
        {"\0\0\xFE\xFF", 4, "text in UTF-32"},
        {"{\0\0\0", 4, "text in UTF-32"},
        {"\0\0\0{", 4, "text in UTF-32"},
        {"{\"a\":1}", 7, NULL},
        {"\xEF\xBB\xBF{}", 5, NULL},
        {"\x1F", 1, NULL},
        {"{\0\"", 3, NULL},
        {"\0\0\0\0", 4, NULL},
        {"", 0, NULL},
    };

    for (size_t i = 0; i < COUNT(starts); i++) {
        const struct foreign *format = foreign_format(starts[i].bytes, starts[i].len);

        unit_row(starts[i].what);
        SAME(format == NULL ? NULL : format->what, starts[i].what);
    }
    SAME(foreign_format("\0{\0\"", 4)->help, "iconv -f UTF-16BE -t UTF-8 makes UTF-8 of it");
    SAME(foreign_format("{\0\"\0", 4)->help, "iconv -f UTF-16LE -t UTF-8 makes UTF-8 of it");
}

static void says_when_more_bytes_would_tell(void)
{
    CHECK(foreign_needs_more("", 0));
    CHECK(foreign_needs_more("{", 1));
    CHECK(foreign_needs_more("\xEF\xBB", 2));
    CHECK(foreign_needs_more("SQLite", 6));
    CHECK(foreign_needs_more("BZ", 2));
    CHECK(foreign_needs_more("\xFF\xFE{", 3));
    CHECK(foreign_needs_more("\xFE\xFF", 2));
    CHECK(foreign_needs_more("{\0\"", 3));
    CHECK(foreign_needs_more("\0{\"", 3));
    CHECK(!foreign_needs_more("{}", 2));
    CHECK(!foreign_needs_more("\xEF\xBB\xBF", 3));
    CHECK(!foreign_needs_more("SQLite format 3", 15));
    CHECK(!foreign_needs_more("{\0\"\0", 4));
}

static void finds_a_byte_order_mark(void)
{
    EQUAL(foreign_mark("\xEF\xBB\xBF{}", 5), 3);
    EQUAL(foreign_mark("\xEF\xBB\xBF", 3), 3);
    EQUAL(foreign_mark("\xEF\xBB", 2), 0);
    EQUAL(foreign_mark("{}", 2), 0);
}

static void guesses(void)
{
    static const struct start starts[] = {
        {"\x80\x04\x95", 3, "a pickle of Python"},
        {"\x82\xA1"
         "a",
         3, "MessagePack"},
        {"\x8F\xD9\x20", 3, "MessagePack"},
        {"\xA1\x61"
         "a",
         3, "CBOR"},
        {"\xBF\x7B", 2, "CBOR"},
        {"Obj\x01", 4, "an Avro file"},
        {"\x80\x01", 2, "binary data"},
        {"ab\0c", 4, "binary data"},
        {"ab\x1B[m", 5, "binary data"},
        {"<xml/>", 6, "XML or HTML"},
        {" \n<html>", 8, "XML or HTML"},
        {"---\na: 1", 8, "YAML"},
        {"user_id: 7", 10, "YAML"},
        {"eyJhIjoxfQ", 10, "JSON in base64"},
        {"ewogICJh", 8, "JSON in base64"},
        {"ew0KICJh", 8, "JSON in base64"},
        {"%7B%22a", 7, "URL-encoded JSON"},
        {"%7b%22a", 7, "URL-encoded JSON"},
        {"user-1.id=7&b=8", 15, "the data of a form"},
        {"hello, world", 12, NULL},
        {"hello", 5, NULL},
        {"{\"a\":1}", 7, NULL},
        {"", 0, NULL},
        {" ", 1, NULL},
    };

    for (size_t i = 0; i < COUNT(starts); i++) {
        unit_row(starts[i].bytes);
        SAME(foreign_guess(starts[i].bytes, starts[i].len), starts[i].what);
    }
}

int main(void)
{
    RUN(knows_formats_by_their_first_bytes);
    RUN(says_when_more_bytes_would_tell);
    RUN(finds_a_byte_order_mark);
    RUN(guesses);
    return unit_end();
}
