-- The side of an adopted transfer whose node has lost its leg together with the hub.
ALTER TABLE transfer ADD COLUMN lost_side INTEGER;
