-- Every order that was stored, and those that the broker has not confirmed yet, with the run that
-- is to publish them. data is the order as it came, without white space.

CREATE TABLE order_tools.orders (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL UNIQUE,
    placed_at timestamptz NOT NULL,
    data text NOT NULL
);

CREATE TABLE order_tools.pending (
    seq bigint PRIMARY KEY,
    run bigint NOT NULL
);

INSERT INTO order_tools.version (domain, version) VALUES ('orders', 1);

