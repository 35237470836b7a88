-- An order that is reserved ends once: RELEASED or HANDED_OVER. CANCELLED is one that was cancelled
-- before it came: it is recorded as failed, and fails when it comes. is_noted says that what it
-- holds is recorded. Programs of version 1, which may still run, do not.
ALTER TABLE order_tools.reservations
    ADD COLUMN is_noted boolean NOT NULL DEFAULT false,
    ADD COLUMN ending text,
    ADD COLUMN ended_at timestamptz;

CREATE INDEX reservations_cancelled ON order_tools.reservations (order_id)
    WHERE ending = 'CANCELLED';

-- What reserved orders hold until they end. In the outbox, the event of an order's end has the
-- number of its order plus 2^62.
CREATE TABLE order_tools.held (
    seq bigint PRIMARY KEY,
    held text NOT NULL
);

ALTER TABLE order_tools.stock ADD COLUMN handed_over bigint NOT NULL DEFAULT 0;

-- How the stock has changed, by the hour. put_in - taken_out = on_hand + reserved + handed_over, and
-- ordered - released = reserved + handed_over.
CREATE TABLE order_tools.movements (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text COLLATE "C" NOT NULL,
    hour timestamptz NOT NULL,
    put_in bigint NOT NULL,
    taken_out bigint NOT NULL,
    ordered bigint NOT NULL,
    released bigint NOT NULL,
    handed_over bigint NOT NULL,
    UNIQUE (sku, hour)
);

INSERT INTO order_tools.movements (sku, hour, put_in, taken_out, ordered, released, handed_over)
    SELECT sku, to_timestamp(0), on_hand + reserved, 0, reserved, 0, 0 FROM order_tools.stock;

-- A trigger, so that a change is booked whoever makes it, a program of version 1 or a person; with
-- the rights of its owner. order-tools-migrate brings the movements along.
CREATE FUNCTION order_tools.book_movement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    handed bigint := 0;
    taken bigint := 0;
    total bigint := 0;
    moved text := NULL;
BEGIN
    IF current_setting('order_tools.migrates', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        moved := NEW.sku;
        handed := NEW.handed_over;
        taken := NEW.reserved + NEW.handed_over;
        total := NEW.on_hand + taken;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        handed := handed - OLD.handed_over;
        taken := taken - OLD.reserved - OLD.handed_over;
        total := total - OLD.on_hand - OLD.reserved - OLD.handed_over;
    ELSIF TG_OP = 'DELETE' THEN
        moved := OLD.sku;
        taken := -OLD.reserved;
        total := -OLD.on_hand - OLD.reserved;
    END IF;
    INSERT INTO order_tools.movements AS m
        (sku, hour, put_in, taken_out, ordered, released, handed_over)
        VALUES (moved, to_timestamp(floor(extract(epoch FROM now()) / 3600) * 3600),
            greatest(total, 0), greatest(-total, 0), greatest(taken, 0), greatest(-taken, 0), handed)
        ON CONFLICT (sku, hour) DO UPDATE SET put_in = m.put_in + excluded.put_in,
            taken_out = m.taken_out + excluded.taken_out, ordered = m.ordered + excluded.ordered,
            released = m.released + excluded.released,
            handed_over = m.handed_over + excluded.handed_over;
    RETURN NULL;
END
$$;

CREATE TRIGGER stock_moved AFTER INSERT OR UPDATE OR DELETE ON order_tools.stock
    FOR EACH ROW EXECUTE FUNCTION order_tools.book_movement();

UPDATE order_tools.version SET version = 2 WHERE domain = 'ledger';
