-- What inventory decided about each order; the events that announce it and are still owed, with the
-- run that is to publish them; and the stock. A run of 0 has ended in good order.

CREATE TABLE order_tools.reservations (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text COLLATE "C" NOT NULL UNIQUE,
    outcome text NOT NULL CHECK (outcome IN ('RESERVED', 'FAILED')),
    decided_at timestamptz NOT NULL
);

CREATE TABLE order_tools.outbox (
    seq bigint PRIMARY KEY,
    run bigint NOT NULL,
    event text NOT NULL
);

CREATE TABLE order_tools.stock (
    sku text COLLATE "C" PRIMARY KEY,
    on_hand bigint NOT NULL CHECK (on_hand >= 0),
    reserved bigint NOT NULL
);

-- What was added to the stock lately: so that nothing is added twice if a connection is lost.
CREATE TABLE order_tools.stock_additions (
    addition uuid PRIMARY KEY,
    added_at timestamptz NOT NULL
);

INSERT INTO order_tools.version (domain, version) VALUES ('ledger', 1);

