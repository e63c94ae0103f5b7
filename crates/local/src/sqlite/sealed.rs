//! Reads and writes a sealed number and PIN.

use hippo_core::ids::CardId;
use hippo_core::seal::{KeyId, Sealed};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::first;
use super::row::StoredRow;

/// The secret of one card.
pub(super) fn secret_of(connection: &Connection, card: CardId) -> Result<Option<Sealed>, Fault> {
    first(
        connection,
        "SELECT * FROM secret WHERE card = ?1",
        [card.to_string()],
        |row| {
            let stored = StoredRow::new("secret", "card", row);
            Ok(Sealed {
                key: KeyId(stored.text("key")?),
                encapsulated_key: stored.bytes("encapsulated_key")?,
                ciphertext: stored.bytes("ciphertext")?,
            })
        },
    )
}

/// Inserts or replaces a card's secret.
pub(super) fn upsert_secret(
    connection: &Connection,
    card: CardId,
    secret: &Sealed,
) -> Result<(), Fault> {
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
