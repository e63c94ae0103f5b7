//! What a run would check, without checking it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::CheckCardsInput;
use super::plan::{PAGE_SIZE, VisitPlanner, cursor_after};
use super::visit::{MAX_CARDS_PER_VISIT, Visit};
use crate::card::CardRecord;
use crate::ids::LibraryId;
use crate::jobs::JobError;
use crate::library::can_back_off_until;
use crate::run::{JobName, RunKey};
use crate::store::{CardCursor, CardStore, LibraryStore, Scope, StoreResult};

/// What a run would do if it started now.
#[derive(Debug)]
pub struct PlannedChecks {
    /// The visits in their order, each with the end of its library's back-off.
    pub visits: Vec<(Visit, Option<DateTime<Utc>>)>,
    /// The cards of the input that wait for a person, ordered by family and card.
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
        left_out: list_left_out(cards, input).await?,
    })
}

/// The end of a library's back-off; `None` if it may be visited now.
pub async fn active_back_off(
    libraries: &dyn LibraryStore,
    library: &LibraryId,
    now: DateTime<Utc>,
) -> StoreResult<Option<DateTime<Utc>>> {
    let until = libraries.back_off_until(library).await?;
    Ok(until.filter(|until| *until > now && can_back_off_until(*until, now)))
}

async fn list_left_out(
    cards: &dyn CardStore,
    input: &CheckCardsInput,
) -> StoreResult<Vec<CardRecord>> {
    let mut left_out: Vec<CardRecord> = Vec::new();
    let mut cursor: Option<CardCursor> = None;
    loop {
        let page = cards
            .cards_to_check(Scope::Waiting, cursor.as_ref(), PAGE_SIZE)
            .await?;
        cursor = page.last().map(cursor_after);
        let is_last = page.len() < PAGE_SIZE;
        let of_input = page.into_iter();
        left_out.extend(of_input.filter(|record| input.is_for_card(&record.card)));
        if is_last {
            break;
        }
    }
    left_out.sort_by(|one, other| {
        let key = |record: &CardRecord| (record.card.family.clone(), record.card.id);
        key(one).cmp(&key(other))
    });
    Ok(left_out)
}
