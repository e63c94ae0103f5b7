//! A sealed number and PIN as a row.

use hippo_core::ids::CardId;
use hippo_core::seal::{KeyId, Sealed};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::first;
use super::row::Stored;

/// The secret of one card.
pub(super) fn secret_of(connection: &Connection, card: CardId) -> Result<Option<Sealed>, Fault> {
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
pub(super) fn put_secret(
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
