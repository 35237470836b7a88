#include "json/foreign.h"

#include "base/text.h"

#include <stdint.h>
#include <string.h>

#define MARK "\xEF\xBB\xBF"
#define MARK_LENGTH 3
#define GUESSED 64 /* a guess looks at so many bytes */

static const struct {
    const char *magic;
    size_t length;
    struct foreign format;
} formats[] = {
    {"\x1f\x8b", 2, {"gzip data", "gzip -dc unpacks it"}},
    {"\x28\xb5\x2f\xfd", 4, {"zstd data", "zstd -dc unpacks it"}},
    {"\xfd"
     "7zXZ",
     5,
     {"xz data", "xz -dc unpacks it"}},
    {"BZh", 3, {"bzip2 data", "bzip2 -dc unpacks it"}},
    {"\x04\x22\x4d\x18", 4, {"lz4 data", "lz4 -dc unpacks it"}},
    {"PK\x03\x04", 4, {"a zip archive", "unzip -p unpacks it"}},
    {"\x78\x01", 2, {"zlib data (deflate)", "zlib-flate -uncompress unpacks it"}},
    {"\x78\x9c", 2, {"zlib data (deflate)", "zlib-flate -uncompress unpacks it"}},
    {"\x78\xda", 2, {"zlib data (deflate)", "zlib-flate -uncompress unpacks it"}},
    {"SQLite format 3", 15, {"an SQLite database", "sqlite3 -json reads it"}},
    {"#!", 2, {"a script", "its output is wanted, not its text"}},
};

static const struct foreign utf16 = {"text in UTF-16",
                                     "iconv -f UTF-16 -t UTF-8 makes UTF-8 of it"};
static const struct foreign utf16le = {"text in UTF-16",
                                       "iconv -f UTF-16LE -t UTF-8 makes UTF-8 of it"};
static const struct foreign utf16be = {"text in UTF-16",
                                       "iconv -f UTF-16BE -t UTF-8 makes UTF-8 of it"};
static const struct foreign utf32 = {"text in UTF-32",
                                     "iconv -f UTF-32 -t UTF-8 makes UTF-8 of it"};

/* An order in JSON starts with two ASCII characters: the NULs between them tell the encoding. */
static const struct foreign *wide_text(const char *bytes, size_t len)
{
    bool nul[4];

    if (len < 4)
        return NULL;
    for (size_t i = 0; i < 4; i++)
        nul[i] = bytes[i] == '\0';
    if (memcmp(bytes, "\xFF\xFE\0\0", 4) == 0 || memcmp(bytes, "\0\0\xFE\xFF", 4) == 0 ||
        (!nul[0] && nul[1] && nul[2] && nul[3]) || (nul[0] && nul[1] && nul[2] && !nul[3]))
        return &utf32;
    if ((memcmp(bytes, "\xFF\xFE", 2) == 0 && nul[3]) ||
        (memcmp(bytes, "\xFE\xFF", 2) == 0 && nul[2]))
        return &utf16;
    if (!nul[0] && nul[1] && !nul[2] && nul[3])
        return &utf16le;
    return nul[0] && !nul[1] && nul[2] && !nul[3] ? &utf16be : NULL;
}

static bool starts_with(const char *bytes, size_t len, const char *prefix, size_t prefix_len)
{
    return len >= prefix_len && memcmp(bytes, prefix, prefix_len) == 0;
}

static bool starts_with_text(const char *bytes, size_t len, const char *prefix)
{
    return starts_with(bytes, len, prefix, strlen(prefix));
}

const struct foreign *foreign_format(const char *bytes, size_t len)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (starts_with(bytes, len, formats[i].magic, formats[i].length))
            return &formats[i].format;
    return wide_text(bytes, len);
}

/* Do the bytes end before prefix does, and agree with it so far? */
static bool is_start_of(const char *bytes, size_t len, const char *prefix, size_t prefix_len)
{
    return len < prefix_len && memcmp(bytes, prefix, len) == 0;
}

bool foreign_needs_more(const char *bytes, size_t len)
{
    if (len < 2 || is_start_of(bytes, len, MARK, MARK_LENGTH))
        return true;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (is_start_of(bytes, len, formats[i].magic, formats[i].length))
            return true;
    return len < 4 && (bytes[0] == '\0' || bytes[1] == '\0' || memcmp(bytes, "\xFF\xFE", 2) == 0 ||
                       memcmp(bytes, "\xFE\xFF", 2) == 0);
}

size_t foreign_mark(const char *bytes, size_t len)
{
    return starts_with(bytes, len, MARK, MARK_LENGTH) ? MARK_LENGTH : 0;
}

/* Binary formats of JSON's kind: each starts with a map, whose first key is a string. */
static const char *guess_packed(const unsigned char *bytes, size_t len)
{
    if (len < 2)
        return NULL;
    if (bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5)
        return "a pickle of Python";
    if (bytes[0] >= 0x81 && bytes[0] <= 0x8F &&
        ((bytes[1] >= 0xA0 && bytes[1] <= 0xBF) || bytes[1] == 0xD9))
        return "MessagePack";
    if (((bytes[0] >= 0xA1 && bytes[0] <= 0xB7) || bytes[0] == 0xBF) && bytes[1] >= 0x60 &&
        bytes[1] <= 0x7B)
        return "CBOR";
    return starts_with_text((const char *)bytes, len, "Obj\x01") ? "an Avro file" : NULL;
}

static bool is_binary(const char *bytes, size_t len)
{
    uint32_t point;

    for (size_t i = 0; i < len && i < GUESSED;) {
        size_t step = utf8_decode(bytes + i, len - i, &point);

        if (step == 0 ||
            (text_is_control(point) && point != '\t' && point != '\n' && point != '\r'))
            return true;
        i += step;
    }
    return memchr(bytes, '\0', len) != NULL;
}

/* Returns the character after the name at the start of bytes; NUL if there is no name. */
static char after_name(const char *bytes, size_t len)
{
    size_t i = 0;

    while (i < len && (strchr("_-.", bytes[i]) != NULL || (bytes[i] >= '0' && bytes[i] <= '9') ||
                       ((bytes[i] | 0x20) >= 'a' && (bytes[i] | 0x20) <= 'z')))
        i++;
    return i > 0 && i < len ? bytes[i] : '\0';
}

/* Is there a separator in the first line that has no blank beside it, as in prose? */
static bool is_table(const char *bytes, size_t len)
{
    for (size_t i = 1; i + 1 < len && bytes[i] != '\n'; i++)
        if (strchr(",;\t", bytes[i]) != NULL && strchr(" \t", bytes[i + 1]) == NULL &&
            strchr(" \t", bytes[i - 1]) == NULL)
            return true;
    return false;
}

static const char *guess_text(const char *bytes, size_t len)
{
    if (starts_with_text(bytes, len, "<"))
        return "XML or HTML";
    if (starts_with_text(bytes, len, "---"))
        return "YAML";
    if (starts_with_text(bytes, len, "ey") || starts_with_text(bytes, len, "ewo") ||
        starts_with_text(bytes, len, "ew0"))
        return "JSON in base64";
    if (starts_with_text(bytes, len, "%7B") || starts_with_text(bytes, len, "%7b"))
        return "URL-encoded JSON";
    switch (after_name(bytes, len)) {
    case '=':
        return "the data of a form";
    case ':':
        return "YAML";
    case ',':
    case ';':
    case '\t':
        return is_table(bytes, len) ? "CSV" : NULL;
    default:
        return NULL;
    }
}

const char *foreign_guess(const char *bytes, size_t len)
{
    const char *packed = guess_packed((const unsigned char *)bytes, len);

    if (packed != NULL)
        return packed;
    if (is_binary(bytes, len))
        return "binary data";
    while (len > 0 && memchr(" \t\r\n", *bytes, 4) != NULL) {
        bytes++;
        len--;
    }
    return guess_text(bytes, len);
}
