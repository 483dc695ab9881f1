-- Until when a member is excluded from the network settlement (暂停联网结算), YYYYMMDD; none: he is not. No record before
-- this format says so of anybody.
ALTER TABLE member ADD COLUMN settlement_suspended_until INTEGER;
