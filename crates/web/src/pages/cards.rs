//! A family's cards: how their checks go.

pub(crate) mod add;
pub(crate) mod check;
pub(crate) mod pause;
pub(crate) mod pin;
pub(crate) mod remove;
mod repeated_form;
mod secret_form;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::audit::Change;
use hippo_core::card::{Card, CardRecord};
use hippo_core::clock::local_date;
use hippo_core::content_hash::content_hash;
use hippo_core::ids::CardId;
use hippo_core::jobs::notify::compose::{ComposeInput, digest_notice};
use hippo_core::notice::card_status::CardStatus;
use hippo_core::notice::compose::attention_of_card;
use hippo_core::store::StoreError;

use super::family::load_libraries;
use crate::access::form_browser::FormBrowser;
use crate::access::form_token::form_page;
use crate::access::session::FamilyMember;
use crate::audit::load_changes;
use crate::error::{PageError, PageResult};
use crate::page::Page;
use crate::ports::WebPorts;

/// How many of a family's newest changes are searched for what happened to a card.
const MAX_CHANGES: usize = 200;

#[derive(Template)]
#[template(path = "cards.html")]
struct CardsPage {
    page: Page,
    form_token: String,
    zone: Tz,
    cards: Vec<CardView>,
    can_check: bool,
    problem: Option<String>,
}

/// A card in words.
struct CardView {
    id: CardId,
    patron: String,
    library: String,
    url: Option<String>,
    is_paused: bool,
    /// Identifies the pause that the page shows.
    pause_version: String,
    /// Whether the library rejected the number or PIN.
    is_refused: bool,
    status: CardStatus,
    /// What else needs attention, as on the family's page.
    attention: Vec<String>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: FamilyMember,
) -> PageResult {
    show_page(&ports, &browser, &member, None).await
}

/// Shows the page, and perhaps why a form of it changed nothing.
async fn show_page(
    ports: &WebPorts,
    browser: &FormBrowser,
    member: &FamilyMember,
    problem: Option<String>,
) -> PageResult {
    let now = ports.clock.now();
    let zone = member.loaded.family.timezone;
    let libraries = load_libraries(ports, &member.loaded).await?;
    let today = local_date(now, zone);
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
    let mut cards: Vec<CardView> = Vec::with_capacity(member.loaded.cards.len());
    for (record, _) in &member.loaded.cards {
        let library = libraries.get(&record.card.library);
        let account =
            library.map(|library| library.account_url.as_ref().unwrap_or(&library.base_url));
        let account = account.filter(|url| matches!(url.scheme(), "http" | "https"));
        cards.push(CardView {
            id: record.card.id,
            patron: record.card.patron.clone(),
            library: library.map_or_else(
                || record.card.library.to_string(),
                |library| library.name.clone(),
            ),
            url: account.map(ToString::to_string),
            is_paused: record.card.active_pause(now).is_some(),
            pause_version: pause_version(&record.card, now),
            is_refused: record.state.refused_since.is_some(),
            status: CardStatus::from_record(record, zone, now),
            attention: attention_of_card(&digest, record.card.id),
        });
    }
    cards.sort_by(|a, b| (&a.patron, &a.library, a.id).cmp(&(&b.patron, &b.library, b.id)));
    let token = browser.form_token()?;
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::CONFLICT,
    };
    let page = CardsPage {
        page: member.page("Cards"),
        form_token: token.field.clone(),
        zone,
        cards,
        can_check: ports.jobs.is_some(),
        problem,
    };
    form_page(status, &page, token)
}

/// Identifies the pause that a page shows. One that has ended is as none.
fn pause_version(card: &Card, now: DateTime<Utc>) -> String {
    content_hash(&card.active_pause(now))
}

/// Finds a card of the member's family; `None` also for a card of another family.
fn own_card<'a>(member: &'a FamilyMember, id: &str) -> Option<&'a CardRecord> {
    let id: CardId = id.parse().ok()?;
    let mut cards = member.loaded.cards.iter().map(|(record, _)| record);
    cards.find(|record| record.card.id == id)
}

/// Says why a card of a form isn't among the member's: another tab removed it or chose another family, or it's
/// somebody else's.
async fn missing_card(ports: &WebPorts, member: &FamilyMember, id: &str) -> PageError {
    match explain_missing_card(ports, member, id).await {
        Ok(explained) | Err(explained) => explained,
    }
}

async fn explain_missing_card(
    ports: &WebPorts,
    member: &FamilyMember,
    id: &str,
) -> Result<PageError, PageError> {
    let Ok(id) = id.parse::<CardId>() else {
        return Ok(PageError::not_found());
    };
    if is_removed(ports, member, id).await? {
        return Ok(PageError::card_removed());
    }
    let record = ports.store.card(id).await?;
    let families = &member.session.families;
    let is_of_another = record.is_some_and(|record| families.contains(&record.card.family));
    Ok(match is_of_another {
        true => PageError::other_family(),
        false => PageError::not_found(),
    })
}

/// Explains what a store says of a card that was there when the request was read.
async fn explain_store_error(
    ports: &WebPorts,
    member: &FamilyMember,
    card: CardId,
    error: StoreError,
) -> PageError {
    let is_missing = matches!(error, StoreError::NotFound(_));
    match is_missing && matches!(is_removed(ports, member, card).await, Ok(true)) {
        true => PageError::card_removed(),
        false => error.into(),
    }
}

/// Whether somebody removed this card from the member's family.
async fn is_removed(
    ports: &WebPorts,
    member: &FamilyMember,
    card: CardId,
) -> Result<bool, PageError> {
    let family = Some(&member.loaded.family);
    let changes = load_changes(ports, family, MAX_CHANGES).await?;
    let mut changes = changes.iter().map(|entry| &entry.change);
    Ok(changes.any(|change| *change == Change::CardRemoved { card }))
}
