//! A visit: up to ten cards of one library, checked one after the other.

pub mod report;

use std::sync::atomic::{AtomicBool, Ordering};
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
use crate::operator::Concern;
use crate::run::RunKey;
use crate::seal::{SealError, Sealed, fold_number};
use crate::site::{LibrarySite, LoginPermit};
use crate::store::{CheckStore, LibraryGate, LibraryStore, Saved, StoreError, VisitStore};

/// The most cards that one visit checks.
pub const VISIT_LIMIT: usize = 10;

/// How long a library is left alone after it did not answer or refused us.
pub const LEAVE_ALONE: Duration = Duration::from_secs(10 * 60);

/// A library that has not answered for longer needs the operator.
pub const DOWN_TOO_LONG: chrono::Duration = chrono::Duration::days(1);

/// How long after its mark a check may still be going; longer than a card may take whose session is lost at the
/// last moment: two logins, each with its whole time and a logout.
pub const UNDER_WAY: chrono::Duration = chrono::Duration::seconds(200);

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

/// What a visit tells while it goes.
#[derive(Debug)]
pub enum VisitNews<'a> {
    /// A card was checked.
    Checked(&'a CheckedCard),
    /// A card was left out, since a check that began after the visit was planned is on record.
    CheckedBefore(&'a CardRecord),
    /// A card was left out: it is paused, waits for a person, or another check of it is under way.
    LeftOut(&'a Card),
    /// Something that needs the operator.
    Concern(Concern),
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
    let opened = open_secrets(ports, visit, loaded.cards, news).await?;
    let mut site = Site {
        library: loaded.library,
        left_alone_until: loaded.left_alone_until,
        down_since: loaded.down_since,
        was_asked: false,
    };
    for record in opened.unreadable {
        let failure = Failure::not_tried(SealError::Broken.to_string());
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
    }
    for group in opened.groups {
        if (options.stop)() {
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
        // Paused or set anew meanwhile, or under way elsewhere.
        let was_checked = |card: &&Card| checked.iter().any(|checked| checked.card.id == card.id);
        for card in cards.iter().filter(|card| !was_checked(card)) {
            news(VisitNews::LeftOut(card));
        }
    }
    opened.fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// The library of a visit, as the visit goes on.
struct Site {
    library: Library,
    left_alone_until: Option<DateTime<Utc>>,
    down_since: Option<DateTime<Utc>>,
    /// A card was tried: the next one waits a little.
    was_asked: bool,
}

/// What could be opened of a visit's secrets.
#[derive(Default)]
struct Opened {
    groups: Vec<Group>,
    /// Cards whose envelope does not open: their trouble keeps no other from being checked.
    unreadable: Vec<CardRecord>,
    /// The first key that is not there.
    fault: Option<SealError>,
}

/// The cards that hold one number with one PIN, each with its envelope.
struct Group {
    secret: CardSecret,
    cards: Vec<(CardRecord, Sealed)>,
}

/// The cards that are to be checked, by number and PIN.
async fn open_secrets(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    cards: Vec<(CardRecord, Sealed)>,
    news: &(dyn Fn(VisitNews<'_>) + Send + Sync),
) -> Result<Opened, JobError> {
    let mut opened = Opened::default();
    for (record, sealed) in cards {
        let last = record.state.last_check.as_ref();
        if last.is_some_and(|last| last.started_at > visit.planned_at) {
            tracing::info!(card.id = %record.card.id, run.id = %visit.run, "A card was checked already since its visit was planned.");
            news(VisitNews::CheckedBefore(&record));
            continue;
        }
        if !may_be_checked(&record) {
            news(VisitNews::LeftOut(&record.card));
            continue;
        }
        let secret = match ports.keys.open(record.card.id, &sealed).await {
            Ok(secret) => secret,
            Err(SealError::Broken) => {
                opened.unreadable.push(record);
                continue;
            }
            Err(error @ SealError::UnknownKey(_)) => {
                tracing::error!(card.id = %record.card.id, %error, "A card's number and PIN could not be opened.");
                opened.fault.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match opened
            .groups
            .iter_mut()
            .find(|group| same(&group.secret, &secret))
        {
            Some(group) => group.cards.push((record, sealed)),
            None => opened.groups.push(Group {
                secret,
                cards: vec![(record, sealed)],
            }),
        }
    }
    Ok(opened)
}

/// A person may have paused it since the planning, or the site refused it.
fn may_be_checked(record: &CardRecord) -> bool {
    !record.card.paused && record.state.refused_since.is_none()
}

fn same(one: &CardSecret, other: &CardSecret) -> bool {
    let number = |secret: &CardSecret| fold_number(&secret.number);
    number(one).expose_secret() == number(other).expose_secret()
        && one.pin.expose_secret() == other.pin.expose_secret()
}

/// What is known of a group's cards now, if another card of the visit came first.
///
/// Cards whose PIN was set anew meanwhile are left out: an old PIN must not be tried.
async fn present(
    ports: &VisitPorts<'_>,
    site: &mut Site,
    cards: Vec<(CardRecord, Sealed)>,
) -> Result<Vec<CardRecord>, JobError> {
    if !site.was_asked {
        return Ok(cards.into_iter().map(|(record, _)| record).collect());
    }
    let keys: Vec<CardKey> = cards.iter().map(|(record, _)| record.card.key()).collect();
    let Some(now) = ports.visits.load_visit(&site.library.id, &keys).await? else {
        return Ok(Vec::new());
    };
    site.left_alone_until = site.left_alone_until.max(now.left_alone_until);
    let is_same = |(record, sealed): &(CardRecord, Sealed)| {
        may_be_checked(record)
            && cards
                .iter()
                .any(|(before, with)| before.card.id == record.card.id && with == sealed)
    };
    Ok(now
        .cards
        .into_iter()
        .filter(is_same)
        .map(|(record, _)| record)
        .collect())
}

async fn check_group(
    ports: &VisitPorts<'_>,
    site: &mut Site,
    group: Group,
    options: &VisitOptions<'_>,
    news: &(dyn Fn(VisitNews<'_>) + Send + Sync),
) -> Result<Vec<CheckedCard>, JobError> {
    if site.was_asked
        && site.left_alone(ports.clock.now()).is_none()
        && out_of_time(options.deadline, ports.clock.now()).is_none()
    {
        options.pace.wait(ports.clock).await;
    }
    let records = present(ports, site, group.cards).await?;
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let now = ports.clock.now();
    let todo = match site
        .left_alone(now)
        .or_else(|| out_of_time(options.deadline, now))
    {
        Some(reason) => Todo::NotTried(reason),
        None => open_login(&site.library, &records, now),
    };
    let id = Uuid::new_v4();
    let outcome = match todo {
        Todo::Leave => return Ok(Vec::new()),
        Todo::NotTried(reason) => Err(Failure::not_tried(reason)),
        Todo::Try => {
            let _place = ports.gate.enter(&site.library.id).await?;
            site.was_asked = true;
            let mark = LoginMark {
                check: id,
                at: now,
                day: local_date(now, site.library.timezone),
            };
            match read_account(ports, &site.library, &group.secret, &records, mark).await? {
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
        match ports.libraries.leave_alone(&site.library.id, until).await {
            // Removed meanwhile: there is nothing to leave alone.
            Ok(()) | Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
        site.left_alone_until = Some(until);
        if let Some(concern) = note_down(ports, site).await? {
            news(VisitNews::Concern(concern));
        }
    } else if outcome.is_ok() && site.down_since.take().is_some() {
        ports.libraries.note_up(&site.library.id).await?;
    }
    if let Err(failure) = &outcome {
        let day = local_date(now, site.library.timezone);
        let concern = Concern::of_failure(&site.library.id, failure, day);
        concern
            .into_iter()
            .for_each(|concern| news(VisitNews::Concern(concern)));
    }
    save(ports, site, records, id, now, outcome).await
}

/// Notes that the library does not answer; the operator's concern, once that has lasted for a day.
async fn note_down(ports: &VisitPorts<'_>, site: &mut Site) -> Result<Option<Concern>, JobError> {
    let now = ports.clock.now();
    let since = match ports.libraries.note_down(&site.library.id, now).await {
        Ok(since) => since,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    site.down_since = Some(since);
    Ok(
        (now - since >= DOWN_TOO_LONG).then(|| Concern::LibraryDown {
            library: site.library.id.clone(),
            since,
        }),
    )
}

/// Saves one outcome for all the cards that it stands for.
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
                    "the account was read and is too large to be stored: {reason}"
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
    fn left_alone(&self, now: DateTime<Utc>) -> Option<String> {
        let until = self.left_alone_until.filter(|until| now < *until)?;
        Some(format!(
            "The library is left alone until {}, since it did not answer or refused us.",
            until.with_timezone(&self.library.timezone).format("%H:%M")
        ))
    }
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

fn out_of_time(deadline: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<String> {
    deadline
        .filter(|deadline| *deadline <= now)
        .map(|_| "The visit ran out of time before this card.".to_owned())
}

fn open_login(library: &Library, records: &[CardRecord], now: DateTime<Utc>) -> Todo {
    let today = local_date(now, library.timezone);
    let open: Vec<&LoginMark> = records
        .iter()
        .filter_map(|record| record.state.login_mark.as_ref())
        .filter(|mark| mark.day == today)
        .collect();
    if open.is_empty() {
        Todo::Try
    } else if open.iter().any(|mark| is_under_way(mark, now)) {
        Todo::Leave
    } else {
        Todo::NotTried(login_open())
    }
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
    async fn look_for_other(&self, card: &CardKey) {
        let keys = std::slice::from_ref(card);
        let loaded = self.ports.visits.load_visit(&self.library.id, keys).await;
        let cards = loaded.ok().flatten().map(|loaded| loaded.cards);
        let now = self.ports.clock.now();
        let is_going = cards.unwrap_or_default().iter().any(|(record, _)| {
            let mark = record.state.login_mark.as_ref();
            mark.is_some_and(|mark| is_under_way(mark, now))
        });
        if is_going {
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
                    self.look_for_other(&key).await;
                    return Err(Failure::not_tried(login_not_allowed()));
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
