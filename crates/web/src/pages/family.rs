//! What a family has to do today, as its email has it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use hippo_core::clock::local_date;
use hippo_core::family::{Family, SendWhenEmpty};
use hippo_core::ids::LibraryId;
use hippo_core::jobs::notify::compose::{ComposeInput, digest_notice};
use hippo_core::library::Library;
use hippo_core::mail::MailKey;
use hippo_core::notice::compose::{compose_view, group_by_person};
use hippo_core::notice::phrases::{day, moment};
use hippo_core::notice::view::NoticeEmail;
use hippo_core::store::LoadedFamily;
use serde::Deserialize;

use crate::access::session::FamilyMember;
use crate::error::{PageError, PageResult};
use crate::page::{Page, html};
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "family.html")]
struct FamilyPage {
    page: Page,
    view: NoticeEmail,
    has_cards: bool,
    is_by_person: bool,
    next_mail: String,
}

/// How the page is grouped.
#[derive(Deserialize)]
pub(crate) struct FamilyQuery {
    /// `person`, or else by what to do.
    #[serde(default)]
    by: String,
}

/// Shows the page. It reads what the last checks stored, and visits no library.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    member: FamilyMember,
    Query(query): Query<FamilyQuery>,
) -> PageResult {
    let now = ports.clock.now();
    let family = &member.loaded.family;
    let today = local_date(now, family.timezone);
    let libraries = load_libraries(&ports, &member.loaded).await?;
    let input = ComposeInput {
        loaded: &member.loaded,
        date: today,
        today,
        now,
        outbox: &*ports.store,
        libraries: &libraries,
        operator_contact: None,
        links: None,
    };
    let digest = digest_notice(&input).await?;
    let mut view = compose_view(&digest, ports.settings.contact.as_deref());
    let is_by_person = query.by == "person";
    if is_by_person {
        group_by_person(&mut view);
    }
    Ok(html(
        StatusCode::OK,
        &FamilyPage {
            page: member.page("Today"),
            view,
            is_by_person,
            has_cards: !member.loaded.cards.is_empty(),
            next_mail: next_mail(&ports, family, now).await?,
        },
    )?)
}

/// Loads the libraries of a family's cards.
pub(crate) async fn load_libraries(
    ports: &WebPorts,
    loaded: &LoadedFamily,
) -> Result<BTreeMap<LibraryId, Library>, PageError> {
    let mut libraries = BTreeMap::new();
    for (record, _) in &loaded.cards {
        let id = &record.card.library;
        if libraries.contains_key(id) {
            continue;
        }
        if let Some(library) = ports.store.library(id).await? {
            libraries.insert(id.clone(), library);
        }
    }
    Ok(libraries)
}

/// What the email of a date depends on.
fn condition(family: &Family, date: NaiveDate) -> &'static str {
    match family.preferences.send_when_empty {
        SendWhenEmpty::Daily => "",
        SendWhenEmpty::Weekly(weekday) if weekday == date.weekday() => "",
        SendWhenEmpty::Never | SendWhenEmpty::Weekly(_) => ", if there is something to say",
    }
}

/// Says when the next email goes out.
async fn next_mail(
    ports: &WebPorts,
    family: &Family,
    now: DateTime<Utc>,
) -> Result<String, PageError> {
    let zone = family.timezone;
    let today = local_date(now, zone);
    if family.reachable_recipients().is_empty() {
        return Ok("Nobody gets this email at the moment.".to_owned());
    }
    if family.is_paused_at(now) {
        return Ok(match family.paused_until {
            Some(until) => format!(
                "Emails are paused. They go out again from {}.",
                day(until, today)
            ),
            None => "Emails are paused.".to_owned(),
        });
    }
    let planned = match family.next_pause(now) {
        None => String::new(),
        Some(since) => {
            let until = family.paused_until.map(|until| day(until, today));
            let again = until.map_or_else(String::new, |until| {
                format!(" They go out again from {until}.")
            });
            format!(" From {}, emails are paused.{again}", day(since, today))
        }
    };
    for date in family.due_dates(now) {
        let key = MailKey::daily(family.id.clone(), date);
        let is_open = match ports.store.mail(&key).await? {
            None => true,
            Some(record) => !record.state.is_final(),
        };
        if is_open && !family.is_paused_on(date) {
            let which = match date == today {
                true => "Today’s email".to_owned(),
                false => format!("The email of {}", day(date, today)),
            };
            return Ok(format!(
                "{which} goes out within a few minutes{}.{planned}",
                condition(family, date)
            ));
        }
    }
    let Some(due) = family.next_due(now) else {
        return Ok(format!("No email is planned.{planned}"));
    };
    let local = due.with_timezone(&zone);
    let condition = condition(family, local.date_naive());
    let time = match (local.date_naive() - today).num_days() {
        0 => format!("today at {}", local.format("%H:%M")),
        1 => format!("tomorrow at {}", local.format("%H:%M")),
        _ => moment(due, zone, today),
    };
    Ok(format!("Next email: {time} ({zone}){condition}.{planned}"))
}
