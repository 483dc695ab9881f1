-- Keys of the vault by id, each with a value by which it is known again: a store is never opened under another key. What
-- was sealed before this format names no key; it is the first one's.
CREATE TABLE vault_key (
    key_id    TEXT PRIMARY KEY,
    state     INTEGER NOT NULL,
    proof     BLOB NOT NULL,
    since     INTEGER NOT NULL,
    until_seq INTEGER
) STRICT, WITHOUT ROWID;
