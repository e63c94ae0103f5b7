//! What a run would check, without checking it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::CheckCardsInput;
use super::plan::{VisitPlanner, list_waiting_cards};
use super::visit::MAX_CARDS_PER_VISIT;
use crate::card::CardRecord;
use crate::ids::LibraryId;
use crate::jobs::JobError;
use crate::library::is_plausible_back_off;
use crate::queue::Visit;
use crate::run::work::LeftOutReason;
use crate::run::{JobName, RunKey};
use crate::store::{CardStore, LibraryStore, StoreResult};

/// What a run would do if it started now.
#[derive(Debug)]
pub struct PlannedChecks {
    /// The visits in their order, each with the end of its library's back-off.
    pub visits: Vec<(Visit, Option<DateTime<Utc>>)>,
    /// The cards of the input that are paused or refused by the site, ordered by family and card.
    pub left_out: Vec<CardRecord>,
}

/// Plans a run of `key` without recording it.
///
/// It reads the cards a page at a time, and once for each library.
pub async fn plan_checks(
    cards: &dyn CardStore,
    libraries: &dyn LibraryStore,
    input: &CheckCardsInput,
    key: &RunKey,
    now: DateTime<Utc>,
) -> Result<PlannedChecks, JobError> {
    debug_assert_eq!(key.job, JobName::CHECK_CARDS);
    let planner = VisitPlanner::new(cards, input, key, now, MAX_CARDS_PER_VISIT);
    let mut back_offs: BTreeMap<LibraryId, Option<DateTime<Utc>>> = BTreeMap::new();
    let mut visits = Vec::new();
    for visit in planner.plan_all().await? {
        let until = match back_offs.get(&visit.library) {
            Some(until) => *until,
            None => {
                let until = active_back_off(libraries, &visit.library, now).await?;
                back_offs.insert(visit.library.clone(), until);
                until
            }
        };
        visits.push((visit, until));
    }
    Ok(PlannedChecks {
        visits,
        left_out: list_left_out(cards, input, now).await?,
    })
}

/// The end of a library's back-off; `None` if it may be visited now.
pub async fn active_back_off(
    libraries: &dyn LibraryStore,
    library: &LibraryId,
    now: DateTime<Utc>,
) -> StoreResult<Option<DateTime<Utc>>> {
    let until = libraries.back_off_until(library).await?;
    Ok(until.filter(|until| *until > now && is_plausible_back_off(*until, now)))
}

async fn list_left_out(
    cards: &dyn CardStore,
    input: &CheckCardsInput,
    now: DateTime<Utc>,
) -> StoreResult<Vec<CardRecord>> {
    let is_left_out = |record: &CardRecord| {
        input.is_for_card(&record.card) && LeftOutReason::for_waiting_card(record, now).is_some()
    };
    let mut left_out = list_waiting_cards(cards, &is_left_out).await?;
    left_out.sort_by(|one, other| {
        let key = |record: &CardRecord| (record.card.family.clone(), record.card.id);
        key(one).cmp(&key(other))
    });
    Ok(left_out)
}
