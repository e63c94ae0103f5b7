//! Stores checks and the accounts they read.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::account::Account;
use hippo_core::card::{CardKey, CardState, LastCheck, LoginMark, LoginOutcome, StoredAccount};
use hippo_core::check::Check;
use hippo_core::clock::CLOCK_TOLERANCE;
use hippo_core::failure::FailureKind;
use hippo_core::ids::{CardId, FamilyId};
use hippo_core::store::{CheckStore, Saved, StoreResult};
use rusqlite::{Connection, Row, named_params, params};
use uuid::Uuid;

use super::fault::Fault;
use super::row::{StoredRow, json, time, word};
use super::{SqliteStore, all, cards, first};

#[async_trait]
impl CheckStore for SqliteStore {
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool> {
        let (card, mark) = (card.clone(), mark.clone());
        self.write(move |connection| {
            let marked = connection
                .prepare_cached(
                    "UPDATE card SET mark_check = :check, mark_at = :at, mark_day = :day,
                         mark_settled = :settled
                     WHERE id = :id AND family = :family AND refused_since IS NULL
                         AND (pause IS NULL OR pause_ends_at <= :at)
                         AND (mark_check IS NULL OR mark_check = :check OR mark_day <> :day
                             OR mark_settled = 1 OR mark_at > :latest)",
                )?
                .execute(named_params! {
                    ":id": card.card.to_string(),
                    ":family": card.family.as_str(),
                    ":check": mark.check.to_string(),
                    ":at": time(mark.at),
                    ":latest": time(mark.at + CLOCK_TOLERANCE),
                    ":day": mark.day.to_string(),
                    ":settled": mark.is_settled,
                })?;
            if marked == 0 && stored_checks(connection, &card)?.is_none() {
                return Err(cards::card_not_found(card.card));
            }
            Ok(marked > 0)
        })
        .await
    }

    async fn record_login_outcome(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()> {
        let card = card.clone();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE card SET mark_settled = 1, refused_since = CASE
                         WHEN :refused AND (last_success_at IS NULL OR last_success_at < mark_at)
                         THEN coalesce(refused_since, mark_at) ELSE refused_since END
                     WHERE id = :id AND family = :family AND mark_check = :check",
                )?
                .execute(named_params! {
                    ":id": card.card.to_string(),
                    ":family": card.family.as_str(),
                    ":check": check.to_string(),
                    ":refused": outcome == LoginOutcome::Refused,
                })?;
            Ok(())
        })
        .await
    }

    async fn save_check(&self, check: &Check) -> StoreResult<Saved> {
        let check = check.clone();
        self.write(move |connection| save(connection, &check)).await
    }

    async fn family_accounts(
        &self,
        family: &FamilyId,
    ) -> StoreResult<Vec<(CardId, StoredAccount)>> {
        let family = family.clone();
        self.read(move |connection| accounts(connection, &family))
            .await
    }
}

/// Returns the cards of a family for which the stored account can't be read.
pub(super) fn lost_accounts(
    connection: &Connection,
    family: &FamilyId,
    read: &[(CardId, StoredAccount)],
) -> Result<BTreeSet<CardId>, Fault> {
    let stored = all(
        connection,
        "SELECT card FROM card JOIN account ON account.card = card.id WHERE card.family = ?1",
        [family.as_str()],
        |row| StoredRow::new("account", "card", row).parsed("card"),
    )?;
    let read: BTreeSet<CardId> = read.iter().map(|(card, _)| *card).collect();
    Ok(stored.into_iter().filter(|id| !read.contains(id)).collect())
}

/// The last good accounts of a family's cards, by card.
pub(super) fn accounts(
    connection: &Connection,
    family: &FamilyId,
) -> Result<Vec<(CardId, StoredAccount)>, Fault> {
    all(
        connection,
        "SELECT account.* FROM card JOIN account ON account.card = card.id
         WHERE card.family = ?1 ORDER BY card.id",
        [family.as_str()],
        account_from_row,
    )
}

/// Returns a card's last good account, if it can be read.
pub(super) fn find_account(
    connection: &Connection,
    card: CardId,
) -> Result<Option<StoredAccount>, Fault> {
    let found = first(
        connection,
        "SELECT * FROM account WHERE card = ?1",
        [card.to_string()],
        account_from_row,
    )?;
    Ok(found.map(|(_, account)| account))
}

/// Whether an account is stored for the card, readable or not.
pub(super) fn has_account(connection: &Connection, card: CardId) -> Result<bool, Fault> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM account WHERE card = ?1")?
        .exists([card.to_string()])?)
}

fn account_from_row(row: &Row<'_>) -> Result<(CardId, StoredAccount), Fault> {
    let stored = StoredRow::new("account", "card", row);
    let account = StoredAccount {
        read_at: stored.parsed("read_at")?,
        account: stored.json("account")?,
    };
    Ok((stored.parsed("card")?, account))
}

/// Reads what is stored of a card's checks; `None`: the card is gone.
fn stored_checks(connection: &Connection, card: &CardKey) -> Result<Option<CardState>, Fault> {
    first(
        connection,
        "SELECT * FROM card WHERE id = ?1 AND family = ?2",
        [card.card.to_string().as_str(), card.family.as_str()],
        |row| {
            let stored = StoredRow::new("card", "id", row);
            Ok(CardState {
                last_check: cards::last_check(&stored)?,
                earlier_failure: stored.optional_json("earlier_failure")?,
                is_corrected: stored.flag("corrected")?,
                last_success_at: stored.optional_parsed("last_success_at")?,
                ..CardState::default()
            })
        },
    )
}

fn save(connection: &Connection, check: &Check) -> Result<Saved, Fault> {
    let Some(stored) = stored_checks(connection, &check.card)? else {
        return Ok(Saved::CardGone);
    };
    let id = check.card.card.to_string();
    let failure = check.outcome.as_ref().err();
    let is_in_doubt = failure.is_some_and(|failure| failure.login_in_doubt);
    connection
        .prepare_cached(
            "UPDATE card SET mark_check = NULL, mark_at = NULL, mark_day = NULL, mark_settled = 0
             WHERE id = ?1 AND mark_check = ?2 AND (mark_settled = 1 OR NOT ?3)",
        )?
        .execute(params![id, check.id.to_string(), is_in_doubt])?;
    if failure.is_some_and(|failure| failure.kind == FailureKind::WrongCredentials) {
        connection
            .prepare_cached(
                "UPDATE card SET refused_since = coalesce(refused_since, ?2)
                 WHERE id = ?1 AND (last_success_at IS NULL OR last_success_at < ?2
                     OR last_success_at > ?3)",
            )?
            .execute([
                &id,
                &time(check.started_at),
                &time(check.finished_at + CLOCK_TOLERANCE),
            ])?;
    }
    let tried = stored.last_tried().map(|last| last.started_at);
    let plausible = |at: Option<DateTime<Utc>>| at.filter(|at| check.accepts_time(*at));
    let newest = plausible(tried).max(plausible(stored.last_success_at));
    if newest.is_some_and(|newest| newest > check.started_at) {
        return Ok(Saved::Older);
    }
    let last_check = LastCheck {
        started_at: check.started_at,
        finished_at: check.finished_at,
        failure: failure.cloned(),
    };
    let kept = stored.failure_to_keep(&last_check);
    connection
        .prepare_cached(
            "UPDATE card SET
                 check_started_at = :started_at,
                 check_finished_at = :finished_at,
                 failure_kind = :kind,
                 failure_detail = :detail,
                 failure_remedy = :remedy,
                 earlier_failure = :earlier_failure,
                 corrected = 0,
                 last_success_at = CASE WHEN :kind IS NULL THEN :started_at ELSE last_success_at END,
                 refused_since = CASE WHEN :kind IS NULL THEN NULL ELSE refused_since END,
                 pause = CASE WHEN pause_ends_at <= :started_at THEN NULL ELSE pause END,
                 pause_ends_at = CASE WHEN pause_ends_at <= :started_at THEN NULL ELSE pause_ends_at END
             WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": id,
            ":started_at": time(check.started_at),
            ":finished_at": time(check.finished_at),
            ":kind": failure.map(|failure| word(&failure.kind)).transpose()?,
            ":detail": failure.map(|failure| failure.detail.as_str()),
            ":remedy": failure.and_then(|failure| failure.remedy).map(|remedy| word(&remedy)).transpose()?,
            ":earlier_failure": kept.as_ref().map(json).transpose()?,
        })?;
    if let Ok(account) = &check.outcome {
        upsert_account(connection, &id, check.started_at, account)?;
    }
    Ok(Saved::Stored)
}

/// Replaces a card's account.
pub(super) fn upsert_account(
    connection: &Connection,
    card: &str,
    read_at: DateTime<Utc>,
    account: &Account,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO account VALUES (?1, ?2, ?3)
             ON CONFLICT (card) DO UPDATE SET read_at = excluded.read_at, account = excluded.account",
        )?
        .execute(params![card, time(read_at), json(account)?])?;
    Ok(())
}
