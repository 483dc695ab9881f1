-- Clearing of months: what is published between each two provinces, signed, carried, owed and paid.
ALTER TABLE clearing ADD COLUMN events INTEGER NOT NULL DEFAULT 0;

CREATE TABLE period (
    period     INTEGER PRIMARY KEY,
    scheme     INTEGER NOT NULL,
    provinces  BLOB NOT NULL,
    close_time INTEGER NOT NULL,
    closer     TEXT NOT NULL
) STRICT;

CREATE TABLE pair_table (
    period         INTEGER NOT NULL,
    "first"        INTEGER NOT NULL,
    "second"       INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    count          INTEGER NOT NULL,
    first_owes     INTEGER NOT NULL CHECK (first_owes >= 0),
    second_owes    INTEGER NOT NULL CHECK (second_owes >= 0),
    digest         BLOB NOT NULL CHECK (length(digest) = 32),
    publish_time   INTEGER NOT NULL,
    first_maker    TEXT,
    first_checker  TEXT,
    second_maker   TEXT,
    second_checker TEXT,
    final_time     INTEGER,
    PRIMARY KEY (period, "first", "second")
) STRICT, WITHOUT ROWID;

CREATE TABLE pair_line (
    period         INTEGER NOT NULL,
    payer_province INTEGER NOT NULL,
    payee_province INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    count          INTEGER NOT NULL CHECK (count >= 0),
    amount         INTEGER NOT NULL,
    payer_digest   BLOB NOT NULL CHECK (length(payer_digest) = 32),
    payee_digest   BLOB NOT NULL CHECK (length(payee_digest) = 32),
    PRIMARY KEY (period, payer_province, payee_province, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE carried (
    transfer_id BLOB PRIMARY KEY CHECK (length(transfer_id) = 16),
    period      INTEGER NOT NULL,
    of_period   INTEGER NOT NULL,
    times       INTEGER NOT NULL,
    code        TEXT NOT NULL,
    note        TEXT NOT NULL,
    person      TEXT NOT NULL,
    carry_time  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX carried_period ON carried (period);
CREATE INDEX carried_of_period ON carried (of_period);

CREATE TABLE obligation (
    period      INTEGER NOT NULL,
    debtor      INTEGER NOT NULL,
    creditor    INTEGER NOT NULL,
    amount      INTEGER NOT NULL CHECK (amount > 0),
    paid        INTEGER NOT NULL CHECK (paid BETWEEN 0 AND amount),
    confirmed   INTEGER NOT NULL CHECK (confirmed BETWEEN 0 AND paid),
    covered     INTEGER NOT NULL CHECK (covered >= 0),
    arise_time  INTEGER NOT NULL,
    PRIMARY KEY (period, debtor, creditor)
) STRICT, WITHOUT ROWID;

CREATE TABLE payment (
    payment_id   BLOB PRIMARY KEY CHECK (length(payment_id) = 16),
    period       INTEGER NOT NULL,
    debtor       INTEGER NOT NULL,
    creditor     INTEGER NOT NULL,
    bank         TEXT NOT NULL,
    serial       TEXT NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount > 0),
    pay_day      INTEGER NOT NULL,
    recorder     TEXT NOT NULL,
    record_time  INTEGER NOT NULL,
    confirmer    TEXT,
    confirm_time INTEGER,
    refilled     INTEGER NOT NULL,
    void_code    TEXT,
    void_note    TEXT NOT NULL,
    voider       TEXT,
    void_time    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_obligation ON payment (period, debtor, creditor);

CREATE TABLE bank_serial (
    bank       TEXT NOT NULL,
    serial     TEXT NOT NULL,
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    PRIMARY KEY (bank, serial)
) STRICT, WITHOUT ROWID;

CREATE TABLE prefund (
    debtor    INTEGER NOT NULL,
    creditor  INTEGER NOT NULL,
    year      INTEGER NOT NULL,
    figure    INTEGER NOT NULL,
    deposited INTEGER NOT NULL,
    used      INTEGER NOT NULL CHECK (used BETWEEN 0 AND deposited),
    PRIMARY KEY (debtor, creditor)
) STRICT, WITHOUT ROWID;

CREATE TABLE clearing_event (
    number   INTEGER PRIMARY KEY,
    "first"  INTEGER,
    "second" INTEGER,
    content  BLOB NOT NULL,
    time     INTEGER NOT NULL
) STRICT;

CREATE TABLE clearing_request (
    request_id BLOB PRIMARY KEY CHECK (length(request_id) = 16),
    caller     TEXT NOT NULL,
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    event      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
