-- A thing may be noted by one process and told by another: nobody may have set out to tell it yet.
CREATE TABLE alert_new (
    key        TEXT PRIMARY KEY,
    alert    TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen  TEXT NOT NULL,
    times      INTEGER NOT NULL,
    claimed_at   TEXT,
    delivered_at    TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO alert_new SELECT * FROM alert;
DROP TABLE alert;
ALTER TABLE alert_new RENAME TO alert;
CREATE INDEX alert_recent ON alert (last_seen);

-- Since when a library does not answer.
ALTER TABLE library ADD COLUMN down_since TEXT;

-- What became of each work item of a run's work: a visit, or a notice.
CREATE TABLE work (
    job            TEXT NOT NULL,
    label          TEXT NOT NULL,
    scheduled_time TEXT NOT NULL,
    item_id          TEXT NOT NULL,
    results        TEXT NOT NULL,
    PRIMARY KEY (job, label, scheduled_time, item_id)
) STRICT, WITHOUT ROWID;
