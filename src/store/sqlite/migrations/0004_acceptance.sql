-- Acceptance: by when a transfer must be taken, from which journal sequence on it awaited it, and when it was accepted.
ALTER TABLE transfer ADD COLUMN await_until INTEGER;
ALTER TABLE transfer ADD COLUMN awaiting_seq INTEGER;
ALTER TABLE transfer ADD COLUMN accept_time INTEGER;
