-- Windows: in which one commits are counted now, which are closed, and what the commits of each add up to.
CREATE TABLE clearing (
    slot   INTEGER PRIMARY KEY CHECK (slot = 0),
    "open" INTEGER NOT NULL
) STRICT;

CREATE TABLE closed_window (
    "window"   INTEGER PRIMARY KEY,
    close_time INTEGER NOT NULL,
    closer     TEXT NOT NULL
) STRICT;

CREATE TABLE window_total (
    "window"       INTEGER NOT NULL,
    payer_province INTEGER NOT NULL,
    payee_province INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    count          INTEGER NOT NULL,
    amount         INTEGER NOT NULL,
    payer_digest   BLOB NOT NULL CHECK (length(payer_digest) = 32),
    payee_digest   BLOB NOT NULL CHECK (length(payee_digest) = 32),
    PRIMARY KEY ("window", payer_province, payee_province, kind)
) STRICT, WITHOUT ROWID;

INSERT INTO window_total
SELECT "window", payer_province, payee_province, kind, count(*), sum(amount),
    digest_sum(hub_seq, transfer_id, kind, 1, amount), digest_sum(hub_seq, transfer_id, kind, 2, amount)
FROM transfer WHERE "window" IS NOT NULL GROUP BY "window", payer_province, payee_province, kind;
