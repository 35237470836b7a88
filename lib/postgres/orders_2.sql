-- What became of orders, as far as order-track was told: the status, never one that comes earlier in
-- an order's life than one that was there; why, if it is FAILED or CANCELLED; and when each of them
-- came about.

CREATE TABLE order_tools.outcomes (
    seq bigint PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('RESERVED', 'FAILED', 'CANCELLED', 'HANDED_OVER')),
    reason text,
    reserved_at timestamptz,
    failed_at timestamptz,
    cancelled_at timestamptz,
    handed_over_at timestamptz
);

CREATE INDEX outcomes_status ON order_tools.outcomes (status, seq);

-- What orders are looked up by. order-track lists them in the order of seq, some time after they were
-- stored.

CREATE TABLE order_tools.listed (
    seq bigint PRIMARY KEY,
    placed_at timestamptz NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    restaurant_id text COLLATE "C" NOT NULL
);

CREATE INDEX listed_placed_at ON order_tools.listed (placed_at);
CREATE INDEX listed_user_id ON order_tools.listed (user_id);
CREATE INDEX listed_restaurant_id ON order_tools.listed (restaurant_id);

-- Those of them that wait for an outcome. Two order-track at once may leave one that has its outcome.

CREATE TABLE order_tools.awaited (
    seq bigint PRIMARY KEY
);

-- The orders that order-cancel has cancelled; run is that which is to publish the cancellation, NULL
-- once the broker has confirmed it.

CREATE TABLE order_tools.cancellations (
    seq bigint PRIMARY KEY,
    cancelled_at timestamptz NOT NULL,
    reason text NOT NULL,
    run bigint
);

CREATE INDEX cancellations_pending ON order_tools.cancellations (run, seq) WHERE run IS NOT NULL;

UPDATE order_tools.version SET version = 2 WHERE domain = 'orders';
