//! Groups the cards that are to be checked into visits, a page at a time.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use chrono::{DateTime, Utc};

use crate::card::{CardRecord, Fingerprint};
use crate::ids::LibraryId;
use crate::jobs::JobError;
use crate::jobs::check_cards::CheckCardsInput;
use crate::queue::Visit;
use crate::run::RunKey;
use crate::run::ledger::OpenRun;
use crate::run::work::{LeftOutReason, Subject, WorkItem, WorkOutcome, WorkResult};
use crate::store::{CardCursor, CardStore, Scope, StoreResult};

/// How many cards are listed at once.
pub(super) const PAGE_SIZE: usize = 100;

/// Plans the visits of a run one by one, library after library.
///
/// It holds one page of cards at a time, and those whose pause has ended. Cards of the same number are always in the same visit, so
/// that they share one login.
pub struct VisitPlanner<'a> {
    cards: &'a dyn CardStore,
    input: &'a CheckCardsInput,
    run: &'a RunKey,
    planned_at: DateTime<Utc>,
    visit_size: usize,
    closed_libraries: BTreeSet<LibraryId>,
    page: Peekable<IntoIter<CardRecord>>,
    is_last_page: bool,
    cursor: Option<CardCursor>,
    /// The cards whose pause has ended, in the order of the pages; `None`: not listed yet.
    resumed: Option<Peekable<IntoIter<CardRecord>>>,
    unfinished: Option<(Visit, Fingerprint)>,
}

impl<'a> VisitPlanner<'a> {
    /// Plans visits of at most `visit_size` cards for a run that began at `planned_at`.
    pub fn new(
        cards: &'a dyn CardStore,
        input: &'a CheckCardsInput,
        run: &'a RunKey,
        planned_at: DateTime<Utc>,
        visit_size: usize,
    ) -> Self {
        Self {
            cards,
            input,
            run,
            planned_at,
            visit_size,
            closed_libraries: BTreeSet::new(),
            page: Vec::new().into_iter().peekable(),
            is_last_page: false,
            cursor: None,
            resumed: None,
            unfinished: None,
        }
    }

    /// Plans no visit to these libraries.
    #[must_use]
    pub fn without_libraries(mut self, closed: &BTreeSet<LibraryId>) -> Self {
        self.closed_libraries.clone_from(closed);
        self
    }

    /// Plans the next visit; `None` after the last.
    pub async fn plan_next(&mut self) -> Result<Option<Visit>, JobError> {
        while let Some(record) = self.fetch_next_card().await? {
            let card = record.card;
            let key = card.key();
            match &mut self.unfinished {
                Some((visit, fingerprint))
                    if visit.library == card.library
                        && (visit.cards.len() < self.visit_size
                            || *fingerprint == card.fingerprint) =>
                {
                    visit.cards.push(key);
                    *fingerprint = card.fingerprint;
                }
                unfinished => {
                    let visit = Visit {
                        library: card.library,
                        cards: vec![key],
                        planned_at: self.planned_at,
                        run: self.run.clone(),
                    };
                    let finished = unfinished.replace((visit, card.fingerprint));
                    if let Some((finished, _)) = finished {
                        return Ok(Some(finished));
                    }
                }
            }
        }
        Ok(self.unfinished.take().map(|(visit, _)| visit))
    }

    /// Plans all visits at once.
    pub async fn plan_all(mut self) -> Result<Vec<Visit>, JobError> {
        let mut visits = Vec::new();
        while let Some(visit) = self.plan_next().await? {
            visits.push(visit);
        }
        Ok(visits)
    }

    async fn fetch_next_card(&mut self) -> Result<Option<CardRecord>, JobError> {
        while let Some(record) = self.fetch_next_of_scope().await? {
            if self.input.is_for_card(&record.card)
                && !self.closed_libraries.contains(&record.card.library)
            {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// Fetches the next card of the input's scope: from the pages, or a resumed one.
    async fn fetch_next_of_scope(&mut self) -> Result<Option<CardRecord>, JobError> {
        while self.page.peek().is_none() && !self.is_last_page {
            let page = self
                .cards
                .cards_to_check(self.input.scope, self.cursor.as_ref(), PAGE_SIZE)
                .await?;
            self.is_last_page = page.len() < PAGE_SIZE;
            if let Some(last) = page.last() {
                self.cursor = Some(cursor_after(last));
            }
            self.page = page.into_iter().peekable();
        }
        let resumed = match &mut self.resumed {
            Some(resumed) => resumed,
            None => {
                let scope = self.input.scope;
                let resumed = list_resumed_cards(self.cards, scope, self.planned_at).await?;
                self.resumed.insert(resumed.into_iter().peekable())
            }
        };
        let (Some(of_page), Some(first)) = (self.page.peek(), resumed.peek()) else {
            return Ok(self.page.next().or_else(|| resumed.next()));
        };
        Ok(match cursor_after(first).cmp(&cursor_after(of_page)) {
            Ordering::Less => resumed.next(),
            Ordering::Greater => self.page.next(),
            // It was checked between the two reads.
            Ordering::Equal => {
                resumed.next();
                self.page.next()
            }
        })
    }
}

/// Lists the cards of a scope whose pause has ended at `now`. The store doesn't list them in the scope
/// until their next check.
async fn list_resumed_cards(
    cards: &dyn CardStore,
    scope: Scope,
    now: DateTime<Utc>,
) -> StoreResult<Vec<CardRecord>> {
    let is_failed = |record: &CardRecord| {
        let last_check = record.state.last_check.as_ref();
        last_check.is_none_or(|last| last.failure.is_some())
    };
    let is_resumed = |record: &CardRecord| {
        LeftOutReason::for_waiting_card(record, now).is_none()
            && (scope != Scope::Failed || is_failed(record))
    };
    list_waiting_cards(cards, &is_resumed).await
}

/// Lists the cards to keep among those that have a pause or are refused by the site, in the order of
/// the pages.
pub(super) async fn list_waiting_cards(
    cards: &dyn CardStore,
    keeps: &(dyn Fn(&CardRecord) -> bool + Sync),
) -> StoreResult<Vec<CardRecord>> {
    let mut kept: Vec<CardRecord> = Vec::new();
    let mut cursor: Option<CardCursor> = None;
    loop {
        let page = cards
            .cards_to_check(Scope::Waiting, cursor.as_ref(), PAGE_SIZE)
            .await?;
        cursor = page.last().map(cursor_after);
        let is_last_page = page.len() < PAGE_SIZE;
        kept.extend(page.into_iter().filter(keeps));
        if is_last_page {
            return Ok(kept);
        }
    }
}

pub(super) fn cursor_after(last: &CardRecord) -> CardCursor {
    CardCursor {
        library: last.card.library.clone(),
        fingerprint: last.card.fingerprint.clone(),
        card: last.card.id,
    }
}

/// Fails a schedule's run that has planned nothing if its input names a library, family or card of which
/// no card is on record: such a schedule would check nothing, unnoticed.
pub(super) async fn check_selection(
    cards: &dyn CardStore,
    run: &OpenRun<'_>,
    input: &CheckCardsInput,
) -> Result<(), JobError> {
    if !input.is_narrowed() || run.trigger() == crate::run::Trigger::Person {
        return Ok(());
    }
    for scope in [Scope::All, Scope::Waiting] {
        let mut cursor: Option<CardCursor> = None;
        loop {
            let page = cards
                .cards_to_check(scope, cursor.as_ref(), PAGE_SIZE)
                .await?;
            if page.iter().any(|record| input.is_for_card(&record.card)) {
                return Ok(());
            }
            if page.len() < PAGE_SIZE {
                break;
            }
            cursor = page.last().map(cursor_after);
        }
    }
    Err(JobError::Failed(
        "There is no card of the library, family or id that the schedule's input names.".to_owned(),
    ))
}

/// Records the cards that a run leaves out: those that wait for a person, and those of libraries
/// that are closed.
pub(super) async fn record_left_out_cards(
    cards: &dyn CardStore,
    run: &OpenRun<'_>,
    input: &CheckCardsInput,
) -> Result<(), JobError> {
    let now = run.started_at();
    let waiting = |record: &CardRecord| LeftOutReason::for_waiting_card(record, now);
    record_cards_of(cards, run, input, (Scope::Waiting, "left-out"), &waiting).await?;
    let closed = run.closed_libraries();
    if closed.is_empty() {
        return Ok(());
    }
    let is_closed = |record: &CardRecord| {
        let is_closed = closed.contains(&record.card.library);
        is_closed.then_some(LeftOutReason::Closed)
    };
    record_cards_of(cards, run, input, (input.scope, "closed"), &is_closed).await
}

/// Records the cards of a scope that have a reason to be left out.
async fn record_cards_of(
    cards: &dyn CardStore,
    run: &OpenRun<'_>,
    input: &CheckCardsInput,
    (scope, name): (Scope, &str),
    find_reason: &(dyn Fn(&CardRecord) -> Option<LeftOutReason> + Sync),
) -> Result<(), JobError> {
    let mut cursor: Option<CardCursor> = None;
    for number in 0_usize.. {
        let page = cards
            .cards_to_check(scope, cursor.as_ref(), PAGE_SIZE)
            .await?;
        let results = page
            .iter()
            .filter(|record| input.is_for_card(&record.card))
            .filter_map(|record| {
                let reason = find_reason(record)?;
                Some(WorkResult {
                    subject: Subject::from(&record.card),
                    outcome: WorkOutcome::LeftOut(reason),
                })
            });
        let work = WorkItem {
            item_id: WorkItem::inline_item_id(&format!("{name}/{number}")),
            results: results.collect(),
        };
        if !work.results.is_empty() {
            run.save_work_item(&work).await?;
        }
        if page.len() < PAGE_SIZE {
            break;
        }
        cursor = page.last().map(cursor_after);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
