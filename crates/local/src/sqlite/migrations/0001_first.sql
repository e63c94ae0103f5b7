-- Times are text, RFC 3339 in UTC with nine digits of a second: equal width, so that text compares as time does.
-- Local dates are YYYY-MM-DD. Lists and structures that no query looks into are JSON.

CREATE TABLE family (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    recipients  TEXT NOT NULL,
    timezone    TEXT NOT NULL,
    notice_time TEXT NOT NULL,
    preferences TEXT NOT NULL,
    paused      INTEGER NOT NULL CHECK (paused IN (0, 1)),
    created_at  TEXT NOT NULL,
    -- What was in force before the present schedule.
    history     TEXT NOT NULL,
    -- The recipients to whom nothing is sent any more.
    stopped     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE library (
    id               TEXT PRIMARY KEY,
    name             TEXT NOT NULL,
    system           TEXT NOT NULL,
    base_url         TEXT NOT NULL,
    account_url      TEXT,
    timezone         TEXT NOT NULL,
    date_format      TEXT,
    login_hosts      TEXT NOT NULL,
    options          TEXT NOT NULL,
    back_off_until TEXT,
    -- Since when it does not answer.
    down_since       TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE card (
    id                TEXT PRIMARY KEY,
    family            TEXT NOT NULL REFERENCES family (id) ON DELETE CASCADE,
    library           TEXT NOT NULL REFERENCES library (id) ON DELETE RESTRICT,
    patron            TEXT NOT NULL,
    fingerprint       TEXT NOT NULL,
    paused            INTEGER NOT NULL CHECK (paused IN (0, 1)),
    created_at        TEXT NOT NULL,
    -- The newest check; both times or neither, and a failure only with them.
    check_started_at  TEXT,
    check_finished_at TEXT,
    failure_kind      TEXT,
    failure_detail    TEXT,
    -- What a person can do about it, where its kind does not say.
    failure_remedy    TEXT,
    last_success_at   TEXT,
    refused_since     TEXT,
    -- The durable mark of a login whose check is not saved yet; all three or none.
    mark_check        TEXT,
    mark_at           TEXT,
    mark_day          TEXT,
    mark_settled      INTEGER NOT NULL DEFAULT 0 CHECK (mark_settled IN (0, 1)),
    UNIQUE (family, library, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE INDEX card_in_order ON card (library, fingerprint, id);

CREATE TABLE secret (
    card             TEXT PRIMARY KEY REFERENCES card (id) ON DELETE CASCADE,
    key              TEXT NOT NULL,
    encapsulated_key BLOB NOT NULL,
    ciphertext       BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The last good account; with a rowid, since rows of some kilobytes do not suit WITHOUT ROWID.
CREATE TABLE account (
    card    TEXT PRIMARY KEY REFERENCES card (id) ON DELETE CASCADE,
    read_at TEXT NOT NULL,
    account TEXT NOT NULL
) STRICT;

-- One row for each kind, family and local date; with a rowid, since rows of some kilobytes do not suit
-- WITHOUT ROWID.
CREATE TABLE outbox (
    kind        TEXT NOT NULL,
    family      TEXT NOT NULL REFERENCES family (id) ON DELETE CASCADE,
    date        TEXT NOT NULL,
    state       TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    owner       TEXT,
    fence       INTEGER NOT NULL,
    lease_until TEXT,
    not_before  TEXT,
    attempts    INTEGER NOT NULL,
    -- How often nobody knew whether the mail had left.
    doubts      INTEGER NOT NULL,
    -- The first claim whose delivery events count.
    events_from INTEGER NOT NULL,
    -- How far it got with each recipient, and how often those that wait were tried again.
    recipients  TEXT NOT NULL,
    retries     INTEGER NOT NULL,
    retry_until TEXT,
    body_hash   TEXT,
    message_id  TEXT,
    reason      TEXT,
    planned_at  TEXT NOT NULL,
    changed_at  TEXT NOT NULL,
    -- What the next daily notice compares with.
    last_notice TEXT,
    -- Something more will happen to it by itself; one that was sent is open while a recipient waits.
    is_open     INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    PRIMARY KEY (kind, family, date)
) STRICT;

CREATE INDEX outbox_open ON outbox (date, kind, family) WHERE is_open;

CREATE TABLE run (
    job            TEXT NOT NULL,
    label          TEXT NOT NULL,
    scheduled_time TEXT NOT NULL,
    started_by     TEXT NOT NULL,
    input          TEXT NOT NULL,
    started_at     TEXT NOT NULL,
    reported_at    TEXT NOT NULL,
    finished_at    TEXT,
    outcome        TEXT NOT NULL,
    counts         TEXT NOT NULL,
    PRIMARY KEY (job, label, scheduled_time)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_newest ON run (started_at);
CREATE INDEX run_going ON run (job, label) WHERE outcome = 'running';

-- What the database knows of itself, by name.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The alerts, and whether they were delivered.
CREATE TABLE alert (
    key          TEXT PRIMARY KEY,
    alert        TEXT NOT NULL,
    first_seen   TEXT NOT NULL,
    last_seen    TEXT NOT NULL,
    times        INTEGER NOT NULL,
    -- One process may raise it and another deliver it: nobody may have claimed it yet.
    claimed_at   TEXT,
    delivered_at TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_recent ON alert (last_seen);

-- What became of each item of a run's work: a visit, or a mail.
CREATE TABLE work (
    job            TEXT NOT NULL,
    label          TEXT NOT NULL,
    scheduled_time TEXT NOT NULL,
    item_id        TEXT NOT NULL,
    results        TEXT NOT NULL,
    PRIMARY KEY (job, label, scheduled_time, item_id)
) STRICT, WITHOUT ROWID;
