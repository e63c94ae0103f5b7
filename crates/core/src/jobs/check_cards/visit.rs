//! A visit: up to ten cards of one library, checked one after the other.

mod login;
mod login_group;
mod ongoing;
mod pace;
mod page_changes;
mod report;
mod secrets;

use std::pin::pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{Either, select};

pub use self::login::LOGIN_IN_PROGRESS_LIMIT;
use self::ongoing::OngoingVisit;
pub use self::pace::Pace;
pub use self::page_changes::end_resolved_page_alerts;
pub use self::report::{CheckedCard, VisitReport};
use crate::clock::Clock;
use crate::jobs::check_cards::key_cache::KeyCache;
use crate::jobs::{JobError, StopRequest};
use crate::queue::Visit;
use crate::run::ledger::Ending;
use crate::site::LibrarySite;
use crate::store::{CheckStore, ConcurrencyLimit, LibraryStore, VisitStore};

/// The most cards that one visit checks.
pub const MAX_CARDS_PER_VISIT: usize = 10;

/// How long we back off from a library that didn't answer or refused us, unless it asks for longer.
pub const MIN_BACK_OFF: Duration = Duration::from_secs(10 * 60);

/// How long a library is down before it raises an alert.
pub const DOWN_ALERT_AFTER: chrono::Duration = chrono::Duration::days(1);

/// The ports of a visit.
pub struct VisitPorts<'a> {
    /// Loads the library, the cards and their sealed secrets.
    pub visits: &'a dyn VisitStore,
    /// Records that a library is down, and until when we back off.
    pub libraries: &'a dyn LibraryStore,
    /// Saves the checks.
    pub checks: &'a dyn CheckStore,
    /// Decrypts the secrets.
    pub keys: &'a KeyCache<'a>,
    /// Logs in to the library and reads accounts.
    pub site: &'a dyn LibrarySite,
    /// Limits how many workers are at the library.
    pub concurrency_limit: &'a dyn ConcurrencyLimit,
    /// The clock.
    pub clock: &'a dyn Clock,
}

/// A visit's delays, deadline, stop request and progress callback.
#[derive(Clone, Copy)]
pub struct VisitOptions<'a> {
    /// The delay between two cards.
    pub pace: Pace,
    /// Whether to wait before the first card too, since the library was just visited.
    pub delay_before_first_card: bool,
    /// No card is started after this time; the rest is `not_tried`.
    pub deadline: Option<DateTime<Utc>>,
    /// Asked before each card. A card in progress is abandoned when the grace period ends.
    pub stop: &'a dyn StopRequest,
    /// Called after each card, to show progress.
    pub on_checked: Option<&'a (dyn Fn(&CheckedCard) + Send + Sync)>,
}

impl VisitOptions<'static> {
    /// Creates options without a deadline, a stop request or a progress callback.
    pub const fn new(pace: Pace) -> Self {
        Self {
            pace,
            delay_before_first_card: false,
            deadline: None,
            stop: &|| false,
            on_checked: None,
        }
    }
}

/// Checks the cards of a visit, one after the other, and saves each outcome at once.
///
/// - Cards with the same number and PIN share one check.
/// - After a failure that affects the library, the rest is `not_tried`.
/// - A card that was checked since the visit was planned is left out: the message came twice.
/// - A secret that can't be decrypted, or an account that is too large for the store (`page_changed`),
///   fails its own card only.
///
/// However the visit ends, its report has everything that was done until then.
pub async fn check_visit(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    options: VisitOptions<'_>,
) -> VisitReport {
    let mut report = VisitReport::new(Ending::Completed);
    let ending = {
        let checks = pin!(check_all_groups(ports, visit, options, &mut report));
        let grace = pin!(options.stop.wait_for_grace_end());
        match select(checks, grace).await {
            Either::Left((ending, _)) => ending,
            Either::Right(((), _)) => Ok(Ending::Stopped),
        }
    };
    report.ending = ending;
    report
}

async fn check_all_groups(
    ports: &VisitPorts<'_>,
    visit: &Visit,
    options: VisitOptions<'_>,
    report: &mut VisitReport,
) -> Result<Ending, JobError> {
    if options.delay_before_first_card {
        options.pace.wait_between_cards(ports.clock).await;
    }
    let loaded = ports
        .visits
        .load_visit(&visit.library, &visit.cards)
        .await?;
    let Some(loaded) = loaded else {
        tracing::warn!(library.id = %visit.library, "A visit names a library that is gone.");
        return Ok(Ending::Completed);
    };
    if loaded.cards.len() < visit.cards.len() {
        tracing::warn!(library.id = %visit.library, "A visit names a card that is gone.");
    }
    let (mut ongoing, cards) = OngoingVisit::new(ports, visit, options, loaded, report);
    for group in ongoing.decrypt_cards(cards).await? {
        if options.stop.is_requested() {
            return Ok(Ending::Stopped);
        }
        ongoing.check_group(group).await?;
    }
    Ok(Ending::Completed)
}

#[cfg(test)]
mod tests;
