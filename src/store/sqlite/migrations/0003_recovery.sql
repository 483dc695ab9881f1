-- Servers that were put back from a backup: a node proves by its journal's hash what it has (so the life in which it was
-- last heard is not needed any more) and is told again what it lost; a hub adopts transfers whose kinship it lost.
ALTER TABLE peer DROP COLUMN spoken;
ALTER TABLE peer ADD COLUMN resync INTEGER;
ALTER TABLE self ADD COLUMN recovered INTEGER NOT NULL DEFAULT 0;
CREATE TABLE transfer_3 (
    transfer_id        BLOB PRIMARY KEY CHECK (length(transfer_id) = 16),
    owner              TEXT NOT NULL,
    received_seq       INTEGER NOT NULL,
    payer_region       INTEGER NOT NULL,
    payee_region       INTEGER NOT NULL,
    payer_province     INTEGER NOT NULL,
    payee_province     INTEGER NOT NULL,
    kinship            INTEGER,
    amount             INTEGER NOT NULL CONSTRAINT transfer_amount_positive CHECK (amount > 0),
    payer_digest       BLOB NOT NULL,
    payee_digest       BLOB NOT NULL,
    remark_digest      BLOB NOT NULL,
    terms_digest       BLOB NOT NULL,
    receipt_time       INTEGER NOT NULL,
    state              INTEGER NOT NULL,
    refusal            BLOB,
    decide_time        INTEGER,
    "window"           INTEGER,
    hub_seq            INTEGER,
    decided_seq        INTEGER,
    payer_recorded_seq INTEGER,
    payee_recorded_seq INTEGER,
    payer_rulebook     BLOB,
    payee_rulebook     BLOB
) STRICT, WITHOUT ROWID;
INSERT INTO transfer_3 SELECT * FROM transfer;
DROP TABLE transfer;
ALTER TABLE transfer_3 RENAME TO transfer;
CREATE INDEX transfer_received ON transfer (received_seq);

CREATE INDEX transfer_unsettled ON transfer (transfer_id)
    WHERE "state" = 1 OR "payer_recorded_seq" IS NULL OR "payee_recorded_seq" IS NULL;
