-- The contexts (W3C Trace Context) that the events of pending orders and cancellations carry.

ALTER TABLE order_tools.pending ADD COLUMN trace text;
ALTER TABLE order_tools.cancellations ADD COLUMN trace text;

UPDATE order_tools.version SET version = 3 WHERE domain = 'orders';
