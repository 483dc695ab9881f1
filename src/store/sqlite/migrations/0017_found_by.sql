-- What the person behind a reference is found by: it goes, sealed, with each of his legs, and by it a store that is
-- restored finds him again. To forget a person is to delete this row and that of vault_person.
CREATE TABLE vault_found_by (
    member_ref BLOB PRIMARY KEY CHECK (length(member_ref) = 16),
    id_hash    BLOB NOT NULL CHECK (length(id_hash) = 32)
) STRICT, WITHOUT ROWID;

INSERT OR IGNORE INTO vault_found_by (member_ref, id_hash) SELECT member_ref, id_hash FROM vault_person;
