//! Stores the emails of the web pages that are yet to be sent.

use chrono::{DateTime, Utc};
use hippo_core::message::MessageRequest;
use hippo_core::store::StoreResult;
use rusqlite::{Row, params};
use uuid::Uuid;

use super::fault::Fault;
use super::row::{StoredRow, json, time};
use super::{SqliteStore, all};

/// An email that is yet to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingMessage {
    /// Its id.
    pub id: Uuid,
    /// When it was asked for.
    pub since: DateTime<Utc>,
    /// What to send.
    pub request: MessageRequest,
}

impl SqliteStore {
    /// Stores a message until it is sent.
    pub async fn add_message(&self, message: &WaitingMessage) -> StoreResult<()> {
        let message = message.clone();
        self.write(move |connection| {
            connection
                .prepare_cached("INSERT INTO message VALUES (?1, ?2, ?3)")?
                .execute(params![
                    message.id.to_string(),
                    time(message.since),
                    json(&message.request)?
                ])?;
            Ok(())
        })
        .await
    }

    /// Removes a message that was sent, or that nobody needs any more.
    pub async fn remove_message(&self, id: Uuid) -> StoreResult<()> {
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM message WHERE id = ?1")?
                .execute([id.to_string()])?;
            Ok(())
        })
        .await
    }

    /// Lists the messages that are yet to be sent, oldest first.
    pub async fn waiting_messages(&self) -> StoreResult<Vec<WaitingMessage>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT id, since, request FROM message ORDER BY since, id",
                [],
                from_row,
            )
        })
        .await
    }
}

fn from_row(row: &Row<'_>) -> Result<WaitingMessage, Fault> {
    let stored = StoredRow::new("message", "id", row);
    Ok(WaitingMessage {
        id: stored.parsed("id")?,
        since: stored.parsed("since")?,
        request: stored.json("request")?,
    })
}
