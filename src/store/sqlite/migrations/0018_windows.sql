-- Closing of windows: in which one commits are counted now, and which are closed.
CREATE TABLE clearing (
    slot   INTEGER PRIMARY KEY CHECK (slot = 0),
    "open" INTEGER NOT NULL
) STRICT;

CREATE TABLE closed_window (
    "window"   INTEGER PRIMARY KEY,
    close_time INTEGER NOT NULL,
    closer     TEXT NOT NULL
) STRICT;
