-- The contexts (W3C Trace Context) that the event of an order, and that of its end, carry.

ALTER TABLE order_tools.reservations
    ADD COLUMN trace text,
    ADD COLUMN end_trace text;

UPDATE order_tools.version SET version = 3 WHERE domain = 'ledger';
