-- Provinces that were left out of a hub's recovery, and the numbers that it has skipped because of them; who looks into
-- an incident.
ALTER TABLE peer ADD COLUMN left_out INTEGER;
ALTER TABLE self ADD COLUMN skipped BLOB;
ALTER TABLE incident ADD COLUMN owner TEXT;
ALTER TABLE incident ADD COLUMN note TEXT;
