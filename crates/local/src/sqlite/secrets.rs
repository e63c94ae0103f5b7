//! Stores sealed numbers and PINs.

use async_trait::async_trait;
use hippo_core::card::Fingerprint;
use hippo_core::ids::CardId;
use hippo_core::seal::Sealed;
use hippo_core::store::{SecretStore, SecretWriter, StoreResult};
use rusqlite::params;

use super::row::StoredRow;
use super::{SqliteStore, all, cards, sealed};

#[async_trait]
impl SecretWriter for SqliteStore {
    async fn replace_secret(
        &self,
        card: CardId,
        fingerprint: &Fingerprint,
        secret: &Sealed,
    ) -> StoreResult<()> {
        let (fingerprint, secret) = (fingerprint.clone(), secret.clone());
        self.write(move |connection| {
            let record = cards::find_card(connection, card)?
                .ok_or_else(|| cards::card_not_found(card))?
                .card;
            if cards::number_is_held(connection, &record, &fingerprint)? {
                return Err(cards::duplicate_number(&record.family, &record.library));
            }
            connection
                .prepare_cached("UPDATE card SET fingerprint = ?2 WHERE id = ?1")?
                .execute(params![card.to_string(), fingerprint.0])?;
            sealed::upsert_secret(connection, card, &secret)
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
