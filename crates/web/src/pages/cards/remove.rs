//! Removing a card, after a page that asks whether it's meant.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use hippo_core::audit::Change;
use hippo_core::card::{Card, CardRecord};
use hippo_core::ids::CardId;
use hippo_core::store::StoreError;
use serde::Deserialize;

use super::super::changes::describe_newest;
use super::secret_form::library_name;
use super::{is_removed, own_card};
use crate::access::form_token::{check_form_token, form_page, form_token};
use crate::access::session::FamilyMember;
use crate::access::step_up::sign_in_again;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::Page;
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "card_remove.html")]
struct RemovePage {
    page: Page,
    form_token: String,
    id: CardId,
    patron: String,
    library: String,
    /// Identifies the number and PIN of the card that the page shows.
    version: String,
    problem: Option<String>,
}

/// The page's own path.
fn path(card: CardId) -> String {
    format!("/family/cards/{card}/remove")
}

/// Asks whether to remove the card.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    member: FamilyMember,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> PageResult {
    let card = &own_card(&member, &id)
        .ok_or_else(PageError::not_found)?
        .card;
    if let Some(response) = sign_in_again(&ports, &member, &origin, &path(card.id)) {
        return Ok(response);
    }
    show_form(&ports, &member, &headers, &origin, card, None).await
}

async fn show_form(
    ports: &WebPorts,
    member: &FamilyMember,
    headers: &HeaderMap,
    origin: &RequestOrigin,
    card: &Card,
    problem: Option<String>,
) -> PageResult {
    let token = form_token(headers, origin.is_secure)?;
    let library = ports.store.library(&card.library).await?;
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::CONFLICT,
    };
    let page = RemovePage {
        page: member.page("Remove a card"),
        form_token: token.field.clone(),
        id: card.id,
        patron: card.patron.clone(),
        library: library_name(library.as_ref(), &card.library),
        version: card.secret_id.to_string(),
        problem,
    };
    form_page(status, &page, token)
}

/// Says that the card is another than the page showed, and by whom.
async fn describe_change(
    ports: &WebPorts,
    member: &FamilyMember,
    card: &Card,
) -> Result<String, PageError> {
    let is_pin = |change: &Change| *change == Change::PinSet { card: card.id };
    let newest = describe_newest(ports, member, is_pin).await?;
    let who = newest.map_or_else(String::new, |words| format!(" {words}"));
    Ok(format!(
        "This card’s number or PIN has been changed since you opened this page.{who} The card wasn’t removed. If you \
         still want to remove it, press the button again."
    ))
}

/// The form.
#[derive(Deserialize)]
pub(crate) struct RemoveForm {
    form_token: String,
    /// Identifies the number and PIN of the card that the page showed.
    #[serde(default)]
    version: String,
}

/// Removes the card with its number, PIN and account.
pub(crate) async fn remove(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    member: FamilyMember,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<RemoveForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    let Some(CardRecord { card, .. }) = own_card(&member, &id) else {
        let id = id.parse().map_err(|_| PageError::not_found())?;
        // The same form was sent twice, or another tab came first.
        return match is_removed(&ports, &member, id).await? {
            true => Ok(Redirect::to("/family/cards").into_response()),
            false => Err(PageError::not_found()),
        };
    };
    if let Some(response) = sign_in_again(&ports, &member, &origin, &path(card.id)) {
        return Ok(response);
    }
    if form.version != card.secret_id.to_string() {
        let problem = Some(describe_change(&ports, &member, card).await?);
        return show_form(&ports, &member, &headers, &origin, card, problem).await;
    }
    match ports.store.remove_card(card.id).await {
        Ok(()) => {
            tracing::info!(family.id = %card.family, card.id = %card.id, "A family removed a card.");
            let change = Change::CardRemoved { card: card.id };
            record_change(&ports, member.actor(), Some(&card.family), change).await;
        }
        // Another tab came first.
        Err(StoreError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Redirect::to("/family/cards").into_response())
}
