-- What a person can do about a card's failure, where its kind does not say.
ALTER TABLE card ADD COLUMN failure_remedy TEXT;
