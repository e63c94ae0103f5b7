//! A visit: up to ten cards of one library, checked one after the other.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::Account;
use crate::card::{Card, CardKey, CardRecord, CardSecret, LoginMark};
use crate::check::Check;
use crate::clock::{Clock, local_date};
use crate::failure::{Failure, FailureKind};
use crate::ids::LibraryId;
use crate::jobs::keys::Keys;
use crate::jobs::{JobError, StopSignal};
use crate::library::Library;
use crate::run::RunKey;
use crate::seal::{SealError, Sealed};
use crate::site::{LibrarySite, LoginPermit};
use crate::store::{CheckStore, LibraryGate, LibraryStore, Saved, StoreError, VisitStore};

/// The most cards that one visit checks.
pub const VISIT_LIMIT: usize = 10;

/// How long a library is left alone after it did not answer or refused us.
pub const LEAVE_ALONE: Duration = Duration::from_secs(10 * 60);

/// The longest time that a site's `Retry-After` is kept to.
pub const LEAVE_ALONE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Up to ten cards of one library. The JSON is a message of the queue of visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// The library.
    pub library: LibraryId,
    /// Cards of the same number stand beside each other.
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
/// after the visit was planned is left out: the visit comes a second time. `checked` hears of every
/// card. An error is a fault of ours (the store, the keys); what was saved stays, and a secret that
/// does not open keeps no other card from its check.
pub async fn check_visit(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    options: VisitOptions<'_>,
    checked: &(dyn Fn(&CheckedCard) + Send + Sync),
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
    let (groups, fault) = open_secrets(ports, visit, loaded.cards).await?;
    let mut site = Site {
        library: loaded.library,
        left_alone_until: loaded.left_alone_until,
        was_asked: false,
    };
    for group in groups {
        if (options.stop)() {
            break;
        }
        for card in check_group(ports, &mut site, group, &options).await? {
            checked(&card);
        }
    }
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// The library of a visit, as the visit goes on.
struct Site {
    library: Library,
    left_alone_until: Option<DateTime<Utc>>,
    /// A card was tried: the next one waits a little.
    was_asked: bool,
}

/// The cards that hold one number with one PIN.
struct Group {
    secret: CardSecret,
    cards: Vec<CardRecord>,
}

/// The cards that are to be checked, by number and PIN, and the first secret that does not open.
async fn open_secrets(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    cards: Vec<(CardRecord, Sealed)>,
) -> Result<(Vec<Group>, Option<SealError>), JobError> {
    let mut groups: Vec<Group> = Vec::new();
    let mut fault = None;
    for (record, sealed) in cards {
        let state = &record.state;
        // A person may have paused it since, or the site refused it.
        if record.card.paused || state.refused_since.is_some() {
            continue;
        }
        let last = state.last_check.as_ref();
        if last.is_some_and(|last| last.started_at > visit.planned_at) {
            tracing::info!(card.id = %record.card.id, run.id = %visit.run, "A card was checked already since its visit was planned.");
            continue;
        }
        let secret = match ports.keys.open(record.card.id, &sealed).await {
            Ok(secret) => secret,
            Err(error @ (SealError::Broken | SealError::UnknownKey(_))) => {
                tracing::error!(card.id = %record.card.id, %error, "A card's number and PIN could not be opened.");
                fault.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match groups.iter_mut().find(|group| same(&group.secret, &secret)) {
            Some(group) => group.cards.push(record),
            None => groups.push(Group {
                secret,
                cards: vec![record],
            }),
        }
    }
    Ok((groups, fault))
}

fn same(one: &CardSecret, other: &CardSecret) -> bool {
    one.number.expose_secret() == other.number.expose_secret()
        && one.pin.expose_secret() == other.pin.expose_secret()
}

async fn check_group(
    ports: &VisitPorts<'_>,
    site: &mut Site,
    group: Group,
    options: &VisitOptions<'_>,
) -> Result<Vec<CheckedCard>, JobError> {
    let reason = |now| {
        site.left_alone(now)
            .or_else(|| out_of_time(options.deadline, now))
            .or_else(|| login_is_open(&site.library, &group.cards, now))
    };
    let mut reason_not_to_try = reason(ports.clock.now());
    if reason_not_to_try.is_none() && site.was_asked {
        options.pace.wait(ports.clock).await;
        reason_not_to_try = reason(ports.clock.now());
    }
    let _place = match reason_not_to_try {
        None => Some(ports.gate.enter(&site.library.id).await?),
        Some(_) => None,
    };
    let id = Uuid::new_v4();
    let started_at = ports.clock.now();
    let outcome = match reason_not_to_try {
        Some(reason) => Err(Failure::not_tried(reason)),
        None => {
            site.was_asked = true;
            let mark = LoginMark {
                check: id,
                at: started_at,
                day: local_date(started_at, site.library.timezone),
            };
            read_account(ports, &site.library, &group.secret, &group.cards, mark).await?
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
        ports.libraries.leave_alone(&site.library.id, until).await?;
        site.left_alone_until = Some(until);
    }
    let finished_at = ports.clock.now();
    let mut checked = Vec::with_capacity(group.cards.len());
    for record in group.cards {
        let check = Check {
            id,
            card: record.card.key(),
            library: site.library.id.clone(),
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

impl Site {
    fn left_alone(&self, now: DateTime<Utc>) -> Option<String> {
        let until = self.left_alone_until.filter(|until| now < *until)?;
        Some(format!(
            "The library is left alone until {}, since it did not answer or refused us.",
            until.with_timezone(&self.library.timezone).format("%H:%M")
        ))
    }
}

fn out_of_time(deadline: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<String> {
    deadline
        .filter(|deadline| *deadline <= now)
        .map(|_| "The visit ran out of time before this card.".to_owned())
}

fn login_is_open(library: &Library, cards: &[CardRecord], now: DateTime<Utc>) -> Option<String> {
    let today = local_date(now, library.timezone);
    cards
        .iter()
        .filter_map(|record| record.state.login_mark.as_ref())
        .any(|mark| mark.day == today)
        .then(login_open)
}

fn login_open() -> String {
    "An earlier check stopped between its login and the outcome; it is not tried again today \
     unless a person says so (“hippo card retry”)."
        .to_owned()
}

fn login_not_allowed() -> String {
    "No login was sent: the card was paused or refused meanwhile, or an earlier check stopped \
     between its login and the outcome and is not tried again today unless a person says so \
     (“hippo card retry”)."
        .to_owned()
}

async fn read_account(
    ports: &VisitPorts<'_>,
    library: &Library,
    secret: &CardSecret,
    records: &[CardRecord],
    mark: LoginMark,
) -> Result<Result<Account, Failure>, JobError> {
    let permit = DurableMark {
        ports,
        library,
        records,
        mark,
        fault: std::sync::Mutex::new(None),
    };
    let mut outcome = ports.site.check(library, secret, &permit).await;
    if let Err(failure) = &outcome
        && failure.kind == FailureKind::SessionExpired
    {
        // One new login, then it is a failure.
        outcome = ports.site.check(library, secret, &permit).await;
    }
    match permit.take_fault() {
        Some(fault) => Err(fault.into()),
        None => Ok(outcome),
    }
}

/// Writes the mark of every card that the login stands for, right before it is sent.
struct DurableMark<'a> {
    ports: &'a VisitPorts<'a>,
    library: &'a Library,
    records: &'a [CardRecord],
    mark: LoginMark,
    fault: std::sync::Mutex<Option<StoreError>>,
}

impl DurableMark<'_> {
    fn take_fault(&self) -> Option<StoreError> {
        self.fault.lock().ok().and_then(|mut fault| fault.take())
    }
}

#[async_trait]
impl LoginPermit for DurableMark<'_> {
    async fn about_to_log_in(&self) -> Result<(), Failure> {
        for record in self.records {
            let key = record.card.key();
            match self.ports.checks.begin_login(&key, &self.mark).await {
                Ok(true) => {}
                Ok(false) => return Err(Failure::not_tried(login_not_allowed())),
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
