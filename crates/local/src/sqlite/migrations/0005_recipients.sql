-- How far a notice got with each recipient, as JSON, and how often those that wait were tried again.
ALTER TABLE notice ADD COLUMN recipients TEXT NOT NULL DEFAULT '[]';
ALTER TABLE notice ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notice ADD COLUMN retry_until TEXT;

-- A notice that was sent is open while a recipient waits.
ALTER TABLE notice ADD COLUMN is_open INTEGER NOT NULL DEFAULT 1;
UPDATE notice SET is_open = state NOT IN ('SENT', 'SKIPPED', 'FAILED', 'GAVE_UP', 'MISSED');
DROP INDEX notice_open;
CREATE INDEX notice_open ON notice (date, family) WHERE is_open;
