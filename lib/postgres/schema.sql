-- The tables of order-tools in PostgreSQL. The programs make those that they need, if they may. To
-- make them by hand: psql -f postgresql.sql
--
-- A user that only uses them needs:
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

