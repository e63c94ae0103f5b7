//! Stores sealed numbers and PINs.

use async_trait::async_trait;
use hippo_core::ids::CardId;
use hippo_core::seal::Sealed;
use hippo_core::store::{NewSecret, SecretStore, SecretWriter, StoreResult};
use rusqlite::params;
use uuid::Uuid;

use super::row::StoredRow;
use super::{SqliteStore, all, cards, sealed};

#[async_trait]
impl SecretWriter for SqliteStore {
    async fn replace_secret(
        &self,
        card: CardId,
        before: Uuid,
        after: &NewSecret,
    ) -> StoreResult<bool> {
        let after = after.clone();
        self.write(move |connection| {
            let mut record =
                cards::find_card(connection, card)?.ok_or_else(|| cards::card_not_found(card))?;
            let stored = &record.card;
            if stored.secret_id != before {
                return Ok(false);
            }
            if cards::is_number_taken(connection, stored, &after.fingerprint)? {
                return Err(cards::duplicate_number(&stored.family, &stored.library));
            }
            record.state.forget_other_hosts();
            cards::put_record(connection, &record)?;
            connection
                .prepare_cached("UPDATE card SET fingerprint = ?2, secret_id = ?3 WHERE id = ?1")?
                .execute(params![
                    card.to_string(),
                    after.fingerprint.0,
                    after.id.to_string()
                ])?;
            sealed::upsert_secret(connection, card, &after.sealed)?;
            Ok(true)
        })
        .await
    }
}

#[async_trait]
impl SecretStore for SqliteStore {
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>> {
        let cards = cards.to_vec();
        self.read(move |connection| {
            let mut secrets = Vec::with_capacity(cards.len());
            for id in cards {
                secrets.extend(sealed::secret_of(connection, id)?.map(|secret| (id, secret)));
            }
            Ok(secrets)
        })
        .await
    }

    async fn cards_with_secrets(&self) -> StoreResult<Vec<CardId>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT card FROM secret ORDER BY card",
                [],
                |row| StoredRow::new("secret", "card", row).parsed("card"),
            )
        })
        .await
    }
}
