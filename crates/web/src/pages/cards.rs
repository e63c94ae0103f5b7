//! A family's cards: how their checks go.

pub(crate) mod add;
pub(crate) mod check;
pub(crate) mod pause;
pub(crate) mod pin;
pub(crate) mod remove;
mod secret_form;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::card::{Card, CardRecord};
use hippo_core::content_hash::content_hash;
use hippo_core::ids::CardId;
use hippo_core::notice::card_status::CardStatus;

use super::family::load_libraries;
use crate::access::form_browser::FormBrowser;
use crate::access::form_token::form_page;
use crate::access::session::FamilyMember;
use crate::error::PageResult;
use crate::page::Page;
use crate::ports::WebPorts;

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
