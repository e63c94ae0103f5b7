//! Changing a card's PIN. The page can write one, and never read one.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Form};
use hippo_core::audit::Change;
use hippo_core::card::{Card, CardRecord, CardSecret};
use hippo_core::card_secrets::CardSecretError;
use hippo_core::ids::CardId;
use serde::Deserialize;
use uuid::Uuid;

use super::super::changes::describe_newest;
use super::check::{Repeat, start_check};
use super::repeated_form::answer_repeated_form;
use super::secret_form::{
    DUPLICATE, TOO_MANY_NUMBERS, TOO_MANY_PINS, TypedSecret, announce, library_name, may_set_pin,
    may_type_number, secret_ports,
};
use super::{explain_store_error, missing_card, own_card};
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
    /// Identifies the number and PIN that the card had when the page was opened.
    version: String,
    /// Identifies this form: the PIN that it sets is known by it.
    form_id: Uuid,
    problem: Option<String>,
    /// Whether the library rejected the number or PIN that we have.
    is_refused: bool,
    /// Whether another number needs a word.
    confirms_new_number: bool,
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

/// Why the form is shown again.
enum Problem {
    /// What was typed isn't valid or isn't allowed, for this reason.
    Refused(&'static str),
    /// Somebody set the number or PIN after the form was opened.
    Changed,
}

fn find_card<'a>(member: &'a FamilyMember, id: &str) -> Result<&'a Card, PageError> {
    let record = own_card(member, id).ok_or_else(PageError::not_found)?;
    Ok(&record.card)
}

/// Whether another number is taken for a mistake, unless somebody says that the library gave a new one.
///
/// A number that was rejected and never worked is itself the mistake.
fn confirms_new_number(record: &CardRecord) -> bool {
    record.state.refused_since.is_none() || record.state.last_success_at.is_some()
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
    problem: Option<Problem>,
) -> Result<Response, PageError> {
    let token = form_token(headers, origin.is_secure)?;
    let library = ports.store.library(&card.library).await?;
    let (status, problem) = match problem {
        None => (StatusCode::OK, None),
        Some(Problem::Refused(words)) => {
            let words = format!("{words} Nothing was changed.");
            (StatusCode::UNPROCESSABLE_ENTITY, Some(words))
        }
        Some(Problem::Changed) => {
            let is_pin = |change: &Change| *change == Change::PinSet { card: card.id };
            let newest = describe_newest(ports, member, is_pin).await?;
            let who = newest.map_or_else(String::new, |words| format!(" {words}"));
            let words = format!(
                "This card’s number or PIN has been changed since you opened this page.{who} Yours wasn’t saved. \
                 If yours is right, type it again."
            );
            (StatusCode::CONFLICT, Some(words))
        }
    };
    let record = own_card(member, &card.id.to_string());
    let is_refused = record.is_some_and(|record| record.state.refused_since.is_some());
    let title = match is_refused {
        true => "Correct the number or PIN",
        false => "Change the PIN",
    };
    let page = PinPage {
        page: member.page(title),
        form_token: token.field.clone(),
        id: card.id,
        patron: card.patron.clone(),
        library: library_name(library.as_ref(), &card.library),
        version: card.secret_id.to_string(),
        form_id: Uuid::new_v4(),
        problem,
        is_refused,
        confirms_new_number: record.is_none_or(confirms_new_number),
    };
    form_page(status, &page, token)
}

/// The form.
#[derive(Deserialize)]
pub(crate) struct PinForm {
    form_token: String,
    /// Identifies the number and PIN that the card had when the page was opened.
    #[serde(default)]
    version: String,
    /// Identifies the form.
    #[serde(default)]
    form: String,
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
    let Some(record) = own_card(&member, &id) else {
        return Err(missing_card(&ports, &member, &id).await);
    };
    let card = &record.card;
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    if let Some(response) = sign_in_again(&ports, &member, &origin, &path(card)) {
        return Ok(response);
    }
    let (Ok(version), Ok(form_id)) = (Uuid::try_parse(&form.version), Uuid::try_parse(&form.form))
    else {
        return Err(PageError::malformed_form());
    };
    if form_id == card.secret_id {
        // The same form was sent twice.
        return answer_repeated_form(&ports, &member, card, false).await;
    }
    let set_at = ports.clock.now();
    let is_new_number = form.new_number.is_some() || !confirms_new_number(record);
    let set = match version == card.secret_id {
        true => set_pin(&ports, &member, card, &typed, form_id, is_new_number).await?,
        false => Err(Problem::Changed),
    };
    let Err(problem) = set else {
        let card = Card {
            secret_id: form_id,
            ..card.clone()
        };
        announce(&ports, &member, &card, false, set_at).await;
        return start_check(&ports, &card, Repeat::No).await;
    };
    let Some(present) = ports.store.card(card.id).await? else {
        return Err(missing_card(&ports, &member, &id).await);
    };
    if present.card.secret_id == form_id {
        // The same form was sent twice at once, and the other request came first.
        return answer_repeated_form(&ports, &member, &present.card, false).await;
    }
    let problem = Some(problem);
    show_form(&ports, &member, &headers, &origin, &present.card, problem).await
}

/// Stores the number and PIN, or says what prevents it.
async fn set_pin(
    ports: &WebPorts,
    member: &FamilyMember,
    card: &Card,
    typed: &TypedSecret,
    id: Uuid,
    is_new_number: bool,
) -> Result<Result<(), Problem>, PageError> {
    let refused = |words| Ok(Err(Problem::Refused(words)));
    let secret = match (typed.number(), typed.pin()) {
        (Ok(number), Ok(pin)) => CardSecret { number, pin },
        (Err(problem), _) | (_, Err(problem)) => return refused(problem),
    };
    let secrets = secret_ports(ports);
    let fingerprint = secrets.fingerprint(&card.library, &secret.number).await;
    let fingerprint = fingerprint.map_err(PageError::unavailable)?;
    let mut number_permit = None;
    if fingerprint != card.fingerprint {
        number_permit = may_type_number(ports, member).await?;
        if number_permit.is_none() {
            return refused(TOO_MANY_NUMBERS);
        }
        if !is_new_number {
            return refused(
                "That isn’t the number that we have for this card. If it’s new, tick the box below.",
            );
        }
    }
    let Some(permit) = may_set_pin(ports, &fingerprint).await? else {
        return refused(TOO_MANY_PINS);
    };
    match secrets.replace_secret(card, id, &secret).await {
        Ok(()) => Ok(Ok(())),
        // The number counts: it told whose it is.
        Err(CardSecretError::DuplicateNumber) => {
            permit.give_back(ports).await;
            refused(DUPLICATE)
        }
        Err(CardSecretError::ChangedMeanwhile) => {
            permit.give_back(ports).await;
            Ok(Err(Problem::Changed))
        }
        Err(error @ (CardSecretError::Store(_) | CardSecretError::Seal(_))) => {
            permit.give_back(ports).await;
            if let Some(number_permit) = number_permit {
                number_permit.give_back(ports).await;
            }
            Err(match error {
                CardSecretError::Store(error) => {
                    explain_store_error(ports, member, card.id, error).await
                }
                error => PageError::unavailable(error),
            })
        }
        // The PIN was changed, so the family must be told.
        Err(error @ CardSecretError::StillRefused(_)) => {
            tracing::error!(%error, card.id = %card.id, "A card waits although its PIN is new.");
            Ok(Ok(()))
        }
    }
}
