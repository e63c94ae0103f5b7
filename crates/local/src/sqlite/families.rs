//! Stores families.

use async_trait::async_trait;
use hippo_core::email_address::EmailAddress;
use hippo_core::family::{Family, StoppedRecipient, Unsubscription};
use hippo_core::ids::FamilyId;
use hippo_core::mail::MailKind;
use hippo_core::store::{FamilyStore, StoreError, StoreResult};
use rusqlite::{Connection, Row, named_params, params};

use super::fault::Fault;
use super::row::{StoredRow, json, time};
use super::{SqliteStore, all, first, page};

/// Overwrites a family's settings; keeps stops and unsubscriptions.
const UPDATE: &str =
    "UPDATE family SET name = :name, recipients = :recipients, timezone = :timezone,
         notice_time = :notice_time, preferences = :preferences, paused = :paused,
         paused_since = :paused_since, paused_until = :paused_until,
         created_at = :created_at, history = :history
     WHERE id = :id";

#[async_trait]
impl FamilyStore for SqliteStore {
    async fn add_family(&self, family: &Family) -> StoreResult<()> {
        let family = family.clone();
        self.write(move |connection| {
            let added = write_family(
                connection,
                "INSERT INTO family VALUES
                     (:id, :name, :recipients, :timezone, :notice_time, :preferences, :paused, :paused_since,
                      :paused_until, :created_at, :history, :stopped, :unsubscribed)
                 ON CONFLICT DO NOTHING",
                &family,
            )?;
            match added {
                0 => Err(StoreError::AlreadyExists(format!("a family “{}”", family.id)).into()),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn update_family(&self, family: &Family) -> StoreResult<()> {
        let family = family.clone();
        self.write(move |connection| {
            let changed = write_family(connection, UPDATE, &family)?;
            require_changed(changed, &family.id)
        })
        .await
    }

    async fn replace_family(&self, before: &Family, after: &Family) -> StoreResult<bool> {
        let (before, after) = (before.clone(), after.clone());
        self.write(move |connection| {
            let stored = find_family(connection, &after.id)?;
            if !stored.is_some_and(|stored| stored.has_same_settings(&before)) {
                return Ok(false);
            }
            Ok(write_family(connection, UPDATE, &after)? > 0)
        })
        .await
    }

    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>> {
        let id = id.clone();
        self.read(move |connection| find_family(connection, &id))
            .await
    }

    async fn families(&self) -> StoreResult<Vec<Family>> {
        self.read(|connection| all(connection, "SELECT * FROM family ORDER BY id", [], from_row))
            .await
    }

    async fn families_page(
        &self,
        after: Option<&FamilyId>,
        limit: usize,
    ) -> StoreResult<Vec<Family>> {
        // The empty text sorts before every family.
        let after = after.map(ToString::to_string).unwrap_or_default();
        self.read(move |connection| {
            page(
                connection,
                "SELECT * FROM family WHERE id > ?1 ORDER BY id",
                params![after],
                limit,
                from_row,
            )
        })
        .await
    }

    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool> {
        let (id, stopped) = (id.clone(), stopped.clone());
        self.write(move |connection| {
            change_recipients(connection, &id, |family| family.stop_recipient(stopped))
        })
        .await
    }

    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        let (id, address) = (id.clone(), address.clone());
        self.write(move |connection| {
            change_recipients(connection, &id, |family| family.allow_recipient(&address))
        })
        .await
    }

    async fn unsubscribe(
        &self,
        id: &FamilyId,
        unsubscription: &Unsubscription,
    ) -> StoreResult<bool> {
        let (id, unsubscription) = (id.clone(), unsubscription.clone());
        self.write(move |connection| {
            change_recipients(connection, &id, |family| family.unsubscribe(unsubscription))
        })
        .await
    }

    async fn resubscribe(
        &self,
        id: &FamilyId,
        address: &EmailAddress,
        kind: &MailKind,
    ) -> StoreResult<bool> {
        let (id, address, kind) = (id.clone(), address.clone(), kind.clone());
        self.write(move |connection| {
            change_recipients(connection, &id, |family| {
                family.resubscribe(&address, &kind)
            })
        })
        .await
    }

    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()> {
        let id = id.clone();
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM family WHERE id = ?1")?
                .execute([id.as_str()])?;
            require_changed(removed, &id)
        })
        .await
    }
}

/// Changes a family's stops or unsubscriptions. False if nothing changed or the family is
/// gone.
fn change_recipients(
    connection: &Connection,
    id: &FamilyId,
    change: impl FnOnce(&mut Family) -> bool,
) -> Result<bool, Fault> {
    let Some(mut family) = find_family(connection, id)? else {
        return Ok(false);
    };
    if !change(&mut family) {
        return Ok(false);
    }
    connection
        .prepare_cached("UPDATE family SET stopped = ?2, unsubscribed = ?3 WHERE id = ?1")?
        .execute(params![
            id.as_str(),
            json(&family.stopped)?,
            json(&family.unsubscribed)?
        ])?;
    Ok(true)
}

pub(super) fn family_not_found(id: &FamilyId) -> Fault {
    StoreError::NotFound(format!("family “{id}”")).into()
}

pub(super) fn find_family(connection: &Connection, id: &FamilyId) -> Result<Option<Family>, Fault> {
    first(
        connection,
        "SELECT * FROM family WHERE id = ?1",
        [id.as_str()],
        from_row,
    )
}

pub(super) fn exists(connection: &Connection, id: &FamilyId) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM family WHERE id = ?1")?
        .exists([id.as_str()])?)
}

fn require_changed(rows: usize, id: &FamilyId) -> Result<(), Fault> {
    match rows {
        0 => Err(family_not_found(id)),
        _ => Ok(()),
    }
}

/// Runs an insert or update with the family's values that the statement uses.
fn write_family(connection: &Connection, sql: &str, family: &Family) -> Result<usize, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = named_params! {
        ":id": family.id.as_str(),
        ":name": family.name,
        ":recipients": json(&family.recipients)?,
        ":timezone": family.timezone.name(),
        ":notice_time": family.notice_time.to_string(),
        ":preferences": json(&family.preferences)?,
        ":paused": family.paused,
        ":paused_since": family.paused_since.map(|date| date.to_string()),
        ":paused_until": family.paused_until.map(|date| date.to_string()),
        ":created_at": time(family.created_at),
        ":history": json(&family.history)?,
        ":stopped": json(&family.stopped)?,
        ":unsubscribed": json(&family.unsubscribed)?,
    };
    for (name, value) in columns {
        if let Some(index) = statement.parameter_index(name)? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(statement.raw_execute()?)
}

fn from_row(row: &Row<'_>) -> Result<Family, Fault> {
    let stored = StoredRow::new("family", "id", row);
    Ok(Family {
        id: stored.parsed("id")?,
        name: stored.text("name")?,
        recipients: stored.json("recipients")?,
        timezone: stored.parsed("timezone")?,
        notice_time: stored.parsed("notice_time")?,
        preferences: stored.json("preferences")?,
        paused: stored.flag("paused")?,
        paused_since: stored.optional_parsed("paused_since")?,
        paused_until: stored.optional_parsed("paused_until")?,
        created_at: stored.parsed("created_at")?,
        history: stored.json("history")?,
        stopped: stored.json("stopped")?,
        unsubscribed: stored.json("unsubscribed")?,
    })
}
