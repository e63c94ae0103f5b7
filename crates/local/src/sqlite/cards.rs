//! Stores cards and the state of their checks.

use async_trait::async_trait;
use hippo_core::card::{Card, CardRecord, CardState, Fingerprint, LastCheck, LoginMark};
use hippo_core::failure::Failure;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::seal::Sealed;
use hippo_core::store::{CardCursor, CardStore, Scope, StoreError, StoreResult};
use rusqlite::{Connection, Row, named_params, params};

use super::fault::Fault;
use super::row::{StoredRow, time};
use super::{SqliteStore, all, families, first, libraries, page, sealed};

#[async_trait]
impl CardStore for SqliteStore {
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()> {
        let (card, secret) = (card.clone(), secret.clone());
        self.write(move |connection| {
            if !families::exists(connection, &card.family)? {
                return Err(families::no_family(&card.family));
            }
            if !libraries::exists(connection, &card.library)? {
                return Err(libraries::no_library(&card.library));
            }
            if has_number(
                connection,
                &card.family,
                &card.library,
                &card.fingerprint,
                None,
            )? {
                return Err(duplicate_number(&card.family, &card.library));
            }
            let added = connection
                .prepare_cached(
                    "INSERT INTO card
                         (id, family, library, patron, fingerprint, paused, created_at)
                     VALUES (:id, :family, :library, :patron, :fingerprint, :paused, :created_at)
                     ON CONFLICT (id) DO NOTHING",
                )?
                .execute(named_params! {
                    ":id": card.id.to_string(),
                    ":family": card.family.as_str(),
                    ":library": card.library.as_str(),
                    ":patron": card.patron,
                    ":fingerprint": card.fingerprint.0,
                    ":paused": card.paused,
                    ":created_at": time(card.created_at),
                })?;
            match added {
                0 => Err(StoreError::AlreadyExists(format!("a card {}", card.id)).into()),
                _ => sealed::upsert_secret(connection, card.id, &secret),
            }
        })
        .await
    }

    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>> {
        self.read(move |connection| by_id(connection, id)).await
    }

    async fn cards_of(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>> {
        let family = family.clone();
        self.read(move |connection| of_family(connection, &family))
            .await
    }

    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>> {
        // The empty text sorts before every card.
        let (library, fingerprint, card) = after.map_or_else(Default::default, |cursor| {
            (
                cursor.library.to_string(),
                cursor.fingerprint.0.clone(),
                cursor.card.to_string(),
            )
        });
        self.read(move |connection| {
            page(
                connection,
                "SELECT * FROM card
                 WHERE (library, fingerprint, id) > (?1, ?2, ?3)
                     AND (paused != 0 OR refused_since IS NOT NULL) = ?4
                     AND (NOT ?5 OR failure_kind IS NOT NULL OR check_started_at IS NULL)
                 ORDER BY library, fingerprint, id",
                params![
                    library,
                    fingerprint,
                    card,
                    scope == Scope::Waiting,
                    scope == Scope::Failed
                ],
                limit,
                from_row,
            )
        })
        .await
    }

    async fn set_paused(&self, id: CardId, paused: bool) -> StoreResult<()> {
        self.write(move |connection| {
            let changed = connection
                .prepare_cached("UPDATE card SET paused = ?2 WHERE id = ?1")?
                .execute(params![id.to_string(), paused])?;
            require_changed(changed, id)
        })
        .await
    }

    async fn allow_retry(&self, id: CardId) -> StoreResult<()> {
        self.write(move |connection| {
            let changed = connection
                .prepare_cached(
                    "UPDATE card SET refused_since = NULL,
                         mark_check = NULL, mark_at = NULL, mark_day = NULL, mark_settled = 0
                     WHERE id = ?1",
                )?
                .execute([id.to_string()])?;
            require_changed(changed, id)
        })
        .await
    }

    async fn remove_card(&self, id: CardId) -> StoreResult<()> {
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM card WHERE id = ?1")?
                .execute([id.to_string()])?;
            require_changed(removed, id)
        })
        .await
    }
}

/// One card.
pub(super) fn by_id(connection: &Connection, id: CardId) -> Result<Option<CardRecord>, Fault> {
    first(
        connection,
        "SELECT * FROM card WHERE id = ?1",
        [id.to_string()],
        from_row,
    )
}

/// The cards of a family, by id.
pub(super) fn of_family(
    connection: &Connection,
    family: &FamilyId,
) -> Result<Vec<CardRecord>, Fault> {
    all(
        connection,
        "SELECT * FROM card WHERE family = ?1 ORDER BY id",
        [family.as_str()],
        from_row,
    )
}

/// The error for a missing card.
pub(super) fn no_card(id: CardId) -> Fault {
    StoreError::NotFound(format!("card {id}")).into()
}

/// Returns [`no_card`] unless a row was changed.
pub(super) fn require_changed(rows: usize, id: CardId) -> Result<(), Fault> {
    match rows {
        0 => Err(no_card(id)),
        _ => Ok(()),
    }
}

/// The error for a number that the family already has.
pub(super) fn duplicate_number(family: &FamilyId, library: &LibraryId) -> Fault {
    StoreError::AlreadyExists(format!(
        "a card of the family “{family}” with that number at the library “{library}”"
    ))
    .into()
}

/// Whether a family has a card of that number at the library, other than `except`.
pub(super) fn has_number(
    connection: &Connection,
    family: &FamilyId,
    library: &LibraryId,
    fingerprint: &Fingerprint,
    except: Option<CardId>,
) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM card
             WHERE family = ?1 AND library = ?2 AND fingerprint = ?3 AND id IS NOT ?4",
        )?
        .exists(params![
            family.as_str(),
            library.as_str(),
            fingerprint.0,
            except.map(|id| id.to_string())
        ])?)
}

/// Reads a card and the state of its checks.
fn from_row(row: &Row<'_>) -> Result<CardRecord, Fault> {
    let stored = StoredRow::new("card", "id", row);
    Ok(CardRecord {
        card: Card {
            id: stored.parsed("id")?,
            family: stored.parsed("family")?,
            library: stored.parsed("library")?,
            patron: stored.text("patron")?,
            fingerprint: Fingerprint(stored.text("fingerprint")?),
            paused: stored.flag("paused")?,
            created_at: stored.parsed("created_at")?,
        },
        state: CardState {
            last_check: last_check(&stored)?,
            last_success_at: stored.optional_parsed("last_success_at")?,
            refused_since: stored.optional_parsed("refused_since")?,
            login_mark: login_mark(&stored)?,
        },
    })
}

fn last_check(stored: &StoredRow<'_, '_>) -> Result<Option<LastCheck>, Fault> {
    let Some(started_at) = stored.optional_parsed("check_started_at")? else {
        return Ok(None);
    };
    let failure = match stored.optional_word("failure_kind")? {
        Some(kind) => Some(Failure {
            remedy: stored.optional_word("failure_remedy")?,
            ..Failure::new(kind, stored.text("failure_detail")?)
        }),
        None => None,
    };
    Ok(Some(LastCheck {
        started_at,
        finished_at: stored.parsed("check_finished_at")?,
        failure,
    }))
}

fn login_mark(stored: &StoredRow<'_, '_>) -> Result<Option<LoginMark>, Fault> {
    let Some(check) = stored.optional_parsed("mark_check")? else {
        return Ok(None);
    };
    Ok(Some(LoginMark {
        check,
        at: stored.parsed("mark_at")?,
        day: stored.parsed("mark_day")?,
        is_settled: stored.flag("mark_settled")?,
    }))
}
