//! Stores libraries and their back-off.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::clock::CLOCK_TOLERANCE;
use hippo_core::ids::LibraryId;
use hippo_core::library::{Library, MAX_BACK_OFF, ReadAs};
use hippo_core::store::{LibraryStore, StoreError, StoreResult};
use rusqlite::{Connection, Row, named_params};

use super::fault::Fault;
use super::row::{StoredRow, json, time};
use super::{SqliteStore, all, first};

#[async_trait]
impl LibraryStore for SqliteStore {
    async fn add_library(&self, library: &Library) -> StoreResult<()> {
        let library = library.clone();
        self.write(move |connection| {
            let added = connection
                .prepare_cached(
                    "INSERT INTO library VALUES
                         (:id, :name, :system, :base_url, :account_url, :timezone, :date_format,
                          :login_hosts, :options, NULL, NULL, NULL)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(named_params! {
                    ":id": library.id.as_str(),
                    ":name": library.name,
                    ":system": library.system.as_str(),
                    ":base_url": library.base_url.as_str(),
                    ":account_url": library.account_url.as_ref().map(|url| url.as_str()),
                    ":timezone": library.timezone.name(),
                    ":date_format": library.date_format,
                    ":login_hosts": json(&library.login_hosts)?,
                    ":options": json(&library.options)?,
                })?;
            match added {
                0 => Err(StoreError::AlreadyExists(format!("a library “{}”", library.id)).into()),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn update_library(&self, library: &Library) -> StoreResult<()> {
        let library = library.clone();
        self.write(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE library SET name = :name, system = :system, base_url = :base_url,
                         account_url = :account_url, timezone = :timezone,
                         date_format = :date_format, login_hosts = :login_hosts, options = :options,
                         -- A new URL clears the back-off and the down mark.
                         back_off_until =
                             CASE base_url WHEN :base_url THEN back_off_until END,
                         down_since = CASE base_url WHEN :base_url THEN down_since END
                     WHERE id = :id",
                )?
                .execute(named_params! {
                    ":id": library.id.as_str(),
                    ":name": library.name,
                    ":system": library.system.as_str(),
                    ":base_url": library.base_url.as_str(),
                    ":account_url": library.account_url.as_ref().map(|url| url.as_str()),
                    ":timezone": library.timezone.name(),
                    ":date_format": library.date_format,
                    ":login_hosts": json(&library.login_hosts)?,
                    ":options": json(&library.options)?,
                })?;
            require_changed(changed, &library.id)
        })
        .await
    }

    async fn library(&self, id: &LibraryId) -> StoreResult<Option<Library>> {
        let id = id.clone();
        self.read(move |connection| {
            let found = find_library_with_state(connection, &id)?;
            Ok(found.map(|(library, _)| library))
        })
        .await
    }

    async fn libraries(&self) -> StoreResult<Vec<Library>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT * FROM library ORDER BY id",
                [],
                from_row,
            )
        })
        .await
    }

    async fn remove_library(&self, id: &LibraryId) -> StoreResult<()> {
        let id = id.clone();
        self.write(move |connection| {
            let cards: u32 = connection
                .prepare_cached("SELECT count(*) FROM card WHERE library = ?1")?
                .query_row([id.as_str()], |row| row.get(0))?;
            match cards {
                0 => {}
                1 => return Err(in_use(&id, "One card is", "it")),
                many => return Err(in_use(&id, &format!("{many} cards are"), "them")),
            }
            let removed = connection
                .prepare_cached("DELETE FROM library WHERE id = ?1")?
                .execute([id.as_str()])?;
            require_changed(removed, &id)
        })
        .await
    }

    async fn back_off(
        &self,
        id: &LibraryId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let id = id.clone();
        self.write(move |connection| {
            let changed = connection
                .prepare_cached(
                    // Keeps a later back-off, unless it's so far ahead that a wrong clock must have set it.
                    "UPDATE library SET back_off_until = CASE
                         WHEN back_off_until > ?2 AND back_off_until <= ?3 THEN back_off_until
                         ELSE ?2 END
                     WHERE id = ?1",
                )?
                .execute([
                    id.as_str(),
                    &time(until),
                    &time(now + MAX_BACK_OFF + CLOCK_TOLERANCE),
                ])?;
            require_changed(changed, &id)
        })
        .await
    }

    async fn mark_library_down(
        &self,
        id: &LibraryId,
        since: DateTime<Utc>,
    ) -> StoreResult<DateTime<Utc>> {
        let id = id.clone();
        self.write(move |connection| {
            first(
                connection,
                // Keeps the earliest time.
                "UPDATE library SET down_since = min(?2, coalesce(down_since, ?2)) WHERE id = ?1
                 RETURNING id, down_since",
                [id.as_str(), &time(since)],
                |row| StoredRow::new("library", "id", row).parsed("down_since"),
            )?
            .ok_or_else(|| library_not_found(&id))
        })
        .await
    }

    async fn mark_library_up(&self, id: &LibraryId) -> StoreResult<()> {
        let id = id.clone();
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE library SET down_since = NULL WHERE id = ?1")?
                .execute([id.as_str()])?;
            Ok(())
        })
        .await
    }

    async fn record_library_read(&self, library: &Library) -> StoreResult<()> {
        let (id, read_as) = (library.id.clone(), ReadAs::from_entry(library));
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE library SET read_as = ?2 WHERE id = ?1")?
                .execute([id.as_str(), read_as.as_str()])?;
            Ok(())
        })
        .await
    }

    async fn back_off_until(&self, id: &LibraryId) -> StoreResult<Option<DateTime<Utc>>> {
        let id = id.clone();
        self.read(move |connection| {
            let found = find_library_with_state(connection, &id)?;
            Ok(found.and_then(|(_, state)| state.back_off_until))
        })
        .await
    }
}

pub(super) fn library_not_found(id: &LibraryId) -> Fault {
    StoreError::NotFound(format!("library “{id}”")).into()
}

pub(super) struct LibraryState {
    pub(super) back_off_until: Option<DateTime<Utc>>,
    pub(super) down_since: Option<DateTime<Utc>>,
    pub(super) read_as: Option<ReadAs>,
}

pub(super) fn find_library_with_state(
    connection: &Connection,
    id: &LibraryId,
) -> Result<Option<(Library, LibraryState)>, Fault> {
    first(
        connection,
        "SELECT * FROM library WHERE id = ?1",
        [id.as_str()],
        |row| {
            let stored = StoredRow::new("library", "id", row);
            let state = LibraryState {
                back_off_until: stored.optional_parsed("back_off_until")?,
                down_since: stored.optional_parsed("down_since")?,
                read_as: stored.optional_text("read_as")?.map(ReadAs::from_stored),
            };
            Ok((from_row(row)?, state))
        },
    )
}

pub(super) fn exists(connection: &Connection, id: &LibraryId) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM library WHERE id = ?1")?
        .exists([id.as_str()])?)
}

fn in_use(id: &LibraryId, who: &str, them: &str) -> Fault {
    StoreError::InUse(format!("{who} of the library “{id}”. Remove {them} first.")).into()
}

fn require_changed(rows: usize, id: &LibraryId) -> Result<(), Fault> {
    match rows {
        0 => Err(library_not_found(id)),
        _ => Ok(()),
    }
}

fn from_row(row: &Row<'_>) -> Result<Library, Fault> {
    let stored = StoredRow::new("library", "id", row);
    Ok(Library {
        id: stored.parsed("id")?,
        name: stored.text("name")?,
        system: stored.parsed("system")?,
        base_url: stored.parsed("base_url")?,
        account_url: stored.optional_parsed("account_url")?,
        timezone: stored.parsed("timezone")?,
        date_format: stored.optional_text("date_format")?,
        login_hosts: stored.json("login_hosts")?,
        options: stored.json("options")?,
    })
}
