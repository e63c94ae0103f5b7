//! Stores cards and the state of their checks.

use async_trait::async_trait;
use hippo_core::card::{Card, CardPause, CardRecord, CardState, Fingerprint, LastCheck, LoginMark};
use hippo_core::failure::Failure;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::seal::Sealed;
use hippo_core::store::{CardCursor, CardStore, Scope, StoreError, StoreResult};
use rusqlite::{Connection, Row, named_params, params};

use super::fault::Fault;
use super::row::{StoredRow, json, time, word};
use super::{SqliteStore, all, families, first, libraries, page, sealed};

#[async_trait]
impl CardStore for SqliteStore {
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()> {
        let (card, secret) = (card.clone(), secret.clone());
        self.write(move |connection| {
            require_owners(connection, &card)?;
            if is_number_taken(connection, &card, &card.fingerprint)? {
                return Err(duplicate_number(&card.family, &card.library));
            }
            if exists(connection, card.id)? {
                return Err(StoreError::AlreadyExists(format!("a card {}", card.id)).into());
            }
            let record = CardRecord {
                state: CardState::default(),
                card,
            };
            put_record(connection, &record)?;
            sealed::upsert_secret(connection, record.card.id, &secret)
        })
        .await
    }

    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>> {
        self.read(move |connection| find_card(connection, id)).await
    }

    async fn family_cards(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>> {
        let family = family.clone();
        self.read(move |connection| list_family_cards(connection, &family))
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
                     AND (pause IS NOT NULL OR refused_since IS NOT NULL) = ?4
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

    async fn replace_card_pause(
        &self,
        id: CardId,
        before: Option<&CardPause>,
        after: Option<&CardPause>,
    ) -> StoreResult<bool> {
        let (before, after) = (before.cloned(), after.cloned());
        self.write(move |connection| {
            let stored = find_card(connection, id)?.ok_or_else(|| card_not_found(id))?;
            if stored.card.pause != before {
                return Ok(false);
            }
            let ends_at = after.as_ref().and_then(CardPause::ends_at);
            connection
                .prepare_cached("UPDATE card SET pause = ?2, pause_ends_at = ?3 WHERE id = ?1")?
                .execute(params![
                    id.to_string(),
                    after.as_ref().map(json).transpose()?,
                    ends_at.map(time)
                ])?;
            Ok(true)
        })
        .await
    }

    async fn allow_retry(&self, id: CardId) -> StoreResult<()> {
        self.write(move |connection| {
            let mut stored = find_card(connection, id)?.ok_or_else(|| card_not_found(id))?;
            stored.state.allow_retry();
            put_record(connection, &stored)
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

/// Refuses a card whose family or library isn't there.
pub(super) fn require_owners(connection: &Connection, card: &Card) -> Result<(), Fault> {
    if !families::exists(connection, &card.family)? {
        return Err(families::family_not_found(&card.family));
    }
    if !libraries::exists(connection, &card.library)? {
        return Err(libraries::library_not_found(&card.library));
    }
    Ok(())
}

/// Whether there is a card of this id, readable or not.
pub(super) fn exists(connection: &Connection, id: CardId) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM card WHERE id = ?1")?
        .exists([id.to_string()])?)
}

/// Adds a card with its state, or replaces the state of the one that is there.
pub(super) fn put_record(
    connection: &Connection,
    CardRecord { card, state }: &CardRecord,
) -> Result<(), Fault> {
    let last = state.last_check.as_ref();
    let failure = last.and_then(|last| last.failure.as_ref());
    let remedy = failure.and_then(|failure| failure.remedy);
    let mark = state.login_mark.as_ref();
    let pause = card.pause.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO card VALUES (:id, :family, :library, :patron, :fingerprint, :secret_id,
                 :pause, :pause_ends_at, :created_at, :check_started_at, :check_finished_at, :failure_kind,
                 :failure_detail, :failure_remedy, :earlier_failure, :corrected, :last_success_at, :refused_since,
                 :mark_check, :mark_at, :mark_day, :mark_settled)
             ON CONFLICT (id) DO UPDATE SET
                 check_started_at = excluded.check_started_at,
                 check_finished_at = excluded.check_finished_at,
                 failure_kind = excluded.failure_kind,
                 failure_detail = excluded.failure_detail,
                 failure_remedy = excluded.failure_remedy,
                 earlier_failure = excluded.earlier_failure,
                 corrected = excluded.corrected,
                 last_success_at = excluded.last_success_at,
                 refused_since = excluded.refused_since,
                 mark_check = excluded.mark_check,
                 mark_at = excluded.mark_at,
                 mark_day = excluded.mark_day,
                 mark_settled = excluded.mark_settled",
        )?
        .execute(named_params! {
            ":id": card.id.to_string(),
            ":family": card.family.as_str(),
            ":library": card.library.as_str(),
            ":patron": card.patron,
            ":fingerprint": card.fingerprint.0,
            ":secret_id": card.secret_id.to_string(),
            ":pause": pause.map(json).transpose()?,
            ":pause_ends_at": pause.and_then(CardPause::ends_at).map(time),
            ":created_at": time(card.created_at),
            ":check_started_at": last.map(|last| time(last.started_at)),
            ":check_finished_at": last.map(|last| time(last.finished_at)),
            ":failure_kind": failure.map(|failure| word(&failure.kind)).transpose()?,
            ":failure_detail": failure.map(|failure| failure.detail.as_str()),
            ":failure_remedy": remedy.map(|remedy| word(&remedy)).transpose()?,
            ":earlier_failure": state.earlier_failure.as_ref().map(json).transpose()?,
            ":corrected": state.is_corrected,
            ":last_success_at": state.last_success_at.map(time),
            ":refused_since": state.refused_since.map(time),
            ":mark_check": mark.map(|mark| mark.check.to_string()),
            ":mark_at": mark.map(|mark| time(mark.at)),
            ":mark_day": mark.map(|mark| mark.day.to_string()),
            ":mark_settled": mark.is_some_and(|mark| mark.is_settled),
        })?;
    Ok(())
}

pub(super) fn find_card(connection: &Connection, id: CardId) -> Result<Option<CardRecord>, Fault> {
    first(
        connection,
        "SELECT * FROM card WHERE id = ?1",
        [id.to_string()],
        from_row,
    )
}

/// Lists the cards of a family, ordered by id.
pub(super) fn list_family_cards(
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

pub(super) fn card_not_found(id: CardId) -> Fault {
    StoreError::NotFound(format!("card {id}")).into()
}

/// Returns [`card_not_found`] unless a row was changed.
pub(super) fn require_changed(rows: usize, id: CardId) -> Result<(), Fault> {
    match rows {
        0 => Err(card_not_found(id)),
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

/// Whether another card of the card's family has that number at its library.
pub(super) fn is_number_taken(
    connection: &Connection,
    card: &Card,
    fingerprint: &Fingerprint,
) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM card
             WHERE family = ?1 AND library = ?2 AND fingerprint = ?3 AND id <> ?4",
        )?
        .exists([
            card.family.as_str(),
            card.library.as_str(),
            &fingerprint.0,
            &card.id.to_string(),
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
            secret_id: stored.parsed("secret_id")?,
            pause: stored.optional_json("pause")?,
            created_at: stored.parsed("created_at")?,
        },
        state: CardState {
            last_check: last_check(&stored)?,
            earlier_failure: stored.optional_json("earlier_failure")?,
            is_corrected: stored.flag("corrected")?,
            last_success_at: stored.optional_parsed("last_success_at")?,
            refused_since: stored.optional_parsed("refused_since")?,
            login_mark: login_mark(&stored)?,
        },
    })
}

pub(super) fn last_check(stored: &StoredRow<'_, '_>) -> Result<Option<LastCheck>, Fault> {
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
