-- The tables of order-tools in PostgreSQL. The programs make those that they need, if they may, and
-- upgrade those of an earlier version. By hand, as their owner: psql -f postgresql.sql, which does
-- what is left to be done, and may be run at any time.
--
-- A user that only uses them needs, after an upgrade once more:
--   GRANT USAGE ON SCHEMA order_tools TO ...;
--   GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA order_tools TO ...;
--   GRANT USAGE ON ALL SEQUENCES IN SCHEMA order_tools TO ...;
-- For order-show, queue-inspect and psql the first and SELECT are enough; order-tools-migrate needs
-- UPDATE on the sequences, too.

CREATE SCHEMA IF NOT EXISTS order_tools;

-- Of which version the tables of a domain are: 'orders', 'ledger' or 'notified'.
CREATE TABLE IF NOT EXISTS order_tools.version (
    domain text PRIMARY KEY,
    version bigint NOT NULL
);

-- The programs that run now. One whose lease has passed is over, and others take over its work.
CREATE TABLE IF NOT EXISTS order_tools.runs (
    run bigint PRIMARY KEY,
    domain text NOT NULL,
    program text NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    alive_until timestamptz NOT NULL
);

