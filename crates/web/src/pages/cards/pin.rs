//! Changing a card's PIN. The page can write one, and never read one.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Form};
use hippo_core::card::{Card, CardSecret};
use hippo_core::card_secrets::CardSecretError;
use hippo_core::ids::CardId;
use serde::Deserialize;

use super::check::start_check;
use super::own_card;
use super::secret_form::{
    DUPLICATE, TOO_MANY_NUMBERS, TOO_MANY_PINS, TypedSecret, announce, library_name, may_set_pin,
    may_type_number, secret_ports,
};
use crate::access::form_token::{check_form_token, form_page, form_token};
use crate::access::session::FamilyMember;
use crate::access::step_up::sign_in_again;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::Page;
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "card_pin.html")]
struct PinPage {
    page: Page,
    form_token: String,
    id: CardId,
    patron: String,
    library: String,
    problem: Option<&'static str>,
}

/// Shows the form.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    member: FamilyMember,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> PageResult {
    let card = find_card(&member, &id)?;
    if let Some(response) = sign_in_again(&ports, &member, &origin, &path(card)) {
        return Ok(response);
    }
    show_form(&ports, &member, &headers, &origin, card, None).await
}

fn find_card<'a>(member: &'a FamilyMember, id: &str) -> Result<&'a Card, PageError> {
    let record = own_card(member, id).ok_or_else(PageError::not_found)?;
    Ok(&record.card)
}

/// The page's own path.
fn path(card: &Card) -> String {
    format!("/family/cards/{}/pin", card.id)
}

async fn show_form(
    ports: &WebPorts,
    member: &FamilyMember,
    headers: &HeaderMap,
    origin: &RequestOrigin,
    card: &Card,
    problem: Option<&'static str>,
) -> Result<Response, PageError> {
    let token = form_token(headers, origin.is_secure)?;
    let library = ports.store.library(&card.library).await?;
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = PinPage {
        page: member.page("Change the PIN"),
        form_token: token.field.clone(),
        id: card.id,
        patron: card.patron.clone(),
        library: library_name(library.as_ref(), &card.library),
        problem,
    };
    form_page(status, &page, token)
}

/// The form.
#[derive(Deserialize)]
pub(crate) struct PinForm {
    form_token: String,
    number: String,
    pin: String,
    /// Present: the library gave the card a new number.
    #[serde(default)]
    new_number: Option<String>,
}

/// Stores the number and PIN, and starts a check that tries them.
pub(crate) async fn save(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    member: FamilyMember,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<PinForm>,
) -> PageResult {
    let typed = TypedSecret::new(form.number, form.pin);
    let card = find_card(&member, &id)?;
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    if let Some(response) = sign_in_again(&ports, &member, &origin, &path(card)) {
        return Ok(response);
    }
    let is_new_number = form.new_number.is_some();
    match set_pin(&ports, &member, card, &typed, is_new_number).await? {
        Ok(()) => {
            announce(&ports, &member, card, false).await;
            start_check(&ports, card).await
        }
        Err(problem) => show_form(&ports, &member, &headers, &origin, card, Some(problem)).await,
    }
}

/// Stores the number and PIN, or says what prevents it.
async fn set_pin(
    ports: &WebPorts,
    member: &FamilyMember,
    card: &Card,
    typed: &TypedSecret,
    is_new_number: bool,
) -> Result<Result<(), &'static str>, PageError> {
    let secret = match (typed.number(), typed.pin()) {
        (Ok(number), Ok(pin)) => CardSecret { number, pin },
        (Err(problem), _) | (_, Err(problem)) => return Ok(Err(problem)),
    };
    let secrets = secret_ports(ports);
    let fingerprint = secrets.fingerprint(&card.library, &secret.number).await;
    let is_same_number = fingerprint.map_err(PageError::unavailable)? == card.fingerprint;
    if !is_same_number {
        if !may_type_number(ports, member).await? {
            return Ok(Err(TOO_MANY_NUMBERS));
        }
        if !is_new_number {
            return Ok(Err(
                "That isn’t the number that we have for this card. If it’s new, tick the box below.",
            ));
        }
    }
    if !may_set_pin(ports, &card.library, &secret.number).await? {
        return Ok(Err(TOO_MANY_PINS));
    }
    match secrets.replace_secret(card, &secret).await {
        Ok(()) => Ok(Ok(())),
        Err(CardSecretError::DuplicateNumber) => Ok(Err(DUPLICATE)),
        Err(CardSecretError::Store(error)) => Err(error.into()),
        Err(CardSecretError::Seal(error)) => Err(PageError::unavailable(error)),
        // The PIN was changed, so the family must be told.
        Err(error @ CardSecretError::StillRefused(_)) => {
            tracing::error!(%error, card.id = %card.id, "A card waits although its PIN is new.");
            Ok(Ok(()))
        }
    }
}
