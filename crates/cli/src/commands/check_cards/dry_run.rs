//! `hippo check-cards --dry-run`: which cards would be checked, and in which order.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use hippo_core::card::CardRecord;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::check_cards::dry_run::plan_checks;
use hippo_core::run::{JobName, RunKey};
use serde::Serialize;

use crate::config::PERSON_LABEL;
use crate::context::Context;
use crate::exit::{CommandResult, Outcome};
use crate::output::count;
use crate::output::table::{Cell, Table, Tone, fixed, sentences, words};
use crate::output::time::moment;
use crate::suggested::HIPPO;

#[derive(Serialize)]
struct PlannedChecksDocument {
    visits: usize,
    /// In the order of the checks.
    cards: Vec<PlannedCard>,
    /// Cards that need a person first.
    left_out: Vec<PlannedCard>,
}

#[derive(Serialize)]
struct PlannedCard {
    card: CardId,
    family: FamilyId,
    library: LibraryId,
    patron: String,
    /// The end of the library's back-off.
    backed_off_until: Option<DateTime<Utc>>,
    /// Why the card wouldn't be tried now.
    not_tried: Option<NotTried>,
}

/// Why a card would not be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum NotTried {
    Paused,
    WrongCredentials,
    LibraryBackingOff,
}

impl PlannedCard {
    fn from_record(record: &CardRecord, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        let (card, state) = (&record.card, &record.state);
        let not_tried = if card.active_pause(now).is_some() {
            Some(NotTried::Paused)
        } else if state.refused_since.is_some() {
            Some(NotTried::WrongCredentials)
        } else {
            until.map(|_| NotTried::LibraryBackingOff)
        };
        Self {
            card: card.id,
            family: card.family.clone(),
            library: card.library.clone(),
            patron: hippo_core::text::clean(&card.patron),
            backed_off_until: until,
            not_tried,
        }
    }
}

/// Shows which cards would be checked now, without logging in or saving anything.
pub(super) async fn dry_run(context: &Context, input: &CheckCardsInput) -> CommandResult {
    let now = context.now();
    let key = RunKey {
        job: JobName::CHECK_CARDS,
        label: PERSON_LABEL.parse()?,
        scheduled_time: now,
    };
    let store = &*context.store;
    let planned = plan_checks(store, store, input, &key, now).await?;
    let mut cards = Vec::new();
    let mut tried = 0;
    for (visit, until) in &planned.visits {
        tried += usize::from(until.is_none());
        for planned in &visit.cards {
            if let Some(record) = store.card(planned.card).await? {
                cards.push(PlannedCard::from_record(&record, *until, now));
            }
        }
    }
    let left_out = planned.left_out.iter();
    let document = PlannedChecksDocument {
        visits: tried,
        left_out: left_out
            .map(|record| PlannedCard::from_record(record, None, now))
            .collect(),
        cards,
    };
    context.output.print_document(&document);
    print_result(context, &document);
    Ok(Outcome::Done)
}

fn print_result(context: &Context, planned: &PlannedChecksDocument) {
    let mut table = Table::new([
        words("LIBRARY"),
        words("PATRON"),
        words("FAMILY"),
        fixed("CARD"),
        sentences("REMARK"),
    ]);
    for card in planned.cards.iter().chain(&planned.left_out) {
        table.row([
            card.library.as_str().into(),
            card.patron.as_str().into(),
            card.family.as_str().into(),
            card.card.to_string().into(),
            remark(context, card),
        ]);
    }
    if !(planned.cards.is_empty() && planned.left_out.is_empty()) {
        context.output.print_table(&table);
    }
    context.output.print_text(summary(planned));
}

fn remark(context: &Context, card: &PlannedCard) -> Cell {
    match (card.not_tried, card.backed_off_until) {
        (Some(NotTried::Paused), _) => Cell::new("skipped: paused", Tone::Faint),
        (Some(NotTried::WrongCredentials), _) => {
            Cell::new("skipped: number or PIN rejected", Tone::Bad)
        }
        (_, Some(until)) => {
            let until = moment(until, context.now(), context.zone());
            Cell::new(format!("not before {until}"), Tone::Warning)
        }
        _ => Cell::from(""),
    }
}

fn summary(planned: &PlannedChecksDocument) -> String {
    let tried = planned.cards.iter().filter(|card| card.not_tried.is_none());
    let would = match tried.count() {
        0 => "No card would be checked".to_owned(),
        tried => format!(
            "{} would be checked, in {}",
            count(tried, "card", "cards"),
            count(planned.visits, "visit", "visits")
        ),
    };
    let waiting: Vec<&PlannedCard> = planned
        .cards
        .iter()
        .filter(|card| card.not_tried.is_some())
        .collect();
    let libraries: BTreeSet<&LibraryId> = waiting.iter().map(|card| &card.library).collect();
    let waiting = match (waiting.len(), libraries.len()) {
        (0, _) => String::new(),
        (cards, 1) => format!(
            "; {} would wait, because the library didn't answer or turned us away",
            count(cards, "card", "cards")
        ),
        (cards, _) => {
            format!(
                "; {cards} cards would wait, because their libraries didn't answer or turned us away"
            )
        }
    };
    let left_out = match planned.left_out.len() {
        0 => String::new(),
        cards => format!(
            "; {} skipped (“{HIPPO} status” says what to do)",
            count(cards, "card", "cards")
        ),
    };
    format!("{would}{waiting}{left_out}. This was a dry run.")
}
