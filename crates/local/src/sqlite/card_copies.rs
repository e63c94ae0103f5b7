//! Restores cards from another store.

use async_trait::async_trait;
use hippo_core::card::StoredAccount;
use hippo_core::store::{
    CardConflict, CardCopy, RestoreOutcome, RestoreStore, StoreResult, WriteMode,
};
use rusqlite::Connection;

use super::fault::Fault;
use super::{SqliteStore, cards, checks, sealed};

#[async_trait]
impl RestoreStore for SqliteStore {
    async fn restore_card(&self, copy: &CardCopy, mode: WriteMode) -> StoreResult<RestoreOutcome> {
        let copy = copy.clone();
        self.write(move |connection| restore(connection, &copy, mode))
            .await
    }
}

fn restore(
    connection: &Connection,
    copy: &CardCopy,
    mode: WriteMode,
) -> Result<RestoreOutcome, Fault> {
    let card = &copy.record.card;
    if mode == WriteMode::Write {
        cards::require_owners(connection, card)?;
    }
    let stored =
        cards::find_card(connection, card.id)?.filter(|stored| stored.card.family == card.family);
    let (outcome, to_write) = match stored {
        Some(mut stored) => {
            let account = checks::find_account(connection, card.id)?;
            if account.is_none() && checks::has_account(connection, card.id)? {
                stored.state.mark_account_damaged();
            }
            let secret = sealed::secret_of(connection, card.id)?;
            copy.merge_into(stored, account, secret.as_ref())
        }
        None if cards::exists(connection, card.id)?
            || cards::is_number_taken(connection, card, &card.fingerprint)? =>
        {
            (RestoreOutcome::Conflict(CardConflict::Taken), None)
        }
        None => (RestoreOutcome::Added, Some(copy.clone())),
    };
    if let Some(copy) = to_write.filter(|_| mode == WriteMode::Write) {
        cards::put_record(connection, &copy.record)?;
        sealed::upsert_secret(connection, card.id, &copy.secret)?;
        if let Some(StoredAccount { read_at, account }) = &copy.account {
            checks::upsert_account(connection, &card.id.to_string(), *read_at, account)?;
        }
    }
    Ok(outcome)
}
