//! A visit: up to ten cards of one library, checked one after the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::account::Account;
use crate::card::{Card, CardRecord, CardSecret, LoginMark};
use crate::check::Check;
use crate::clock::{Clock, local_date};
use crate::failure::{Failure, FailureKind};
use crate::ids::{CardId, LibraryId};
use crate::jobs::keys::Keys;
use crate::jobs::{JobError, StopSignal};
use crate::library::Library;
use crate::seal::{SealError, Sealed, fold_number};
use crate::site::{LibrarySite, LoginPermit};
use crate::store::{
    CardStore, CheckStore, LibraryGate, LibraryStore, Saved, SecretStore, StoreError,
};

/// The most cards that one visit checks.
pub const VISIT_LIMIT: usize = 10;

/// How long a library is left alone after it did not answer or refused us.
pub const LEAVE_ALONE: Duration = Duration::from_secs(10 * 60);

/// How long after its mark a check may still be going; longer than a card may take.
pub const UNDER_WAY: chrono::Duration = chrono::Duration::minutes(2);

/// The longest time that a site's `Retry-After` is kept to.
pub const LEAVE_ALONE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Up to ten cards of one library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The library.
    pub library: LibraryId,
    /// Cards of the same number stand beside each other.
    pub cards: Vec<CardId>,
}

/// What a visit needs from outside.
pub struct VisitPorts<'a> {
    /// The libraries, and which are being left alone.
    pub libraries: &'a dyn LibraryStore,
    /// The cards.
    pub cards: &'a dyn CardStore,
    /// The sealed numbers and PINs.
    pub secrets: &'a dyn SecretStore,
    /// Where checks are saved.
    pub checks: &'a dyn CheckStore,
    /// Opens the secrets.
    pub keys: &'a Keys<'a>,
    /// The way to the library.
    pub site: &'a dyn LibrarySite,
    /// The queue before the library.
    pub gate: &'a dyn LibraryGate,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// How a visit goes about its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The shortest pause between two cards.
    pub pause: Duration,
    /// At most this much is added to each pause, at random.
    pub jitter: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(1),
            jitter: Duration::from_secs(2),
        }
    }
}

impl Pace {
    /// No pauses at all: for tests, benchmarks and the demo on loopback.
    pub const NONE: Self = Self {
        pause: Duration::ZERO,
        jitter: Duration::ZERO,
    };

    /// Waits between two cards of one library.
    pub async fn wait(&self, clock: &dyn Clock) {
        let spread = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        let extra = match getrandom::u64() {
            Ok(random) if spread > 0 => random % (spread + 1),
            _ => 0,
        };
        let pause = self.pause + Duration::from_millis(extra);
        if !pause.is_zero() {
            clock.sleep(pause).await;
        }
    }
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

/// Checks the cards of a visit, one after the other, and saves each outcome at once.
///
/// The same number with the same PIN is checked once, for all cards that hold it. After a failure
/// that concerns the library it is left alone, and the rest is `not_tried`. `checked` hears of
/// every card. An error is a fault of ours (the store, the keys); what was saved stays.
pub async fn check_visit(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    pace: Pace,
    stop: StopSignal<'_>,
    checked: &(dyn Fn(&CheckedCard) + Send + Sync),
) -> Result<(), JobError> {
    let Some(library) = ports.libraries.library(&visit.library).await? else {
        tracing::warn!(library.id = %visit.library, "A visit names a library that is gone.");
        return Ok(());
    };
    let opened = open_secrets(ports, visit).await?;
    for card in opened.unreadable {
        let failure = Failure::not_tried(SealError::Broken.to_string());
        for card in check_group(ports, &library, vec![card], Err(failure)).await? {
            checked(&card);
        }
    }
    let mut first = true;
    for group in opened.groups {
        if stop() {
            break;
        }
        if !first {
            pace.wait(ports.clock).await;
        }
        first = false;
        let _place = ports.gate.enter(&library.id).await?;
        let cards = unchanged(ports, group.cards).await?;
        for card in check_group(ports, &library, cards, Ok(&group.secret)).await? {
            checked(&card);
        }
    }
    Ok(())
}

/// What could be opened of a visit's secrets.
#[derive(Default)]
struct Opened {
    groups: Vec<Group>,
    /// Cards whose envelope does not open: their trouble keeps no other from being checked.
    unreadable: Vec<CardId>,
}

/// The cards that hold one number with one PIN, each with its envelope.
struct Group {
    secret: CardSecret,
    cards: Vec<(CardId, Sealed)>,
}

async fn open_secrets(ports: &VisitPorts<'_>, visit: &Visit) -> Result<Opened, JobError> {
    let mut opened = Opened::default();
    let sealed = ports.secrets.secrets(&visit.cards).await?;
    for card in &visit.cards {
        let Some((_, sealed)) = sealed.iter().find(|(id, _)| id == card) else {
            tracing::warn!(card.id = %card, "A visit names a card that is gone.");
            continue;
        };
        let secret = match ports.keys.open(*card, sealed).await {
            Ok(secret) => secret,
            Err(SealError::Broken) => {
                opened.unreadable.push(*card);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let card = (*card, sealed.clone());
        match opened
            .groups
            .iter_mut()
            .find(|group| same(&group.secret, &secret))
        {
            Some(group) => group.cards.push(card),
            None => opened.groups.push(Group {
                secret,
                cards: vec![card],
            }),
        }
    }
    Ok(opened)
}

fn same(one: &CardSecret, other: &CardSecret) -> bool {
    let number = |secret: &CardSecret| fold_number(&secret.number);
    number(one).expose_secret() == number(other).expose_secret()
        && one.pin.expose_secret() == other.pin.expose_secret()
}

/// Those whose PIN was not set anew since the visit began: an old PIN must not be tried.
async fn unchanged(
    ports: &VisitPorts<'_>,
    cards: Vec<(CardId, Sealed)>,
) -> Result<Vec<CardId>, JobError> {
    let ids: Vec<CardId> = cards.iter().map(|(card, _)| *card).collect();
    let present = ports.secrets.secrets(&ids).await?;
    Ok(cards
        .into_iter()
        .filter(|card| present.contains(card))
        .map(|(card, _)| card)
        .collect())
}

async fn check_group(
    ports: &VisitPorts<'_>,
    library: &Library,
    cards: Vec<CardId>,
    secret: Result<&CardSecret, Failure>,
) -> Result<Vec<CheckedCard>, JobError> {
    let mut records = Vec::new();
    for card in cards {
        // Read again right before the check: a person may have paused or removed it meanwhile.
        if let Some(record) = ports.cards.card(card).await? {
            records.push(record);
        }
    }
    records.retain(|record| !record.card.paused && record.state.refused_since.is_none());
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let id = Uuid::new_v4();
    let started_at = ports.clock.now();
    let outcome = match secret {
        Err(failure) => Err(failure),
        Ok(secret) => {
            let attempt = match what_to_do(ports, library, &records, started_at).await? {
                Todo::Leave => return Ok(Vec::new()),
                Todo::NotTried(reason) => Some(Err(Failure::not_tried(reason))),
                Todo::Try => {
                    let mark = LoginMark {
                        check: id,
                        at: started_at,
                        day: local_date(started_at, library.timezone),
                    };
                    read_account(ports, library, secret, &records, mark).await?
                }
            };
            match attempt {
                Some(outcome) => outcome,
                None => return Ok(Vec::new()),
            }
        }
    };
    if let Err(failure) = &outcome
        && failure.kind.concerns_the_library()
    {
        let wait = failure
            .retry_after
            .unwrap_or_default()
            .clamp(LEAVE_ALONE, LEAVE_ALONE_LIMIT);
        let until = ports.clock.now() + wait;
        match ports.libraries.leave_alone(&library.id, until).await {
            // Removed meanwhile: there is nothing to leave alone.
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let finished_at = ports.clock.now();
    let mut checked = Vec::with_capacity(records.len());
    for record in records {
        let check = Check {
            id,
            card: record.card.key(),
            library: library.id.clone(),
            started_at,
            finished_at,
            outcome: outcome.clone(),
        };
        let saved = ports.checks.save_check(&check).await?;
        log(&check, saved);
        checked.push(CheckedCard {
            card: record.card,
            check,
            saved,
        });
    }
    Ok(checked)
}

/// What a check finds before it begins.
enum Todo {
    /// Nothing stands in the way.
    Try,
    /// Not now, for a reason that is put on record.
    NotTried(String),
    /// Another check of this card is under way: its outcome is the one to record.
    Leave,
}

async fn what_to_do(
    ports: &VisitPorts<'_>,
    library: &Library,
    records: &[CardRecord],
    now: DateTime<Utc>,
) -> Result<Todo, JobError> {
    if let Some(until) = ports.libraries.left_alone_until(&library.id).await?
        && now < until
    {
        return Ok(Todo::NotTried(format!(
            "The library is left alone until {}, since it did not answer or refused us.",
            until.with_timezone(&library.timezone).format("%H:%M")
        )));
    }
    let today = local_date(now, library.timezone);
    let open: Vec<&LoginMark> = records
        .iter()
        .filter_map(|record| record.state.login_mark.as_ref())
        .filter(|mark| mark.day == today)
        .collect();
    Ok(if open.is_empty() {
        Todo::Try
    } else if open.iter().any(|mark| is_under_way(mark, now)) {
        Todo::Leave
    } else {
        Todo::NotTried(login_open())
    })
}

/// Whether the check that wrote this mark may still be going.
fn is_under_way(mark: &LoginMark, now: DateTime<Utc>) -> bool {
    now < mark.at + UNDER_WAY
}

fn login_open() -> String {
    "An earlier login of today has no known outcome; it is not tried again today unless a person \
     says so (“hippo card retry”)."
        .to_owned()
}

async fn read_account(
    ports: &VisitPorts<'_>,
    library: &Library,
    secret: &CardSecret,
    records: &[CardRecord],
    mark: LoginMark,
) -> Result<Option<Result<Account, Failure>>, JobError> {
    let permit = DurableMark {
        ports,
        library,
        records,
        mark,
        fault: std::sync::Mutex::new(None),
        found_other: AtomicBool::new(false),
    };
    let mut outcome = ports.site.check(library, secret, &permit).await;
    if let Err(failure) = &outcome
        && failure.kind == FailureKind::SessionExpired
    {
        // One new login, then it is a failure.
        outcome = ports.site.check(library, secret, &permit).await;
    }
    if let Err(failure) = &mut outcome {
        // A refusal without words looks like a changed page. With any other failure the site said
        // nothing about the PIN, and the next check may try it again.
        failure.login_in_doubt &= failure.kind == FailureKind::PageChanged;
    }
    if let Some(fault) = permit.take_fault() {
        return Err(fault.into());
    }
    Ok((!permit.found_other.load(Ordering::Relaxed)).then_some(outcome))
}

/// Writes the mark of every card that the login stands for, right before it is sent.
struct DurableMark<'a> {
    ports: &'a VisitPorts<'a>,
    library: &'a Library,
    records: &'a [CardRecord],
    mark: LoginMark,
    fault: std::sync::Mutex<Option<StoreError>>,
    /// Another check of the card began meanwhile and is under way.
    found_other: AtomicBool,
}

impl DurableMark<'_> {
    fn take_fault(&self) -> Option<StoreError> {
        self.fault.lock().ok().and_then(|mut fault| fault.take())
    }

    /// Whose mark it is that keeps us from logging in.
    async fn look_for_other(&self, card: CardId) {
        let record = self.ports.cards.card(card).await.ok().flatten();
        let mark = record.and_then(|record| record.state.login_mark);
        if mark.is_some_and(|mark| is_under_way(&mark, self.ports.clock.now())) {
            self.found_other.store(true, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl LoginPermit for DurableMark<'_> {
    async fn about_to_log_in(&self) -> Result<(), Failure> {
        for record in self.records {
            let key = record.card.key();
            match self.ports.checks.begin_login(&key, &self.mark).await {
                Ok(true) => {}
                Ok(false) => {
                    self.look_for_other(record.card.id).await;
                    return Err(Failure::not_tried(login_open()));
                }
                Err(StoreError::NotFound(_)) => {
                    return Err(Failure::not_tried("The card was removed meanwhile."));
                }
                Err(error) => {
                    if let Ok(mut fault) = self.fault.lock() {
                        *fault = Some(error);
                    }
                    return Err(Failure::not_tried(format!(
                        "The mark before the login at {} could not be written.",
                        self.library.id
                    )));
                }
            }
        }
        Ok(())
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
