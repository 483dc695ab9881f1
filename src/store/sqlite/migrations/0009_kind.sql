-- What a transfer and its legs do is a number of its own; until now it followed from whether they carry money back.
ALTER TABLE transfer ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;
UPDATE transfer SET kind = 2 WHERE returns IS NOT NULL;
ALTER TABLE leg ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;
UPDATE leg SET kind = 2 WHERE returns IS NOT NULL;
