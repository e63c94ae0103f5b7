//! The families, in counts.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use hippo_core::card::CardRecord;
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;
use serde::Deserialize;

use super::view::Times;
use crate::access::operator::Operator;
use crate::error::{PageError, PageResult};
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// How many families a page shows, each with one read for its cards.
const FAMILIES_PER_PAGE: usize = 50;

#[derive(Template)]
#[template(path = "console/families.html")]
struct FamiliesPage {
    page: Page,
    families: Vec<FamilyView>,
    /// The last family, if there are more.
    next: Option<FamilyId>,
    is_later_page: bool,
}

/// A family in counts.
struct FamilyView {
    id: FamilyId,
    recipients: usize,
    /// The recipients that get no mail.
    stopped: usize,
    cards: usize,
    /// The cards whose newest check failed.
    failed: usize,
    /// The cards whose number or PIN the library rejected.
    refused: usize,
    paused_cards: usize,
    next_mail: String,
}

/// What the page's address says.
#[derive(Deserialize)]
pub(crate) struct FamiliesQuery {
    /// The last family of the page before.
    #[serde(default)]
    after: Option<String>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Query(query): Query<FamiliesQuery>,
) -> PageResult {
    let times = Times::new(&ports);
    let store = &*ports.store;
    let after: Option<FamilyId> = match query.after.as_deref() {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| PageError::not_found())?),
    };
    let families = store
        .families_page(after.as_ref(), FAMILIES_PER_PAGE + 1)
        .await?;
    let has_more = families.len() > FAMILIES_PER_PAGE;
    let families = families.get(..FAMILIES_PER_PAGE).unwrap_or(&families);
    let mut views = Vec::with_capacity(families.len());
    for family in families {
        let cards = store.family_cards(&family.id).await?;
        views.push(family_view(family, &cards, times));
    }
    let last = families.last().map(|family| family.id.clone());
    Ok(html(
        StatusCode::OK,
        &FamiliesPage {
            page: operator.page("Families"),
            families: views,
            next: last.filter(|_| has_more),
            is_later_page: after.is_some(),
        },
    )?)
}

fn family_view(family: &Family, cards: &[CardRecord], times: Times) -> FamilyView {
    let count = |is: &dyn Fn(&CardRecord) -> bool| cards.iter().filter(|card| is(card)).count();
    let next_mail = match family.next_due(times.now) {
        _ if family.is_paused_at(times.now) => match family.paused_until {
            Some(until) => format!("paused, starts again {until} ({})", family.timezone),
            None => "paused".to_owned(),
        },
        Some(due) => times.show_in(due, family.timezone),
        None => "none".to_owned(),
    };
    FamilyView {
        id: family.id.clone(),
        recipients: family.reachable_recipients().len(),
        stopped: family.stopped_recipients().len(),
        cards: cards.len(),
        failed: count(&|card| {
            let last = card.state.last_check.as_ref();
            last.is_some_and(|check| check.failure.is_some())
        }),
        refused: count(&|card| card.state.refused_since.is_some()),
        paused_cards: count(&|card| card.card.active_pause(times.now).is_some()),
        next_mail,
    }
}
