//! The sealed numbers and PINs.

use async_trait::async_trait;
use hippo_core::card::Fingerprint;
use hippo_core::ids::CardId;
use hippo_core::seal::{KeyId, Sealed};
use hippo_core::store::{SecretStore, StoreResult};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::row::Stored;
use super::{SqliteStore, all, cards, first};

#[async_trait]
impl SecretStore for SqliteStore {
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>> {
        let cards = cards.to_vec();
        self.read(move |connection| {
            let mut secrets = Vec::with_capacity(cards.len());
            for id in cards {
                secrets.extend(of(connection, id)?.map(|secret| (id, secret)));
            }
            Ok(secrets)
        })
        .await
    }

    async fn replace_secret(
        &self,
        card: CardId,
        fingerprint: &Fingerprint,
        secret: &Sealed,
    ) -> StoreResult<()> {
        let (fingerprint, secret) = (fingerprint.clone(), secret.clone());
        self.write(move |connection| {
            let record = cards::by_id(connection, card)?
                .ok_or_else(|| cards::no_card(card))?
                .card;
            let (family, library) = (&record.family, &record.library);
            if cards::number_is_held(connection, family, library, &fingerprint, Some(card))? {
                return Err(cards::same_number(family, library));
            }
            connection
                .prepare_cached("UPDATE card SET fingerprint = ?2 WHERE id = ?1")?
                .execute(params![card.to_string(), fingerprint.0])?;
            put(connection, card, &secret)
        })
        .await
    }

    async fn cards_with_secrets(&self) -> StoreResult<Vec<CardId>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT card FROM secret ORDER BY card",
                [],
                |row| Stored::new("secret", "card", row).parsed("card"),
            )
        })
        .await
    }
}

/// The secret of one card.
pub(super) fn of(connection: &Connection, card: CardId) -> Result<Option<Sealed>, Fault> {
    first(
        connection,
        "SELECT * FROM secret WHERE card = ?1",
        [card.to_string()],
        |row| {
            let stored = Stored::new("secret", "card", row);
            Ok(Sealed {
                key: KeyId(stored.text("key")?),
                encapsulated_key: stored.bytes("encapsulated_key")?,
                ciphertext: stored.bytes("ciphertext")?,
            })
        },
    )
}

/// Replaces a card's secret.
pub(super) fn put(connection: &Connection, card: CardId, secret: &Sealed) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO secret VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            card.to_string(),
            secret.key.0,
            secret.encapsulated_key,
            secret.ciphertext
        ])?;
    Ok(())
}
