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

UPDATE order_tools.version SET version = 2 WHERE domain = 'orders';
