-- Every order whose customer was told (TOLD), or is to be. order_id is that of an order that was
-- reserved; for the telling that it has failed or was released, a tab and the word follow. run is
-- the one that is telling now, of an order that it has CLAIMED; that it claimed though another run
-- had ended without saying what became of it (IN_DOUBT); or that it gives up (SPENT). An order that
-- nobody has claimed is FREE. attempts counts how often it was begun to tell the customer. A row is
-- written twice, claimed and told: with room for that in its page, the index is left alone.

CREATE TABLE order_tools.notified (
    order_id text COLLATE "C" PRIMARY KEY,
    status text NOT NULL,
    attempts integer NOT NULL,
    claimed_at timestamptz NOT NULL,
    told_at timestamptz,
    run bigint
) WITH (fillfactor = 50);

INSERT INTO order_tools.version (domain, version) VALUES ('notified', 1);

