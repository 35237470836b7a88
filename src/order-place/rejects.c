#include "rejects.h"

#include "base/outlet.h"
#include "base/text.h"
#include "json/walk.h"
#include "json/writer.h"
#include "order/order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD"
/* The longest way to write an order_id: quotation marks, and \uXXXX for each byte. */
#define ID_TEXT_MAX (6 * ORDER_MAX_ID + 2)

/* A file, if there is a path. */
struct file {
    const char *path;
    struct outlet outlet;
};

static struct file plain;
static struct file json;

/* The refusal whose pieces come now, for the file of JSON. */
static struct {
    char start[80]; /* of the line: number and line */
    char order_id[ID_TEXT_MAX];
    char member[sizeof((struct order_fault *)NULL)->reason]; /* at fault */
    char reason[sizeof((struct order_fault *)NULL)->reason];
    char input[REJECTS_INPUT_MAX];
    size_t len;
    bool is_cut;
} refusal;

static enum exit_code failed(const struct file *file)
{
    report("cannot write '%s': %s", printable_text(file->path), outlet_reason());
    return EXIT_OUTPUT;
}

static enum exit_code write_to(struct file *file, const char *text, size_t len, bool is_end)
{
    if (outlet_add(&file->outlet, text, len) &&
        (!is_end || (outlet_add(&file->outlet, "\n", 1) && outlet_flush(&file->outlet))))
        return EXIT_OK;
    return failed(file);
}

/* ---- as JSON ---- */

/* Copies the order_id of a value to refusal.order_id; leaves that empty if there is none that can
 * be shown. */
static void find_order_id(const char *value)
{
    struct json_field field = {.name = "order_id"};
    size_t len;

    refusal.order_id[0] = '\0';
    if (*value != '{')
        return;
    (void)json_walk_object(value, &field, 1);
    if (field.value == NULL || field.is_twice || *field.value != '"')
        return;
    if ((size_t)(json_walk_past(field.value) - field.value) > ID_TEXT_MAX)
        return;
    len = (size_t)(json_walk_text(field.value, refusal.order_id) - refusal.order_id);
    if (!text_is_printable(refusal.order_id, len, ORDER_MAX_ID))
        refusal.order_id[0] = '\0';
}

static void start_refusal(const struct json_piece *piece, bool is_value)
{
    (void)snprintf(refusal.start, sizeof refusal.start,
                   "{\"number\": %" PRIu64 ", \"line\": %" PRIu64, piece->number, piece->line);
    (void)snprintf(refusal.reason, sizeof refusal.reason, "%s", piece->reason);
    refusal.order_id[0] = '\0';
    refusal.member[0] = '\0';
    if (is_value) {
        find_order_id(piece->text);
        (void)snprintf(refusal.member, sizeof refusal.member, "%.*s",
                       (int)order_fault_member(piece->reason), piece->reason);
    }
    refusal.len = 0;
    refusal.is_cut = false;
}

static void take_input(const struct json_piece *piece)
{
    size_t room = sizeof refusal.input - refusal.len;
    size_t len = piece->len < room ? piece->len : room;

    memcpy(refusal.input + refusal.len, piece->text, len);
    refusal.len += len;
    refusal.is_cut = refusal.is_cut || len < piece->len;
}

/* Writes the input to text, as UTF-8 without NUL. */
static void clean_input(char text[3 * REJECTS_INPUT_MAX + 1])
{
    uint32_t point;

    for (size_t i = 0; i < refusal.len;) {
        size_t step = utf8_decode(refusal.input + i, refusal.len - i, &point);
        bool is_text = step > 0 && point != 0;
        size_t len = is_text ? step : sizeof REPLACEMENT - 1;

        /* Not half of a character. */
        if (step == 0 && refusal.is_cut && refusal.len - i < 4)
            break;
        memcpy(text, is_text ? refusal.input + i : REPLACEMENT, len);
        text += len;
        i += step > 0 ? step : 1;
    }
    *text = '\0';
}

static enum exit_code write_refusal(void)
{
    static char input[3 * REJECTS_INPUT_MAX + 1];
    struct json_writer line;
    enum exit_code code;
    char *text;

    clean_input(input);
    json_writer_start(&line);
    json_writer_raw(&line, refusal.start);
    if (refusal.order_id[0] != '\0')
        json_writer_member(&line, ", \"order_id\": ", refusal.order_id);
    if (refusal.member[0] != '\0')
        json_writer_member(&line, ", \"member\": ", refusal.member);
    json_writer_member(&line, ", \"reason\": ", refusal.reason);
    json_writer_member(&line, ", \"input\": ", input);
    json_writer_raw(&line, refusal.is_cut ? ", \"cut\": true}" : "}");
    text = json_writer_end(&line);
    code = write_to(&json, text, strlen(text), true);
    free(text);
    return code;
}

/* ---- both ---- */

static enum exit_code open_file(struct file *file, const char *path)
{
    if (path == NULL || outlet_open(&file->outlet, path)) {
        file->path = path;
        return EXIT_OK;
    }
    report_errno("cannot open '%s'", printable_text(path));
    return EXIT_OUTPUT;
}

enum exit_code rejects_open(const char *path, const char *json_path)
{
    enum exit_code code = open_file(&plain, path);

    return code == EXIT_OK ? open_file(&json, json_path) : code;
}

enum exit_code rejects_add(const struct json_piece *piece, bool is_value)
{
    enum exit_code code = EXIT_OK;

    if (plain.path != NULL)
        code = write_to(&plain, piece->text, piece->len, piece->last);
    if (json.path == NULL)
        return code;
    if (piece->reason != NULL)
        start_refusal(piece, is_value);
    take_input(piece);
    return piece->last ? first_failure(code, write_refusal()) : code;
}

enum exit_code rejects_close(void)
{
    enum exit_code code = EXIT_OK;

    if (plain.path != NULL && !outlet_close(&plain.outlet))
        code = failed(&plain);
    if (json.path != NULL && !outlet_close(&json.outlet))
        code = first_failure(code, failed(&json));
    return code;
}
