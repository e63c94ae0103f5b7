-- Times are text: RFC 3339 in UTC with nanoseconds. All have the same width, so that they sort in time order.
-- Local dates are YYYY-MM-DD. Lists and structures that no query searches are JSON.

CREATE TABLE family (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    recipients  TEXT NOT NULL,
    timezone    TEXT NOT NULL,
    notice_time TEXT NOT NULL,
    preferences TEXT NOT NULL,
    paused      INTEGER NOT NULL CHECK (paused IN (0, 1)),
    -- The first local date of the pause; NULL: not paused.
    paused_since TEXT,
    -- The first local date after the pause; NULL: a person resumes the family.
    paused_until TEXT,
    created_at  TEXT NOT NULL,
    -- The schedules before the current one.
    history     TEXT NOT NULL,
    -- Recipients who get no more mail.
    stopped     TEXT NOT NULL,
    -- Recipients who get no more mail of one kind.
    unsubscribed TEXT NOT NULL
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
    back_off_until   TEXT,
    -- When it stopped answering.
    down_since       TEXT,
    -- The system and the address with which an account was read; an edit of the entry leaves it.
    read_as          TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE card (
    id                TEXT PRIMARY KEY,
    family            TEXT NOT NULL REFERENCES family (id) ON DELETE CASCADE,
    library           TEXT NOT NULL REFERENCES library (id) ON DELETE RESTRICT,
    patron            TEXT NOT NULL,
    fingerprint       TEXT NOT NULL,
    -- Names the stored number and PIN; a new one with each that a person sets.
    secret_id         TEXT NOT NULL,
    -- The pause as JSON; NULL: not paused. A check removes a pause that has ended.
    pause             TEXT,
    pause_ends_at     TEXT,
    created_at        TEXT NOT NULL,
    -- The newest check. Both times or neither; a failure needs both.
    check_started_at  TEXT,
    check_finished_at TEXT,
    failure_kind      TEXT,
    failure_detail    TEXT,
    -- What a person can do about the failure, if its kind doesn't imply it.
    failure_remedy    TEXT,
    -- The failed check before it as JSON, if the newest was not tried.
    earlier_failure   TEXT,
    -- Whether a person has corrected what the newest check failed on.
    corrected         INTEGER NOT NULL DEFAULT 0 CHECK (corrected IN (0, 1)),
    last_success_at   TEXT,
    refused_since     TEXT,
    -- The login mark: a login was sent whose check isn't saved yet. All three or none.
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

-- The last good account. With a rowid, because WITHOUT ROWID is slow for rows of some kilobytes.
CREATE TABLE account (
    card    TEXT PRIMARY KEY REFERENCES card (id) ON DELETE CASCADE,
    read_at TEXT NOT NULL,
    account TEXT NOT NULL
) STRICT;

-- One row for each kind, family and local date. With a rowid, because WITHOUT ROWID is slow for rows of some
-- kilobytes.
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
    -- How often it was unknown whether the mail was sent.
    doubts      INTEGER NOT NULL,
    -- The first claim whose delivery events count.
    events_from INTEGER NOT NULL,
    -- Each recipient's progress, and how often waiting recipients were retried.
    recipients  TEXT NOT NULL,
    retries     INTEGER NOT NULL,
    retry_until TEXT,
    body_hash   TEXT,
    message_id  TEXT,
    reason      TEXT,
    planned_at  TEXT NOT NULL,
    changed_at  TEXT NOT NULL,
    -- The content that the next daily notice is compared with.
    last_notice TEXT,
    -- Whether it will still change without a person. A sent mail is open while a recipient waits.
    is_open     INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    -- The hashes of the tokens in its unsubscribe links.
    unsubscribe_links TEXT NOT NULL,
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

-- The database's own data, by name.
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
    -- One process may raise it and another deliver it. NULL if unclaimed.
    claimed_at   TEXT,
    delivered_at TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_recent ON alert (last_seen);

-- The result of each work item of a run: a visit, or a mail.
CREATE TABLE work (
    job            TEXT NOT NULL,
    label          TEXT NOT NULL,
    scheduled_time TEXT NOT NULL,
    item_id        TEXT NOT NULL,
    results        TEXT NOT NULL,
    PRIMARY KEY (job, label, scheduled_time, item_id)
) STRICT, WITHOUT ROWID;

-- The daily history: what a month of runs looks like, in few rows. The date is UTC.
CREATE TABLE run_day (
    date  TEXT NOT NULL,
    job   TEXT NOT NULL,
    label TEXT NOT NULL,
    day   TEXT NOT NULL,
    PRIMARY KEY (date, job, label)
) STRICT, WITHOUT ROWID;

-- The declared schedules, as they were last saved.
CREATE TABLE declared_schedule (
    job      TEXT NOT NULL,
    label    TEXT NOT NULL,
    schedule TEXT NOT NULL,
    PRIMARY KEY (job, label)
) STRICT, WITHOUT ROWID;

-- The pauses of the schedules, ended ones too. Without a label, of all schedules.
CREATE TABLE pause (
    since TEXT NOT NULL,
    label TEXT NOT NULL,
    -- When it ends; NULL: when somebody resumes the schedule.
    until TEXT,
    by    TEXT NOT NULL,
    why   TEXT,
    PRIMARY KEY (since, label)
) STRICT, WITHOUT ROWID;

-- The picture of each date: how far its fetching got, and its bytes for a few days.
CREATE TABLE picture (
    date     TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    day      TEXT NOT NULL,
    bytes    BLOB
) STRICT;

-- The families' feeds. Of a token only the SHA-256 is stored, and the last four digits.
CREATE TABLE feed (
    token_hash   TEXT PRIMARY KEY,
    family       TEXT NOT NULL REFERENCES family (id) ON DELETE CASCADE,
    label        TEXT NOT NULL,
    last_four    TEXT NOT NULL,
    shows_titles INTEGER NOT NULL CHECK (shows_titles IN (0, 1)),
    -- The recipient who created it, as a hash of the address; NULL: the operator.
    created_by   TEXT,
    created_at   TEXT NOT NULL,
    -- The family's local date on which it was last read.
    last_used    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX feed_of_family ON feed (family);

-- The sessions of the web pages, by the hash of their token.
CREATE TABLE session (
    hash       TEXT PRIMARY KEY,
    -- A hash of the person's address.
    person     TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    session    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_of_person ON session (person);
CREATE INDEX session_expiry ON session (expires_at);

-- Which identity at an identity provider signs in whom, by a hash of issuer and subject.
CREATE TABLE identity (
    identity   TEXT PRIMARY KEY,
    -- A hash of the person's address; NULL: it waits for a person.
    person     TEXT,
    -- Until when it waits; NULL: it is linked.
    expires_at TEXT,
    link       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX identity_of_person ON identity (person);

-- The attempts to sign in to the web pages, known addresses or not.
CREATE TABLE sign_in_attempt (
    id         TEXT PRIMARY KEY,
    revision   INTEGER NOT NULL,
    expires_at TEXT NOT NULL,
    attempt    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_attempt_expiry ON sign_in_attempt (expires_at);

-- When an address or a network asked for sign-in mails, for the limits.
CREATE TABLE rate_log (
    key        TEXT PRIMARY KEY,
    expires_at TEXT NOT NULL,
    log        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX rate_log_expiry ON rate_log (expires_at);

-- Who changed what, for 90 days. It outlives its family, and names nobody.
CREATE TABLE audit (
    at     TEXT NOT NULL,
    id     TEXT NOT NULL,
    -- NULL: it concerns the whole installation.
    family TEXT,
    entry  TEXT NOT NULL,
    PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_of_family ON audit (family, at);

-- The invitations to the families' emails. Of a link's token only the SHA-256 is stored.
CREATE TABLE invitation (
    -- A hash of the family and the address, so that there is one at a time.
    address_hash TEXT PRIMARY KEY,
    -- Which of the address's invitations it is.
    nonce        TEXT NOT NULL,
    family       TEXT NOT NULL REFERENCES family (id) ON DELETE CASCADE,
    revision     INTEGER NOT NULL,
    expires_at   TEXT NOT NULL,
    invitation   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX invitation_of_family ON invitation (family);
CREATE INDEX invitation_expiry ON invitation (expires_at);

-- The emails of the web pages that are yet to be sent, other than those that sign somebody in.
CREATE TABLE message (
    id      TEXT PRIMARY KEY,
    since   TEXT NOT NULL,
    request TEXT NOT NULL
) STRICT, WITHOUT ROWID;
