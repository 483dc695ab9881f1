-- What the committed legs of each window add up to, and the order in which a difference is looked for.
CREATE TABLE leg_total (
    "window"          INTEGER NOT NULL,
    counter_region    INTEGER NOT NULL,
    side              INTEGER NOT NULL,
    kind              INTEGER NOT NULL,
    count             INTEGER NOT NULL,
    amount            INTEGER NOT NULL,
    digest            BLOB NOT NULL CHECK (length(digest) = 32),
    set_digest        BLOB NOT NULL CHECK (length(set_digest) = 32),
    first_transfer_id BLOB NOT NULL CHECK (length(first_transfer_id) = 16),
    last_transfer_id  BLOB NOT NULL CHECK (length(last_transfer_id) = 16),
    PRIMARY KEY ("window", counter_region, side, kind)
) STRICT, WITHOUT ROWID;

INSERT INTO leg_total
SELECT "window", counter_region, side, kind, count(*), sum(amount),
    digest_sum(hub_seq, transfer_id, kind, side, amount), digest_xor(hub_seq, transfer_id, amount),
    min(transfer_id), max(transfer_id)
FROM leg WHERE state = 4 AND "window" IS NOT NULL AND counter_region IS NOT NULL
GROUP BY "window", counter_region, side, kind;

-- Only who asks for numbers finds these: a whole window is read in other orders.
CREATE INDEX leg_window_number ON leg ("window", hub_seq) WHERE "window" IS NOT NULL AND hub_seq IS NOT NULL;
CREATE INDEX transfer_window_number ON transfer ("window", hub_seq)
    WHERE "window" IS NOT NULL AND hub_seq IS NOT NULL;
