-- Which store a peer has: the chain hash of its journal's first record, once it has told it.
ALTER TABLE peer ADD COLUMN lineage BLOB;
