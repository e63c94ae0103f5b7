-- What was in force before a family's present schedule, as JSON.
ALTER TABLE family ADD COLUMN history TEXT NOT NULL DEFAULT '{}';

-- The recipients to whom nothing is sent any more, as JSON.
ALTER TABLE family ADD COLUMN stopped TEXT NOT NULL DEFAULT '[]';

-- How often nobody knew whether the mail had left.
ALTER TABLE notice ADD COLUMN doubts INTEGER NOT NULL DEFAULT 0;

-- A state that only a newer version knows is not final.
DROP INDEX notice_open;
CREATE INDEX notice_open ON notice (date, family)
    WHERE state NOT IN ('SENT', 'SKIPPED', 'FAILED', 'GAVE_UP', 'MISSED');

-- What needs the operator, and whether it was told.
CREATE TABLE alert (
    key        TEXT PRIMARY KEY,
    alert    TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    last_seen  TEXT NOT NULL,
    times      INTEGER NOT NULL,
    claimed_at   TEXT NOT NULL,
    delivered_at    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_recent ON alert (last_seen);
