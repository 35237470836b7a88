/* ledger_schema: the tables of a ledger. */
#include "sqlite/ledger.h"

#define OWED_TABLE \
    "CREATE TABLE owed (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, event TEXT NOT NULL);"

/* What reserved orders hold until they end. */
#define HELD_TABLE "CREATE TABLE held (seq INTEGER PRIMARY KEY, held TEXT NOT NULL);"

/* By the hour, in milliseconds since 1970. */
#define MOVEMENTS_TABLE                                                                   \
    "CREATE TABLE movements (seq INTEGER PRIMARY KEY, sku TEXT NOT NULL,"                 \
    " hour INTEGER NOT NULL, put_in INTEGER NOT NULL, taken_out INTEGER NOT NULL,"        \
    " ordered INTEGER NOT NULL, released INTEGER NOT NULL, handed_over INTEGER NOT NULL," \
    " UNIQUE (sku, hour));"

/*
 * Books a change of the level of a sku by so many units on hand, reserved and handed over. Triggers
 * do it, so that it is booked whatever changes the stock: a program of an earlier version, too,
 * that goes on after an upgrade.
 */
#define BOOK(sku, hour, on_hand, reserved, handed_over)                                        \
    "INSERT INTO movements (sku, hour, put_in, taken_out, ordered, released, handed_over)"     \
    " SELECT " sku ", " hour ", max(total, 0), max(-total, 0), max(taken, 0), max(-taken, 0)," \
    " handed FROM (SELECT " sku ", " on_hand " + " reserved " + " handed_over " AS total,"     \
    " " reserved " + " handed_over " AS taken, " handed_over " AS handed"

#define ADD_UP                                                                        \
    ") WHERE true ON CONFLICT (sku, hour) DO UPDATE SET"                              \
    " put_in = put_in + excluded.put_in, taken_out = taken_out + excluded.taken_out," \
    " ordered = ordered + excluded.ordered, released = released + excluded.released," \
    " handed_over = handed_over + excluded.handed_over;"

#define THIS_HOUR "strftime('%s', 'now') / 3600 * 3600000"

#define BOOKED_BY_TRIGGERS                                                                        \
    "CREATE TRIGGER stock_made AFTER INSERT ON stock BEGIN " BOOK(                                \
        "new.sku", THIS_HOUR, "new.on_hand", "new.reserved", "new.handed_over") ADD_UP            \
        " END;"                                                                                   \
        "CREATE TRIGGER stock_changed AFTER UPDATE ON stock BEGIN " BOOK(                         \
            "new.sku", THIS_HOUR, "(new.on_hand - old.on_hand)", "(new.reserved - old.reserved)", \
            "(new.handed_over - old.handed_over)") ADD_UP                                         \
        " END;"                                                                                   \
        "CREATE TRIGGER stock_removed AFTER DELETE ON stock BEGIN " BOOK(                         \
            "old.sku", THIS_HOUR, "-old.on_hand", "-old.reserved", "0") ADD_UP " END;"

/* The contexts that the event of an order, and that of its end, carry: trace/context.h. */
#define VERSION_4                                \
    "ALTER TABLE handled ADD COLUMN trace TEXT;" \
    "ALTER TABLE handled ADD COLUMN end_trace TEXT;"

static const char *const upgrades[] = {
    "ALTER TABLE owed RENAME TO owed_1;" OWED_TABLE
    "INSERT INTO owed (seq, run, event) SELECT seq, 0, event FROM owed_1;"
    "DROP TABLE owed_1",
    "ALTER TABLE handled ADD COLUMN noted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE handled ADD COLUMN ending INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE handled ADD COLUMN ended_at INTEGER;"
    "ALTER TABLE stock ADD COLUMN handed_over INTEGER NOT NULL DEFAULT 0;" HELD_TABLE
        MOVEMENTS_TABLE BOOK("sku", "0", "on_hand", "reserved",
                             "0") " FROM stock" ADD_UP BOOKED_BY_TRIGGERS,
    VERSION_4};

/*
 * handled: outcome is enum ledger_outcome, at first; ending the same of an order that has ended or
 * was cancelled before it came (then outcome is LEDGER_FAILED), otherwise 0. noted says that held
 * has what it holds. owed: seq is that of the order or, for the event of its end, LEDGER_END_KEY
 * more. Programs of earlier versions, which may still run, use outcome alone, and see no such
 * events.
 */
const struct database_kind ledger_kind = {
    .variable = "INVENTORY_LEDGER",
    .file = "ledger.db",
    .schema =
        "CREATE TABLE handled (seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE,"
        " outcome INTEGER NOT NULL, at INTEGER NOT NULL, noted INTEGER NOT NULL DEFAULT 0,"
        " ending INTEGER NOT NULL DEFAULT 0, ended_at INTEGER);" OWED_TABLE
        "CREATE TABLE stock (sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL CHECK (on_hand >= 0),"
        " reserved INTEGER NOT NULL, handed_over INTEGER NOT NULL DEFAULT 0) WITHOUT "
        "ROWID;" HELD_TABLE MOVEMENTS_TABLE BOOKED_BY_TRIGGERS VERSION_4,
    .upgrades = upgrades,
    .application = 0x6F726C67, /* "orlg" */
    .version = 4,
};
