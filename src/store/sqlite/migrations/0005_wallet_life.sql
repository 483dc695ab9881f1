-- The wallet's life: by whom it was opened, and why and since when it is as it is. Wallets so far were opened by their
-- holders and are open, so their state is as old as they are: that is what replaying their journal gives.
ALTER TABLE wallet ADD COLUMN opened_by INTEGER;
ALTER TABLE wallet ADD COLUMN state_code TEXT;
ALTER TABLE wallet ADD COLUMN state_time INTEGER NOT NULL DEFAULT 0;
UPDATE wallet SET state_time = open_time;

-- What was said when a wallet was opened: phone, and who opened it for whom. Sealed, outside the journal.
CREATE TABLE vault_holder (
    member_ref BLOB PRIMARY KEY CHECK (length(member_ref) = 16),
    sealed     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
