//! Decrypts the cards of a visit, and checks whether they changed meanwhile.

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::ExposeSecret;

use super::login::is_under_way;
use super::{Site, Visit, VisitNews, VisitPorts};
use crate::alerts::Alert;
use crate::card::{Card, CardKey, CardRecord, CardSecret, without_separators};
use crate::clock::{is_in_future, local_date};
use crate::failure::{Failure, FailureKind};
use crate::jobs::JobError;
use crate::library::{Library, can_back_off_until};
use crate::run::work::LeftOutReason;
use crate::seal::{SealContext, SealError, Sealed};

/// What could be opened of a visit's secrets.
#[derive(Default)]
pub(super) struct DecryptedCards {
    pub(super) groups: Vec<Group>,
    /// Cards whose envelope does not open, each with its failure and its alert. The other cards are
    /// still checked.
    pub(super) unopened: Vec<(CardRecord, Failure, Option<Alert>)>,
}

/// The cards that hold one number with one PIN, each with its envelope.
pub(super) struct Group {
    pub(super) secret: CardSecret,
    pub(super) cards: Vec<(CardRecord, Sealed)>,
}

/// The cards that are to be checked, by number and PIN.
pub(super) async fn open_secrets(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    library: &Library,
    cards: Vec<(CardRecord, Sealed)>,
    news: &(dyn Fn(VisitNews<'_>) + Send + Sync),
) -> Result<DecryptedCards, JobError> {
    let mut opened = DecryptedCards::default();
    let now = ports.clock.now();
    for (mut record, sealed) in cards {
        record.state = record.state.without_future(now);
        let last = record.state.last_check.as_ref();
        if last.is_some_and(|last| last.started_at > visit.planned_at) {
            tracing::info!(card.id = %record.card.id, run.id = %visit.run, "A card was checked already since its visit was planned.");
            news(VisitNews::CheckedBefore(&record));
            continue;
        }
        if let Some(reason) = LeftOutReason::of_waiting_card(&record) {
            news(VisitNews::LeftOut(&record.card, reason));
            continue;
        }
        let context = SealContext::new(record.card.id, library);
        let secret = match ports.keys.open(&context, &sealed).await {
            Ok(secret) => secret,
            Err(error @ (SealError::SealedForOtherHosts | SealError::UnknownKey(_))) => {
                tracing::error!(card.id = %record.card.id, library.id = %library.id, %error, "Could not open a card's number and PIN.");
                let day = local_date(ports.clock.now(), library.timezone);
                let (failure, alert) = unopened(library, day, &error);
                opened.unopened.push((record, failure, alert));
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

/// The failure and the alert of a card whose envelope does not open.
fn unopened(library: &Library, day: NaiveDate, error: &SealError) -> (Failure, Option<Alert>) {
    if let SealError::UnknownKey(key) = error {
        let alert = Alert::UnknownKey {
            library: library.id.clone(),
            key: key.clone(),
            day,
        };
        return (Failure::not_tried(error.to_string()), Some(alert));
    }
    let failure = Failure::new(FailureKind::SealedForOtherHosts, error.to_string());
    let alert = Alert::of_failure(&library.id, &failure, day);
    (failure, alert)
}

/// A person may have paused it since the planning, or the site refused it.
pub(super) fn may_be_checked(record: &CardRecord) -> bool {
    LeftOutReason::of_waiting_card(record).is_none()
}

fn same(one: &CardSecret, other: &CardSecret) -> bool {
    let number = |secret: &CardSecret| without_separators(&secret.number);
    number(one).expose_secret() == number(other).expose_secret()
        && one.pin.expose_secret() == other.pin.expose_secret()
}

/// Why these cards of a visit were not checked, in their order.
pub(super) async fn reasons_left_out(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    cards: &[&Card],
) -> Result<Vec<LeftOutReason>, JobError> {
    if cards.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<CardKey> = cards.iter().map(|card| card.key()).collect();
    let loaded = ports.visits.load_visit(&visit.library, &keys).await?;
    let records = loaded.map_or_else(Vec::new, |loaded| loaded.cards);
    let now = ports.clock.now();
    let reason_of = |card: &&Card| {
        let mut records = records.iter().map(|(record, _)| record);
        let record = records.find(|record| record.card.id == card.id);
        record.map_or(LeftOutReason::Removed, |record| {
            reason_left_out(record, visit, now)
        })
    };
    Ok(cards.iter().map(reason_of).collect())
}

fn reason_left_out(record: &CardRecord, visit: &Visit, now: DateTime<Utc>) -> LeftOutReason {
    let state = &record.state;
    let (last, mark) = (state.last_check.as_ref(), state.login_mark.as_ref());
    if let Some(reason) = LeftOutReason::of_waiting_card(record) {
        reason
    } else if last.is_some_and(|last| visit.planned_at <= last.finished_at) {
        LeftOutReason::CheckedAlready
    } else if mark.is_some_and(|mark| is_under_way(mark, now)) {
        LeftOutReason::UnderWay
    } else {
        LeftOutReason::Changed
    }
}

/// Reloads a group's cards, and whether their library is down by now.
///
/// Cards whose PIN was changed meanwhile are left out: an old PIN must not be tried. So are cards
/// that another check finished meanwhile.
pub(super) async fn present(
    ports: &VisitPorts<'_>,
    site: &mut Site,
    cards: &[(CardRecord, Sealed)],
) -> Result<Vec<CardRecord>, JobError> {
    let keys: Vec<CardKey> = cards.iter().map(|(record, _)| record.card.key()).collect();
    let now = ports.clock.now();
    let Some(loaded) = ports.visits.load_visit(&site.library.id, &keys).await? else {
        return Ok(Vec::new());
    };
    let back_off_until = loaded
        .back_off_until
        .filter(|until| can_back_off_until(*until, now));
    site.back_off_until = site.back_off_until.max(back_off_until);
    let was_checked = |record: &CardRecord| {
        let last = record.state.last_check.as_ref();
        last.is_some_and(|last| {
            site.planned_at < last.finished_at && !is_in_future(last.finished_at, now)
        })
    };
    let is_same = |(record, sealed): &(CardRecord, Sealed)| {
        may_be_checked(record)
            && !was_checked(record)
            && cards
                .iter()
                .any(|(before, with)| before.card.id == record.card.id && with == sealed)
    };
    Ok(loaded
        .cards
        .into_iter()
        .filter(is_same)
        .map(|(record, _)| CardRecord {
            state: record.state.without_future(now),
            ..record
        })
        .collect())
}
