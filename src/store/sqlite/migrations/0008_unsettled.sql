-- A transfer that is not decided has been recorded by nobody, so its state adds nothing to the condition; an index that
-- names it would be written at each change of the state. The condition is that of Filter::UnsettledTransfers, word for
-- word.
DROP INDEX transfer_unsettled;
CREATE INDEX transfer_unsettled ON transfer (transfer_id)
    WHERE "payer_recorded_seq" IS NULL OR "payee_recorded_seq" IS NULL;
