//! `hippo check-cards --dry-run`: which cards would be checked, in which order.

use std::collections::BTreeMap;

use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::planning::VisitPlanner;
use hippo_core::jobs::visit::VISIT_LIMIT;
use hippo_core::run::{Job, RunKey};
use serde::Serialize;

use crate::context::Context;
use crate::exit::{CommandResult, Outcome};
use crate::output::count;
use crate::output::table::{Table, fixed, words};
use crate::output::time::moment;

#[derive(Serialize)]
struct Document {
    visits: usize,
    cards: Vec<PlannedCard>,
}

#[derive(Serialize)]
struct PlannedCard {
    card: CardId,
    family: FamilyId,
    library: LibraryId,
    patron: String,
    /// The library is left alone until then: the card would not be tried before.
    left_alone_until: Option<chrono::DateTime<chrono::Utc>>,
}

/// Says which cards would be checked now; logs in nowhere, and writes nothing.
pub(super) async fn dry_run(context: &Context, input: &CheckCardsInput) -> CommandResult {
    let now = context.now();
    let key = RunKey {
        job: Job::CheckCards,
        label: "person".parse()?,
        scheduled_time: now,
    };
    let planner = VisitPlanner::new(&*context.store, input, &key, now, VISIT_LIMIT);
    let visits = planner.all().await?;
    let mut left_alone = BTreeMap::new();
    let mut cards = Vec::new();
    for visit in &visits {
        if !left_alone.contains_key(&visit.library) {
            let until = context.store.left_alone_until(&visit.library).await?;
            left_alone.insert(&visit.library, until.filter(|until| *until > now));
        }
        for planned in &visit.cards {
            let Some(record) = context.store.card(planned.card).await? else {
                continue;
            };
            cards.push(PlannedCard {
                card: planned.card,
                family: planned.family.clone(),
                library: visit.library.clone(),
                patron: hippo_core::text::clean(&record.card.patron),
                left_alone_until: left_alone.get(&visit.library).copied().flatten(),
            });
        }
    }
    let document = Document {
        visits: visits.len(),
        cards,
    };
    context.output.document(&document);
    say(context, &document);
    Ok(Outcome::Done)
}

fn say(context: &Context, planned: &Document) {
    if planned.cards.is_empty() {
        context.output.say("No card would be checked.");
        return;
    }
    let mut table = Table::new([
        words("LIBRARY"),
        words("PATRON"),
        words("FAMILY"),
        fixed("CARD"),
        words("REMARK"),
    ]);
    for card in &planned.cards {
        let remark = card.left_alone_until.map_or_else(String::new, |until| {
            let until = moment(until, context.now(), context.zone());
            format!("left alone until {until}")
        });
        table.row([
            card.library.as_str().into(),
            card.patron.as_str().into(),
            card.family.as_str().into(),
            card.card.to_string().into(),
            remark.into(),
        ]);
    }
    context.output.table(&table);
    context.output.say(format!(
        "{} would be checked, in {}; nothing was done.",
        count(planned.cards.len(), "card", "cards"),
        count(planned.visits, "visit", "visits")
    ));
}
