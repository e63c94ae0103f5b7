//! Who changed what.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use hippo_core::audit::{Actor, AuditEntry};
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;

use super::view::Times;
use crate::access::operator::Operator;
use crate::audit::{load_changes, recipient_number};
use crate::error::PageResult;
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// The most changes that are shown.
const MAX_CHANGES: usize = 200;

/// The most families that are read, to number their recipients.
const MAX_FAMILIES: usize = 25;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    page: Page,
    changes: Vec<ChangeView>,
    is_cut: bool,
}

/// A change in words.
struct ChangeView {
    time: String,
    family: Option<FamilyId>,
    who: String,
    what: String,
    card: Option<String>,
}

/// Shows the newest changes.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
) -> PageResult {
    let mut changes = load_changes(&ports, None, MAX_CHANGES + 1).await?;
    let is_cut = changes.len() > MAX_CHANGES;
    changes.truncate(MAX_CHANGES);
    let mut families: BTreeMap<FamilyId, Option<Family>> = BTreeMap::new();
    for id in changes.iter().filter_map(|entry| entry.family.as_ref()) {
        if families.len() < MAX_FAMILIES && !families.contains_key(id) {
            families.insert(id.clone(), ports.store.family(id).await?);
        }
    }
    let times = Times::new(&ports);
    let view = |entry: AuditEntry| {
        let family = entry.family.as_ref().and_then(|id| families.get(id));
        ChangeView {
            time: times.show(entry.at),
            who: name_actor(&entry.actor, family.and_then(Option::as_ref)),
            what: entry.change.describe(),
            card: entry.change.card().map(|card| card.to_string()),
            family: entry.family,
        }
    };
    let page = AuditPage {
        page: operator.page("Changes"),
        changes: changes.into_iter().map(view).collect(),
        is_cut,
    };
    Ok(html(StatusCode::OK, &page)?)
}

/// Names who made a change, without an address.
fn name_actor(actor: &Actor, family: Option<&Family>) -> String {
    let person = match actor {
        Actor::Operator => return "the operator".to_owned(),
        Actor::Command => return "the command".to_owned(),
        Actor::Link => return "an email’s link".to_owned(),
        Actor::Person(person) => person,
    };
    match family.and_then(|family| recipient_number(family, person)) {
        Some(number) => format!("recipient {number}"),
        None => format!(
            "person {}",
            person.as_str().get(..8).unwrap_or(person.as_str())
        ),
    }
}
