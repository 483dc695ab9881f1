-- Compensations: two operators carry money of a committed transfer back by a transfer of its own.
CREATE TABLE compensation (
    compensation_id BLOB PRIMARY KEY CHECK (length(compensation_id) = 16),
    original_id     BLOB NOT NULL CHECK (length(original_id) = 16),
    amount          INTEGER NOT NULL CONSTRAINT compensation_amount_positive CHECK (amount > 0),
    reason          TEXT NOT NULL,
    terms_digest    BLOB NOT NULL,
    state           INTEGER NOT NULL,
    proposer        TEXT NOT NULL,
    propose_time    INTEGER NOT NULL,
    answerer        TEXT,
    answer_time     INTEGER,
    previous        BLOB,
    CONSTRAINT compensation_two_operators CHECK (state <> 2 OR (answerer IS NOT NULL AND answerer <> proposer))
) STRICT, WITHOUT ROWID;

ALTER TABLE transfer ADD COLUMN returns BLOB;
ALTER TABLE transfer ADD COLUMN compensation BLOB;

-- Which account a leg moves: by its side, but for those that came back into the suspense account (kind 5) after a loss.
ALTER TABLE leg ADD COLUMN account INTEGER NOT NULL DEFAULT 0;
UPDATE leg SET account = side;
UPDATE leg SET account = 5
    WHERE (transfer_id, side + 1) IN (SELECT transfer_id, entry_kind FROM entry WHERE kind = 5);
ALTER TABLE leg ADD COLUMN returns BLOB;
ALTER TABLE leg ADD COLUMN returned INTEGER NOT NULL DEFAULT 0
    CONSTRAINT leg_returned_not_negative CHECK (returned >= 0);
