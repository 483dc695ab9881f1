-- Lists: by province, by owner, by window and by time, the newest first; transfers that were aborted; legs by window,
-- by number and by a state that few have. Rows of a WITHOUT ROWID table end each index with their key.
DROP INDEX transfer_received;
CREATE INDEX transfer_time ON transfer (receipt_time);
CREATE INDEX transfer_payer ON transfer (payer_province, receipt_time);
CREATE INDEX transfer_payee ON transfer (payee_province, receipt_time);
CREATE INDEX transfer_owner ON transfer (owner, receipt_time);
CREATE INDEX transfer_window ON transfer ("window", receipt_time) WHERE "window" IS NOT NULL;
CREATE INDEX transfer_aborted ON transfer (receipt_time) WHERE "state" = 4;
CREATE INDEX leg_window ON leg ("window") WHERE "window" IS NOT NULL;
CREATE INDEX leg_number ON leg (hub_seq) WHERE hub_seq IS NOT NULL;
CREATE INDEX leg_refused ON leg (transfer_id, side) WHERE "state" = 2;
CREATE INDEX leg_tombstone ON leg (transfer_id, side) WHERE "state" = 3;
CREATE INDEX leg_aborted ON leg (transfer_id, side) WHERE "state" = 5;
CREATE INDEX leg_awaiting ON leg (transfer_id, side) WHERE "state" = 6;
CREATE INDEX leg_parked ON leg (transfer_id, side) WHERE "state" = 8;
