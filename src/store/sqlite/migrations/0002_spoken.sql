-- The incarnation in which a peer was last heard, beside the one that it was last given: a node that died before it took
-- what it was given comes back with an older one, and is not old. What was given before is taken as heard.
ALTER TABLE peer ADD COLUMN spoken INTEGER NOT NULL DEFAULT 0;
UPDATE peer SET spoken = incarnation;
