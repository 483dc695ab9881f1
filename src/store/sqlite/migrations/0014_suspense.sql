-- What stands in suspense of members (kinds 6 and 7) beside what stands there of nobody who is known (5): a start and a
-- list look for it among the accounts of all.
CREATE INDEX account_suspense ON account (member_ref, kind) WHERE "kind" IN (5, 6, 7);
