-- Provinces that were left out of a hub's recovery, and the numbers that it has skipped because of them.
ALTER TABLE peer ADD COLUMN left_out INTEGER;
ALTER TABLE self ADD COLUMN skipped BLOB;
