//! What a run would do if it started now, in words.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use hippo_core::card::CardRecord;
use hippo_core::ids::{Label, LibraryId};
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::check_cards::dry_run::plan_checks;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::dry_run::{DryRunPorts, DueMails};
use hippo_core::notice::phrases::count;
use hippo_core::outbox::MailKind;
use hippo_core::run::{JobName, RunKey};
use hippo_core::schedule::Schedule;
use hippo_core::schedule::declaration::table::PERSON_LABEL;
use serde::de::DeserializeOwned;

use super::load::MAX_FAMILIES;
use crate::error::PageError;
use crate::ports::WebPorts;

/// Says what a run of a schedule's job would do now. It changes nothing.
pub(super) async fn forecast(
    ports: &WebPorts,
    schedule: &Schedule,
) -> Result<Vec<String>, PageError> {
    let kind = match schedule.job {
        JobName::CHECK_CARDS => return forecast_checks(ports, schedule).await,
        JobName::NOTIFY_ALL => MailKind::DAILY,
        JobName::PICTURE_OF_THE_DAY => MailKind::PICTURE,
        job => return Ok(vec![job.entry().description.to_owned()]),
    };
    forecast_mails(ports, schedule, &kind).await
}

async fn forecast_checks(ports: &WebPorts, schedule: &Schedule) -> Result<Vec<String>, PageError> {
    let input: CheckCardsInput = read_input(schedule)?;
    let (store, now) = (&*ports.store, ports.clock.now());
    let key = person_key(schedule.job, now)?;
    let planned = plan_checks(store, store, &input, &key, now).await?;
    let (mut cards, mut waiting) = (0, 0);
    let mut libraries: BTreeSet<&LibraryId> = BTreeSet::new();
    for (visit, until) in &planned.visits {
        match until {
            None => {
                cards += visit.cards.len();
                libraries.insert(&visit.library);
            }
            Some(_) => waiting += visit.cards.len(),
        }
    }
    let mut sentences = vec![match cards {
        0 => "It checks no card.".to_owned(),
        _ => format!(
            "It checks {} at {}.",
            number(cards, "card", "cards"),
            number(libraries.len(), "library", "libraries")
        ),
    }];
    if waiting > 0 {
        sentences.push(format!(
            "{} skipped, because the library didn’t answer or turned us away.",
            count_with_verb(waiting, "card", "cards")
        ));
    }
    let is_paused = |record: &&CardRecord| record.card.active_pause(now).is_some();
    let paused = planned.left_out.iter().filter(is_paused).count();
    if paused > 0 {
        sentences.push(format!(
            "{} paused.",
            count_with_verb(paused, "card", "cards")
        ));
    }
    let refused = planned.left_out.len() - paused;
    if refused > 0 {
        sentences.push(format!(
            "{} skipped, because the library rejected the number or PIN.",
            count_with_verb(refused, "card", "cards")
        ));
    }
    Ok(sentences)
}

async fn forecast_mails(
    ports: &WebPorts,
    schedule: &Schedule,
    kind: &MailKind,
) -> Result<Vec<String>, PageError> {
    let input: NotifyAllInput = read_input(schedule)?;
    let store = &*ports.store;
    let families = store.families_page(None, MAX_FAMILIES).await?;
    let libraries = store.libraries().await?;
    let libraries: BTreeMap<_, _> = libraries
        .into_iter()
        .map(|library| (library.id.clone(), library))
        .collect();
    let dry_run = DryRunPorts {
        accounts: store,
        outbox: store,
        libraries: &libraries,
        operator_contact: None,
        now: ports.clock.now(),
    };
    let due = dry_run.count_due_mails(&families, kind, &input).await?;
    let wording = schedule.job.entry().wording;
    Ok(mail_sentences(due, wording.one, wording.many))
}

fn mail_sentences(due: DueMails, one: &str, many: &str) -> Vec<String> {
    let mut sentences = vec![match due.sent {
        0 => format!("It sends no {one} now."),
        sent => format!("It sends {} now.", number(sent, one, many)),
    }];
    if due.empty > 0 {
        sentences.push(format!(
            "{} due, with nothing to say.",
            count_with_verb(due.empty, one, many)
        ));
    }
    if due.unreachable > 0 {
        sentences.push(format!(
            "{} due, but nobody would get {}.",
            count_with_verb(due.unreachable, one, many),
            if due.unreachable == 1 { "it" } else { "them" }
        ));
    }
    sentences
}

/// The key of a run that a person starts.
fn person_key(job: JobName, now: DateTime<Utc>) -> Result<RunKey, PageError> {
    let label: Label = PERSON_LABEL.parse().map_err(PageError::internal)?;
    Ok(RunKey {
        job,
        label,
        scheduled_time: now,
    })
}

/// Reads a schedule's input, which was checked when it was declared.
fn read_input<T: DeserializeOwned>(schedule: &Schedule) -> Result<T, PageError> {
    let input = serde_json::Value::from(schedule.input.clone());
    serde_json::from_value(input).map_err(PageError::internal)
}

fn number(number: usize, one: &str, many: &str) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX), one, many)
}

/// “1 card is”, “2 cards are”.
fn count_with_verb(many_or_one: usize, one: &str, many: &str) -> String {
    let verb = if many_or_one == 1 { "is" } else { "are" };
    format!("{} {verb}", number(many_or_one, one, many))
}
