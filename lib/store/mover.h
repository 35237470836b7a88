/*
 * mover: the whole content of a store as rows that are the same in each engine, so that it can be
 * moved from one to another.
 *
 * A domain has parts, and a part has rows with a key, which is the first value. To which run a row
 * belongs is not moved: that run must have ended, and another one claims what is left of it.
 *
 * A mover is one end of a move. It has a transaction from its opening on: what is read is of one
 * moment, and what is written is there at once with commit(), or not at all.
 *
 * An open mover is a struct mover whose operations are those of an engine; engine/open.h opens one.
 *
 * Operations that can fail return EXIT_OK, or EXIT_STORE, reported.
 */
#ifndef STORE_MOVER_H
#define STORE_MOVER_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum moved_domain { MOVED_ORDERS, MOVED_LEDGER, MOVED_NOTIFIED };

enum moved_type {
    MOVED_NUMBER,
    MOVED_TIME, /* milliseconds since 1970 */
    MOVED_TEXT,
    MOVED_UUID /* its UUID_BYTES bytes */
};

#define MOVED_PARTS_MAX 3
#define MOVED_COLUMNS_MAX 14

struct moved_part {
    const char *name;
    size_t columns;
    enum moved_type types[MOVED_COLUMNS_MAX]; /* of a key: MOVED_NUMBER, above 0, or MOVED_TEXT */
};

struct moved_parts {
    size_t count;
    struct moved_part all[MOVED_PARTS_MAX];
};

/* Returns the parts of a domain. */
const struct moved_parts *moved_parts(enum moved_domain domain);

/* What notified customers have in the column that says how they stand. */
enum moved_standing { MOVED_TOLD, MOVED_FREE, MOVED_IN_DOUBT };

struct moved_value {
    int64_t number;    /* or time; otherwise 0 */
    const char *bytes; /* of a text or UUID, valid until the page changes; otherwise NULL */
    size_t len;
};

/* Rows. Zeroed and filled by reading; freed with moved_page_free(). */
struct moved_page {
    size_t columns;
    size_t rows;
    struct moved_value *values; /* row by row; bytes is private: use moved_page_value() */
    size_t size;
    char *text;
    size_t text_len;
    size_t text_size;
};

/* Empties the page for rows of a part. Keeps its memory. */
void moved_page_start(struct moved_page *page, const struct moved_part *part);

/* Adds a row of zeros. */
void moved_page_add_row(struct moved_page *page);

/* Each sets a value of the last row. */
void moved_page_number(struct moved_page *page, size_t column, int64_t number);
void moved_page_bytes(struct moved_page *page, size_t column, const char *bytes, size_t len);

/* Returns a value. */
struct moved_value moved_page_value(const struct moved_page *page, size_t row, size_t column);

/* Returns whether two pages have the same rows. */
bool moved_page_equals(const struct moved_page *page, const struct moved_page *other);

/* Frees the memory. The page can be started again. */
void moved_page_free(struct moved_page *page);

enum mover_side {
    MOVER_SOURCE, /* read() and count(); nothing is changed */
    MOVER_TARGET  /* all; the tables are made if there are none */
};

struct mover;

struct mover_operations {
    /* Sets *some to whether a run of that domain lives, which is another program at work. */
    enum exit_code (*has_runs)(struct mover *mover, bool *some);

    /* Counts the rows of a part. */
    enum exit_code (*count)(struct mover *mover, size_t part, int64_t *count);

    /* Reads up to max rows of a part, in the order of keys, with keys above that of the last row of
     * after; or from the first on, if after has none. */
    enum exit_code (*read)(struct mover *mover, size_t part, const struct moved_page *after,
                           size_t max, struct moved_page *page);

    /* Adds rows, whose keys must be new. */
    enum exit_code (*write)(struct mover *mover, size_t part, const struct moved_page *page);

    /*
     * Ends the transaction. On EXIT_OK all that was written is on disk. Otherwise nothing of it is;
     * but if the connection to a database was lost just then, that is not known. has_runs() and
     * count() tell afterwards what holds by then.
     */
    enum exit_code (*commit)(struct mover *mover);

    /* Frees all. Without commit() nothing was written. */
    void (*close)(struct mover *mover);
};

struct mover {
    const struct mover_operations *operations;
};

#endif
