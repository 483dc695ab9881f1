-- What two operators must agree on, and incidents that two operators close.
CREATE TABLE operation (
    operation_id BLOB PRIMARY KEY CHECK (length(operation_id) = 16),
    operation    BLOB NOT NULL,
    reason_code  TEXT NOT NULL,
    note         TEXT NOT NULL,
    state        INTEGER NOT NULL,
    proposer     TEXT NOT NULL,
    propose_time INTEGER NOT NULL,
    answerer     TEXT,
    answer_time  INTEGER,
    CONSTRAINT operation_two_operators CHECK (state <> 2 OR (answerer IS NOT NULL AND answerer <> proposer))
) STRICT, WITHOUT ROWID;

ALTER TABLE incident ADD COLUMN close_code TEXT;
ALTER TABLE incident ADD COLUMN close_time INTEGER;
