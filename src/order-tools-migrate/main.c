/*
 * order-tools-migrate: moves the orders, the ledger or the notified customers from one store to
 * another, from a file to a database or back.
 *
 * All is written in one transaction: killed before its end, the target is as it was before.
 */
#include "base/options.h"
#include "base/output.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "engine/open.h"
#include "json/json.h"
#include "json/output.h"
#include "store/mover.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_ROWS 256

static const char usage[] =
    "usage: order-tools-migrate orders|ledger|notified FROM TO\n"
    "Copies all that is in one store to another, which must be empty, and prints how many entries\n"
    "each has then. FROM and TO are files, or URIs of PostgreSQL databases.\n";

static struct option_entry options[] = {{.group = common_option_table}, {0}};

static enum moved_domain domain;
static const struct moved_parts *parts;
static struct mover *from;
static struct mover *to;
static struct moved_page page;
static struct moved_page next;

static void read_domain(const char *name)
{
    static const char *const names[] = {
        [MOVED_ORDERS] = "orders", [MOVED_LEDGER] = "ledger", [MOVED_NOTIFIED] = "notified"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            domain = (enum moved_domain)i;
            parts = moved_parts(domain);
        }
    if (parts == NULL)
        usage_error("'%s' is neither orders nor ledger nor notified", printable_text(name));
}

static char **read_options(int argc, char **argv)
{
    char **operands = options_read(argc, argv, usage, options);
    int count = 0;

    while (operands[count] != NULL)
        count++;
    if (count != 3)
        usage_error("three arguments are needed: what to move, FROM and TO");
    read_domain(operands[0]);
    return operands + 1;
}

/* ---- what must hold ---- */

/* Returns EXIT_STORE, reported, if another program is at work. */
static enum exit_code refuse_runs(struct mover *mover, const char *which)
{
    bool some;
    enum exit_code code = mover->operations->has_runs(mover, &some);

    if (code != EXIT_OK || !some)
        return code;
    report("a program that writes to %s is running, or was killed less than 30 s ago: stop it "
           "first",
           which);
    return EXIT_STORE;
}

static enum exit_code refuse_all_runs(void)
{
    enum exit_code code = refuse_runs(from, "FROM");

    return code == EXIT_OK ? refuse_runs(to, "TO") : code;
}

/* ---- going through the rows ---- */

static void swap_pages(void)
{
    struct moved_page before = page;

    page = next;
    next = before;
}

/*
 * Reads a part of FROM page by page, and hands each to take, while page is the one before it. Fails
 * if a stop is requested.
 */
static enum exit_code each_page(size_t part, enum exit_code (*take)(size_t part))
{
    enum exit_code code;

    moved_page_start(&page, &parts->all[part]);
    do {
        code = from->operations->read(from, part, &page, PAGE_ROWS, &next);
        if (code == EXIT_OK)
            code = take(part);
        if (code == EXIT_OK && stop_requested()) {
            report("asked to stop: nothing was moved");
            code = EXIT_STORE;
        }
        swap_pages();
    } while (code == EXIT_OK && page.rows > 0);
    return code;
}

static enum exit_code each_part(enum exit_code (*take)(size_t part))
{
    enum exit_code code = EXIT_OK;

    for (size_t part = 0; part < parts->count && code == EXIT_OK; part++)
        code = each_page(part, take);
    return code;
}

static enum exit_code write_page(size_t part)
{
    return next.rows > 0 ? to->operations->write(to, part, &next) : EXIT_OK;
}

/* Returns EXIT_NO if TO has other rows here. */
static enum exit_code compare_page(size_t part)
{
    static struct moved_page other;
    enum exit_code code = to->operations->read(to, part, &page, PAGE_ROWS, &other);
    bool is_same = code == EXIT_OK && moved_page_equals(&next, &other);

    moved_page_free(&other);
    return code == EXIT_OK && !is_same ? EXIT_NO : code;
}

/* ---- counting ---- */

struct counts {
    int64_t rows[MOVED_PARTS_MAX];
};

static enum exit_code count_all(struct mover *mover, struct counts *counts)
{
    enum exit_code code = EXIT_OK;

    for (size_t part = 0; part < parts->count && code == EXIT_OK; part++)
        code = mover->operations->count(mover, part, &counts->rows[part]);
    return code;
}

static enum exit_code count_both(struct counts *of_from, struct counts *of_to)
{
    enum exit_code code = count_all(from, of_from);

    return code == EXIT_OK ? count_all(to, of_to) : code;
}

static bool are_same(const struct counts *counts, const struct counts *others)
{
    for (size_t part = 0; part < parts->count; part++)
        if (counts->rows[part] != others->rows[part])
            return false;
    return true;
}

static enum exit_code print_counts(const struct counts *of_from, const struct counts *of_to)
{
    enum exit_code code = EXIT_OK;

    for (size_t part = 0; part < parts->count && code == EXIT_OK; part++) {
        cJSON *line = cJSON_CreateObject();

        json_need(line);
        json_need(cJSON_AddStringToObject(line, "part", parts->all[part].name));
        json_need(cJSON_AddNumberToObject(line, "from", (double)of_from->rows[part]));
        json_need(cJSON_AddNumberToObject(line, "to", (double)of_to->rows[part]));
        code = output_json(line);
    }
    return code;
}

/* ---- moving ---- */

/* TO is not empty: that is well if it is the same, after a move of which the end is not known. */
static enum exit_code compare_all(void)
{
    enum exit_code code = each_part(compare_page);

    if (code == EXIT_NO) {
        report("TO is not empty, and does not have what FROM has: nothing was moved");
        return EXIT_STORE;
    }
    return code;
}

/* Makes sure that FROM has not changed meanwhile, and lets the rows be seen in TO. */
static enum exit_code end_move(const struct counts *of_to)
{
    struct counts of_from = {{0}};
    enum exit_code code = from->operations->commit(from);

    if (code == EXIT_OK)
        code = refuse_all_runs();
    if (code == EXIT_OK)
        code = count_all(from, &of_from);
    if (code == EXIT_OK && !are_same(&of_from, of_to)) {
        report("FROM was changed meanwhile: nothing was moved");
        return EXIT_STORE;
    }
    return code == EXIT_OK ? to->operations->commit(to) : code;
}

static enum exit_code move_all(void)
{
    static const struct counts none;
    struct counts of_from = {{0}};
    struct counts of_to = {{0}};
    enum exit_code code = refuse_all_runs();

    if (code == EXIT_OK)
        code = count_both(&of_from, &of_to);
    if (code != EXIT_OK)
        return code;
    if (are_same(&of_to, &none)) {
        code = each_part(write_page);
        if (code == EXIT_OK)
            code = count_all(to, &of_to);
        if (code == EXIT_OK)
            code = end_move(&of_to);
    } else {
        code = compare_all();
    }
    return code == EXIT_OK ? print_counts(&of_from, &of_to) : code;
}

int main(int argc, char **argv)
{
    char **names;
    enum exit_code code;

    report_program(argv[0]);
    names = read_options(argc, argv);
    stop_on_signals();
    code = engine_open_mover(domain, names[0], MOVER_SOURCE, &from);
    if (code == EXIT_OK)
        code = engine_open_mover(domain, names[1], MOVER_TARGET, &to);
    if (code == EXIT_OK)
        code = move_all();
    if (to != NULL)
        to->operations->close(to);
    if (from != NULL)
        from->operations->close(from);
    moved_page_free(&page);
    moved_page_free(&next);
    return program_end(code, false);
}
