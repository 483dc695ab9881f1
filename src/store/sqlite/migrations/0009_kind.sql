-- What a transfer and its legs do is a number of its own; until now it followed from whether they carry money back.
ALTER TABLE transfer ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;
UPDATE transfer SET kind = 2 WHERE returns IS NOT NULL;
ALTER TABLE leg ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;
UPDATE leg SET kind = 2 WHERE returns IS NOT NULL;

-- Postings: what a node decides by itself against a transfer that it has recorded, one number after the other.
ALTER TABLE transfer ADD COLUMN number INTEGER;
ALTER TABLE transfer ADD COLUMN booked_after INTEGER;
ALTER TABLE transfer ADD COLUMN last_posting INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN last_booked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer ADD COLUMN used INTEGER NOT NULL DEFAULT 0
    CONSTRAINT transfer_used_within_amount CHECK (used >= 0 AND used <= amount);
ALTER TABLE leg ADD COLUMN number INTEGER;
ALTER TABLE leg ADD COLUMN last_posting INTEGER NOT NULL DEFAULT 0;
CREATE INDEX leg_posted ON leg (transfer_id, side) WHERE "state" = 7;
