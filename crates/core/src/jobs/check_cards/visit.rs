//! A visit: up to ten cards of one library, checked one after the other.

mod login;
mod pace;
pub mod pages;
pub mod report;
mod secrets;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::login::LOGIN_IN_PROGRESS_LIMIT;
use self::login::{LoginDecision, marked_checks, open_login, read_account};
pub use self::pace::Pace;
use self::secrets::{Group, open_secrets, present, reasons_left_out};
use crate::account::Account;
use crate::alerts::Alert;
use crate::card::{Card, CardKey, CardRecord, LoginMark};
use crate::check::Check;
use crate::clock::{Clock, is_in_future, local_date};
use crate::failure::Failure;
use crate::ids::LibraryId;
use crate::jobs::check_cards::keys::Keys;
use crate::jobs::{JobError, StopSignal};
use crate::library::{Library, MAX_BACK_OFF, can_back_off_until};
use crate::run::RunKey;
use crate::run::work::LeftOutReason;
use crate::site::LibrarySite;
use crate::store::{CheckStore, ConcurrencyLimit, LibraryStore, Saved, StoreError, VisitStore};

/// The most cards that one visit checks.
pub const MAX_CARDS_PER_VISIT: usize = 10;

/// How long a library is left alone after it did not answer or refused us.
pub const BACK_OFF: Duration = Duration::from_secs(10 * 60);

/// A library that has not answered for longer needs the operator.
pub const DOWN_ALERT_AFTER: chrono::Duration = chrono::Duration::days(1);

/// The longest time that a site's `Retry-After` is kept to.
pub const RETRY_AFTER_LIMIT: Duration =
    Duration::from_secs(MAX_BACK_OFF.num_seconds().unsigned_abs());

/// After waiting longer than this, a visit reloads its cards' state.
const RELOAD_AFTER: chrono::Duration = chrono::Duration::milliseconds(50);

/// Up to ten cards of one library. The JSON is a message of the queue of visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// The library.
    pub library: LibraryId,
    /// Cards of the same number are adjacent.
    pub cards: Vec<CardKey>,
    /// When the run planned it: what was checked later is done, should the visit come twice.
    pub planned_at: DateTime<Utc>,
    /// The run that it belongs to.
    pub run: RunKey,
}

/// What a visit needs from outside.
pub struct VisitPorts<'a> {
    /// The library, the cards and their sealed secrets.
    pub visits: &'a dyn VisitStore,
    /// Where it is said that a library is being left alone.
    pub libraries: &'a dyn LibraryStore,
    /// Where checks are saved.
    pub checks: &'a dyn CheckStore,
    /// Opens the secrets.
    pub keys: &'a Keys<'a>,
    /// The way to the library.
    pub site: &'a dyn LibrarySite,
    /// The queue before the library.
    pub concurrency_limit: &'a dyn ConcurrencyLimit,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// What a visit reports while it goes.
#[derive(Debug)]
pub enum VisitNews<'a> {
    /// A card was checked.
    Checked(&'a CheckedCard),
    /// A card was left out, since a check that began after the visit was planned is on record.
    CheckedBefore(&'a CardRecord),
    /// A card was left out.
    LeftOut(&'a Card, LeftOutReason),
    /// Something that needs the operator.
    Alert(Alert),
}

/// One card of a visit, and how its check ended.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedCard {
    /// The card.
    pub card: Card,
    /// The check; its account or failure is in `outcome`.
    pub check: Check,
    /// Whether it is on record, or a newer one was there already.
    pub saved: Saved,
}

/// When a visit pauses, and when it ends early.
#[derive(Clone, Copy)]
pub struct VisitOptions<'a> {
    /// The pauses between two cards.
    pub pace: Pace,
    /// From then on no card is begun: the rest is `not_tried`.
    pub deadline: Option<DateTime<Utc>>,
    /// Asked before each card; the rest is left as it is.
    pub stop: StopSignal<'a>,
}

/// Checks the cards of a visit, one after the other, and saves each outcome at once.
///
/// The same number with the same PIN is checked once, for all cards that hold it. After a failure
/// that concerns the library it is left alone, and the rest is `not_tried`. A card that was checked
/// after the visit was planned is left out: the visit comes a second time. `news` hears of every
/// card. An error is a fault of ours (the store, the keys); what was saved stays, and neither a secret
/// that does not open nor an account that is too large for the store (`page_changed`) keeps another
/// card from its check.
pub async fn check_visit(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    options: VisitOptions<'_>,
    news: &(dyn Fn(VisitNews<'_>) + Send + Sync),
) -> Result<(), JobError> {
    let loaded = ports
        .visits
        .load_visit(&visit.library, &visit.cards)
        .await?;
    let Some(loaded) = loaded else {
        tracing::warn!(library.id = %visit.library, "A visit names a library that is gone.");
        return Ok(());
    };
    if loaded.cards.len() < visit.cards.len() {
        tracing::warn!(library.id = %visit.library, "A visit names a card that is gone.");
    }
    let now = ports.clock.now();
    let opened = open_secrets(ports, visit, &loaded.library, loaded.cards, news).await?;
    let mut site = Site {
        library: loaded.library,
        back_off_until: loaded
            .back_off_until
            .filter(|until| can_back_off_until(*until, now)),
        down_since: loaded.down_since.filter(|since| !is_in_future(*since, now)),
        was_asked: false,
        planned_at: visit.planned_at,
        loaded_at: now,
    };
    for (record, failure, alert) in opened.unopened {
        let now = ports.clock.now();
        for card in save(
            ports,
            &site,
            vec![record],
            Uuid::new_v4(),
            now,
            Err(failure),
        )
        .await?
        {
            news(VisitNews::Checked(&card));
        }
        alert
            .into_iter()
            .for_each(|alert| news(VisitNews::Alert(alert)));
    }
    for group in opened.groups {
        if options.stop.is_asked() {
            break;
        }
        let cards: Vec<Card> = group
            .cards
            .iter()
            .map(|(record, _)| record.card.clone())
            .collect();
        let checked = check_group(ports, &mut site, group, &options, news).await?;
        for card in &checked {
            news(VisitNews::Checked(card));
        }
        let was_checked = |card: &&Card| checked.iter().any(|checked| checked.card.id == card.id);
        let left_out: Vec<&Card> = cards.iter().filter(|card| !was_checked(card)).collect();
        let reasons = reasons_left_out(ports, visit, &left_out).await?;
        for (card, reason) in left_out.into_iter().zip(reasons) {
            news(VisitNews::LeftOut(card, reason));
        }
    }
    Ok(())
}

/// The library of a visit, as the visit goes on.
struct Site {
    library: Library,
    back_off_until: Option<DateTime<Utc>>,
    down_since: Option<DateTime<Utc>>,
    /// A card was tried: the next one waits a little.
    was_asked: bool,
    /// When the visit was planned: what was checked since is left out.
    planned_at: DateTime<Utc>,
    /// When its cards were loaded.
    loaded_at: DateTime<Utc>,
}

async fn check_group(
    ports: &VisitPorts<'_>,
    site: &mut Site,
    group: Group,
    options: &VisitOptions<'_>,
    news: &(dyn Fn(VisitNews<'_>) + Send + Sync),
) -> Result<Vec<CheckedCard>, JobError> {
    if site.was_asked && site.not_now(options.deadline, ports.clock.now()).is_none() {
        options.pace.wait(ports.clock).await;
    }
    let mut records = if site.was_asked || ports.clock.now() - site.loaded_at > RELOAD_AFTER {
        present(ports, site, &group.cards).await?
    } else {
        let records = group.cards.iter().map(|(record, _)| record.clone());
        records.collect()
    };
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let mut now = ports.clock.now();
    let mut todo = site.todo(options.deadline, &records, now, &[]);
    // Held until the outcome is on record: who is alone at the library knows that no other check is under way.
    let mut place = None;
    if matches!(todo, LoginDecision::Leave) {
        let marked = marked_checks(&records);
        place = Some(ports.concurrency_limit.enter(&site.library.id).await?);
        if ports.concurrency_limit.is_alone(&site.library.id).await? == Some(true) {
            records = present(ports, site, &group.cards).await?;
            if records.is_empty() {
                return Ok(Vec::new());
            }
            now = ports.clock.now();
            todo = site.todo(options.deadline, &records, now, &marked);
        }
    }
    let id = Uuid::new_v4();
    let outcome = match todo {
        LoginDecision::Leave => return Ok(Vec::new()),
        LoginDecision::NotTried(failure) => Err(failure),
        LoginDecision::Try => {
            if place.is_none() {
                place = Some(ports.concurrency_limit.enter(&site.library.id).await?);
            }
            let asked = std::mem::replace(&mut now, ports.clock.now());
            if now - asked > RELOAD_AFTER {
                // Whoever was there before may have found it down or checked the card, and a person may have set the PIN.
                records = present(ports, site, &group.cards).await?;
                if records.is_empty() {
                    return Ok(Vec::new());
                }
            }
            match site.not_now(options.deadline, now) {
                Some(reason) => Err(Failure::not_tried(reason)),
                None => {
                    site.was_asked = true;
                    let mark = LoginMark {
                        check: id,
                        at: now,
                        day: local_date(now, site.library.timezone),
                        is_settled: false,
                    };
                    match read_account(ports, &site.library, &group.secret, &records, mark).await? {
                        Some(outcome) => outcome,
                        None => return Ok(Vec::new()),
                    }
                }
            }
        }
    };
    if let Err(failure) = &outcome
        && failure.kind.affects_library()
    {
        let wait = failure
            .retry_after
            .unwrap_or_default()
            .clamp(BACK_OFF, RETRY_AFTER_LIMIT);
        let now = ports.clock.now();
        let until = now + wait;
        match ports.libraries.back_off(&site.library.id, until, now).await {
            // Removed meanwhile: there is nothing to leave alone.
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
        site.back_off_until = Some(until);
        if let Some(alert) = mark_library_down(ports, site).await? {
            news(VisitNews::Alert(alert));
        }
    } else if outcome.is_ok() && site.down_since.take().is_some() {
        ports.libraries.mark_library_up(&site.library.id).await?;
    }
    if let Err(failure) = &outcome {
        let day = local_date(now, site.library.timezone);
        let alert = Alert::of_failure(&site.library.id, failure, day);
        alert
            .into_iter()
            .for_each(|alert| news(VisitNews::Alert(alert)));
    }
    let outcome = outcome.map(|mut account| {
        account.drop_endless_dates(local_date(now, site.library.timezone));
        account
    });
    let checked = save(ports, site, records, id, now, outcome).await;
    drop(place);
    checked
}

/// Marks the library as down. Returns the alert once that has lasted for a day.
async fn mark_library_down(
    ports: &VisitPorts<'_>,
    site: &mut Site,
) -> Result<Option<Alert>, JobError> {
    let now = ports.clock.now();
    let since = match ports
        .libraries
        .mark_library_down(&site.library.id, now)
        .await
    {
        Ok(since) => since,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    site.down_since = Some(since);
    Ok(
        (now - since >= DOWN_ALERT_AFTER).then(|| Alert::LibraryDown {
            library: site.library.id.clone(),
            since,
        }),
    )
}

/// Saves one outcome for all cards of the group.
async fn save(
    ports: &VisitPorts<'_>,
    site: &Site,
    records: Vec<CardRecord>,
    id: Uuid,
    started_at: DateTime<Utc>,
    outcome: Result<Account, Failure>,
) -> Result<Vec<CheckedCard>, JobError> {
    let finished_at = ports.clock.now();
    let mut checked = Vec::with_capacity(records.len());
    for record in records {
        let mut check = Check {
            id,
            card: record.card.key(),
            library: site.library.id.clone(),
            started_at,
            finished_at,
            outcome: outcome.clone(),
        };
        let saved = match ports.checks.save_check(&check).await {
            // It would be as large the next time: not a fault that a second try mends.
            Err(StoreError::TooLarge(reason)) if check.outcome.is_ok() => {
                check.outcome = Err(Failure::page_changed(format!(
                    "the account is too large to store: {reason}"
                )));
                ports.checks.save_check(&check).await?
            }
            saved => saved?,
        };
        log(&check, saved);
        checked.push(CheckedCard {
            card: record.card,
            check,
            saved,
        });
    }
    Ok(checked)
}

impl Site {
    /// Why no card is tried at `now`, if none is.
    fn not_now(&self, deadline: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<String> {
        self.backing_off(now).or_else(|| {
            deadline
                .filter(|deadline| *deadline <= now)
                .map(|_| "The visit ran out of time before this card.".to_owned())
        })
    }

    /// What to do with cards of this library at `now`. The checks `ended` are known to be over.
    fn todo(
        &self,
        deadline: Option<DateTime<Utc>>,
        records: &[CardRecord],
        now: DateTime<Utc>,
        ended: &[Uuid],
    ) -> LoginDecision {
        match self.not_now(deadline, now) {
            Some(reason) => LoginDecision::NotTried(Failure::not_tried(reason)),
            None => open_login(&self.library, records, now, ended),
        }
    }

    fn backing_off(&self, now: DateTime<Utc>) -> Option<String> {
        let until = self.back_off_until.filter(|until| now < *until)?;
        Some(format!(
            "The library didn't answer or turned us away. We'll try again after {}.",
            until.with_timezone(&self.library.timezone).format("%H:%M")
        ))
    }
}

fn log(check: &Check, saved: Saved) {
    let duration_ms = (check.finished_at - check.started_at).num_milliseconds();
    match &check.outcome {
        Ok(account) => tracing::info!(
            card.id = %check.card.card,
            library.id = %check.library,
            duration_ms,
            loans = account.loans.as_ref().map(Vec::len),
            holds = account.holds.as_ref().map(Vec::len),
            saved = ?saved,
            "Checked a card."
        ),
        Err(failure) => tracing::warn!(
            card.id = %check.card.card,
            library.id = %check.library,
            duration_ms,
            failure.kind = %failure.kind,
            failure.detail = %failure.detail,
            saved = ?saved,
            "A card could not be checked."
        ),
    }
}

#[cfg(test)]
mod tests;
