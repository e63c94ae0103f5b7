//! Groups the cards that are to be checked into visits, a page at a time.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::card::{CardRecord, Fingerprint};
use crate::ids::LibraryId;
use crate::jobs::JobError;
use crate::jobs::check_cards::CheckCardsInput;
use crate::jobs::check_cards::visit::Visit;
use crate::run::RunKey;
use crate::run::ledger::OpenRun;
use crate::run::work::{LeftOutReason, Subject, WorkItem, WorkOutcome, WorkResult};
use crate::store::{CardCursor, CardStore, Scope};

/// How many cards are listed at once.
pub(super) const PAGE_SIZE: usize = 100;

/// Plans the visits of a run one by one, library after library.
///
/// It holds one page of cards at a time. Cards of the same number are always in the same visit, so
/// that they share one login.
pub struct VisitPlanner<'a> {
    cards: &'a dyn CardStore,
    input: &'a CheckCardsInput,
    run: &'a RunKey,
    planned_at: DateTime<Utc>,
    visit_size: usize,
    closed_libraries: BTreeSet<LibraryId>,
    page: std::vec::IntoIter<CardRecord>,
    is_last_page: bool,
    cursor: Option<CardCursor>,
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
            page: Vec::new().into_iter(),
            is_last_page: false,
            cursor: None,
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
        loop {
            for record in self.page.by_ref() {
                if self.input.is_for_card(&record.card)
                    && !self.closed_libraries.contains(&record.card.library)
                {
                    return Ok(Some(record));
                }
            }
            if self.is_last_page {
                return Ok(None);
            }
            let scope = self.input.scope;
            let page = self
                .cards
                .cards_to_check(scope, self.cursor.as_ref(), PAGE_SIZE);
            let page = page.await?;
            self.is_last_page = page.len() < PAGE_SIZE;
            if let Some(last) = page.last() {
                self.cursor = Some(cursor_after(last));
            }
            self.page = page.into_iter();
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

/// Records the cards that a run leaves out: those that wait for a person, and those of libraries
/// that are closed.
pub(super) async fn record_left_out_cards(
    cards: &dyn CardStore,
    run: &OpenRun<'_>,
    input: &CheckCardsInput,
) -> Result<(), JobError> {
    let waiting = |record: &CardRecord| LeftOutReason::of_waiting_card(record);
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
