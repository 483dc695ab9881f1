-- Format 1. Amounts are in fen, times in milliseconds since 1970 UTC, days are YYYYMMDD in Asia/Shanghai.
-- Columns stand in the order of domain::row (a test compares). The store knows them only by that list.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only. The primary key fences a second writer; "hash" chains every record to all before it.
CREATE TABLE journal (
    sequence    INTEGER PRIMARY KEY CHECK (sequence > 0),
    transfer_id BLOB CHECK (length(transfer_id) = 16),
    kind        INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    bytes       BLOB NOT NULL,
    hash        BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TABLE transfer (
    transfer_id        BLOB PRIMARY KEY CHECK (length(transfer_id) = 16),
    owner              TEXT NOT NULL,
    received_seq       INTEGER NOT NULL,
    payer_region       INTEGER NOT NULL,
    payee_region       INTEGER NOT NULL,
    payer_province     INTEGER NOT NULL,
    payee_province     INTEGER NOT NULL,
    kinship            INTEGER NOT NULL,
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

-- Lists are newest first.
CREATE INDEX transfer_received ON transfer (received_seq);

-- What a restarted hub must go on with. The condition is that of Filter::UnsettledTransfers, word for word.
CREATE INDEX transfer_unsettled ON transfer (transfer_id)
    WHERE "state" = 1 OR "payer_recorded_seq" IS NULL OR "payee_recorded_seq" IS NULL;

CREATE TABLE buried (
    transfer_id BLOB PRIMARY KEY CHECK (length(transfer_id) = 16),
    province    INTEGER NOT NULL,
    bury_time   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE incident (
    transfer_id BLOB NOT NULL CHECK (length(transfer_id) = 16),
    side        INTEGER NOT NULL,
    refusal     BLOB NOT NULL,
    raise_time  INTEGER NOT NULL,
    PRIMARY KEY (transfer_id, side)
) STRICT, WITHOUT ROWID;

CREATE TABLE position (
    "window"       INTEGER NOT NULL,
    province       INTEGER NOT NULL,
    owed           INTEGER NOT NULL,
    sent_count     INTEGER NOT NULL,
    received_count INTEGER NOT NULL,
    PRIMARY KEY ("window", province)
) STRICT, WITHOUT ROWID;

CREATE TABLE peer (
    province    INTEGER PRIMARY KEY,
    incarnation INTEGER NOT NULL,
    start_id    BLOB NOT NULL,
    sequence    INTEGER NOT NULL,
    head_hash   BLOB NOT NULL
) STRICT;

CREATE TABLE self (
    slot        INTEGER PRIMARY KEY CHECK (slot = 0),
    incarnation INTEGER NOT NULL,
    start_id    BLOB NOT NULL,
    hub_seq     INTEGER NOT NULL,
    entry_id    INTEGER NOT NULL,
    civil       INTEGER NOT NULL
) STRICT;

CREATE TABLE member (
    member_ref       BLOB PRIMARY KEY CHECK (length(member_ref) = 16),
    region           INTEGER NOT NULL,
    insurance_type   INTEGER NOT NULL,
    insurance_status INTEGER NOT NULL,
    in_arrears       INTEGER NOT NULL CHECK (in_arrears IN (0, 1)),
    public_medical   INTEGER NOT NULL CHECK (public_medical IN (0, 1)),
    account_state    INTEGER NOT NULL,
    update_time      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Kinds 1 (personal) and 2 (wallet) are a member's; the province's own accounts may stand below zero.
CREATE TABLE account (
    member_ref  BLOB NOT NULL CHECK (length(member_ref) = 16),
    kind        INTEGER NOT NULL,
    posted      INTEGER NOT NULL,
    held        INTEGER NOT NULL CONSTRAINT account_held_not_negative CHECK (held >= 0),
    pending     INTEGER NOT NULL CONSTRAINT account_pending_not_negative CHECK (pending >= 0),
    entry_count INTEGER NOT NULL,
    last_entry  INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    day_count   INTEGER NOT NULL,
    earlier_day   INTEGER NOT NULL,
    earlier_count INTEGER NOT NULL,
    PRIMARY KEY (member_ref, kind),
    CONSTRAINT account_covers_holds CHECK (kind NOT IN (1, 2) OR posted >= held)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
    entry_id       INTEGER PRIMARY KEY,
    member_ref     BLOB NOT NULL CHECK (length(member_ref) = 16),
    kind           INTEGER NOT NULL,
    entry_no       INTEGER NOT NULL,
    previous       INTEGER NOT NULL,
    amount         INTEGER NOT NULL,
    balance        INTEGER NOT NULL,
    entry_kind     INTEGER NOT NULL,
    transfer_id    BLOB,
    counter_region INTEGER,
    period         INTEGER,
    entry_time     INTEGER NOT NULL
) STRICT;

CREATE TABLE wallet (
    member_ref BLOB PRIMARY KEY CHECK (length(member_ref) = 16),
    state      INTEGER NOT NULL,
    use_region INTEGER NOT NULL,
    open_time  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leg (
    transfer_id    BLOB NOT NULL CHECK (length(transfer_id) = 16),
    side           INTEGER NOT NULL,
    state          INTEGER NOT NULL,
    terms_digest   BLOB NOT NULL,
    member_ref     BLOB NOT NULL,
    amount         INTEGER NOT NULL CONSTRAINT leg_amount_not_negative CHECK (amount >= 0),
    counter_region INTEGER,
    day            INTEGER NOT NULL,
    receipt_time   INTEGER NOT NULL,
    refusal        BLOB,
    prepare_time   INTEGER NOT NULL,
    decide_time    INTEGER,
    "window"       INTEGER,
    hub_seq        INTEGER,
    rulebook       BLOB,
    incarnation    INTEGER NOT NULL,
    PRIMARY KEY (transfer_id, side)
) STRICT, WITHOUT ROWID;

-- What a restarted node must ask the hub about. The condition is that of Filter::LegsInDoubt, word for word.
CREATE INDEX leg_in_doubt ON leg (transfer_id, side) WHERE "state" = 1;

CREATE TABLE request (
    request_id TEXT PRIMARY KEY,
    digest     BLOB NOT NULL,
    entry_id   INTEGER,
    done_time  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE vault_person (
    id_hash    BLOB PRIMARY KEY CHECK (length(id_hash) = 32),
    member_ref BLOB NOT NULL CHECK (length(member_ref) = 16),
    sealed     BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE vault_parties (
    transfer_id  BLOB PRIMARY KEY CHECK (length(transfer_id) = 16),
    sealed       BLOB NOT NULL,
    receipt_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
