-- 异地就医备案: whether a member is registered for care in another province.
ALTER TABLE member ADD COLUMN registered_elsewhere INTEGER NOT NULL DEFAULT 0;
