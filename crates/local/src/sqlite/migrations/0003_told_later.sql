-- A thing may be noted by one process and told by another: nobody may have set out to tell it yet.
CREATE TABLE concern_new (
    key        TEXT PRIMARY KEY,
    concern    TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen  TEXT NOT NULL,
    times      INTEGER NOT NULL,
    asked_at   TEXT,
    told_at    TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO concern_new SELECT * FROM concern;
DROP TABLE concern;
ALTER TABLE concern_new RENAME TO concern;
CREATE INDEX concern_recent ON concern (last_seen);

-- Since when a library does not answer.
ALTER TABLE library ADD COLUMN down_since TEXT;

-- What became of each piece of a run's work: a visit, or a notice.
CREATE TABLE work (
    job            TEXT NOT NULL,
    label          TEXT NOT NULL,
    scheduled_time TEXT NOT NULL,
    piece          TEXT NOT NULL,
    results        TEXT NOT NULL,
    PRIMARY KEY (job, label, scheduled_time, piece)
) STRICT, WITHOUT ROWID;
