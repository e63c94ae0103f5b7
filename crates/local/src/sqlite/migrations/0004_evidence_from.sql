-- The first claim of which evidence counts: a person asked for another mail after those before.
ALTER TABLE notice ADD COLUMN evidence_from INTEGER NOT NULL DEFAULT 0;
