-- What comparing closed windows with the nodes has led to.
CREATE TABLE window_comparison (
    "window"      INTEGER NOT NULL,
    province      INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    incomplete    INTEGER NOT NULL,
    counted       INTEGER NOT NULL,
    pending_count INTEGER NOT NULL,
    late_count    INTEGER NOT NULL,
    compare_time  INTEGER NOT NULL,
    PRIMARY KEY ("window", province)
) STRICT, WITHOUT ROWID;

CREATE TABLE window_break (
    "window"     INTEGER NOT NULL,
    province     INTEGER NOT NULL,
    transfer_id  BLOB NOT NULL CHECK (length(transfer_id) = 16),
    bucket       INTEGER NOT NULL,
    counterpart  INTEGER NOT NULL,
    side         INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    hub_seq      INTEGER NOT NULL,
    hub_amount   INTEGER,
    node_amount  INTEGER,
    find_time    INTEGER NOT NULL,
    due_time     INTEGER NOT NULL,
    equal_time   INTEGER,
    owner        TEXT,
    note         TEXT,
    request_id   TEXT,
    correction   BLOB,
    proof        TEXT,
    proposer     TEXT,
    propose_time INTEGER,
    closer       TEXT,
    close_time   INTEGER,
    PRIMARY KEY ("window", province, transfer_id),
    -- One operator alone closes nothing.
    CONSTRAINT break_closed_by_two CHECK (close_time IS NULL OR (proposer IS NOT NULL AND closer <> proposer))
) STRICT, WITHOUT ROWID;
