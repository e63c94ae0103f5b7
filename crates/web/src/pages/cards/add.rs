//! Adding a card: the library first, then its number, PIN and patron.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Form};
use chrono::{DateTime, Utc};
use hippo_core::card::{Card, CardRecord, CardSecret, Fingerprint};
use hippo_core::card_secrets::CardSecretError;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::library::Library;
use hippo_core::text::clean;
use serde::Deserialize;
use uuid::Uuid;

use super::check::{MAX_WAIT, Repeat, start_check};
use super::repeated_form::answer_repeated_form;
use super::secret_form::{
    DUPLICATE, TOO_MANY_NUMBERS, TOO_MANY_PINS, TypedSecret, announce, may_set_pin,
    may_type_number, secret_ports,
};
use crate::access::form_token::{check_form_token, form_page, form_token};
use crate::access::session::FamilyMember;
use crate::access::step_up::sign_in_again;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// The most libraries that are listed at once.
const MAX_LISTED_LIBRARIES: usize = 20;

/// The longest name of a patron, in characters.
const MAX_PATRON_LENGTH: usize = 60;

/// The most cards of a family.
const MAX_CARDS: usize = 100;

#[derive(Template)]
#[template(path = "card_library.html")]
struct LibraryPage {
    page: Page,
    query: String,
    libraries: Vec<LibraryChoice>,
    is_cut: bool,
    has_any: bool,
}

/// A library to choose.
struct LibraryChoice {
    id: LibraryId,
    name: String,
    host: String,
}

/// What the search says.
#[derive(Deserialize)]
pub(crate) struct SearchQuery {
    #[serde(default)]
    q: String,
}

/// Shows the libraries whose name or address has the typed words.
pub(crate) async fn choose(
    State(ports): State<WebPorts>,
    member: FamilyMember,
    Query(search): Query<SearchQuery>,
) -> PageResult {
    let query = clean(&search.q);
    let all = ports.store.libraries().await?;
    let has_any = !all.is_empty();
    let mut found: Vec<LibraryChoice> = all
        .into_iter()
        .filter(|library| has_words(library, &query))
        .map(|library| LibraryChoice {
            host: library.base_url.host_str().unwrap_or_default().to_owned(),
            id: library.id,
            name: library.name,
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let is_cut = found.len() > MAX_LISTED_LIBRARIES;
    found.truncate(MAX_LISTED_LIBRARIES);
    let page = LibraryPage {
        page: member.page("Add a card"),
        query,
        libraries: found,
        is_cut,
        has_any,
    };
    Ok(html(StatusCode::OK, &page)?)
}

/// Whether a library's name, id or host has every one of these words.
fn has_words(library: &Library, query: &str) -> bool {
    let host = library.base_url.host_str().unwrap_or_default();
    let text = format!("{} {} {host}", library.name, library.id).to_lowercase();
    let query = query.to_lowercase();
    query.split_whitespace().all(|word| text.contains(word))
}

#[derive(Template)]
#[template(path = "card_add.html")]
struct AddPage {
    page: Page,
    form_token: String,
    family: FamilyId,
    library: Library,
    patron: String,
    patrons: Vec<String>,
    max_patron: usize,
    problem: Option<&'static str>,
}

async fn find_library(ports: &WebPorts, id: &str) -> Result<Library, PageError> {
    let id: LibraryId = id.parse().map_err(|_| PageError::not_found())?;
    let library = ports.store.library(&id).await?;
    library.ok_or_else(PageError::not_found)
}

/// The page's own path.
fn path(library: &Library) -> String {
    format!("/family/cards/add/{}", library.id)
}

/// Shows the form.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    member: FamilyMember,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> PageResult {
    let library = find_library(&ports, &id).await?;
    if let Some(response) = sign_in_again(&ports, &member, &origin, &path(&library)) {
        return Ok(response);
    }
    show_form(&member, &headers, &origin, library, String::new(), None)
}

fn show_form(
    member: &FamilyMember,
    headers: &HeaderMap,
    origin: &RequestOrigin,
    library: Library,
    patron: String,
    problem: Option<&'static str>,
) -> PageResult {
    let token = form_token(headers, origin.is_secure)?;
    let cards = member.loaded.cards.iter();
    let mut patrons: Vec<String> = cards
        .map(|(record, _)| record.card.patron.clone())
        .collect();
    patrons.sort();
    patrons.dedup();
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = AddPage {
        page: member.page("Add a card"),
        form_token: token.field.clone(),
        family: member.loaded.family.id.clone(),
        library,
        patron,
        patrons,
        max_patron: MAX_PATRON_LENGTH,
        problem,
    };
    form_page(status, &page, token)
}

/// The form.
#[derive(Deserialize)]
pub(crate) struct AddForm {
    form_token: String,
    family: String,
    patron: String,
    number: String,
    pin: String,
}

/// Adds the card, and starts its first check.
pub(crate) async fn save(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    member: FamilyMember,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<AddForm>,
) -> PageResult {
    let typed = TypedSecret::new(form.number, form.pin);
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    member.require_family(&form.family)?;
    let library = find_library(&ports, &id).await?;
    if let Some(response) = sign_in_again(&ports, &member, &origin, &path(&library)) {
        return Ok(response);
    }
    match add_card(&ports, &member, &library, &form.patron, &typed).await? {
        Ok(Added::New(card)) => {
            announce(&ports, &member, &card, true, card.created_at).await;
            start_check(&ports, &card, Repeat::No).await
        }
        Ok(Added::Before(card)) => answer_repeated_form(&ports, &member, &card, true).await,
        Err(problem) => show_form(
            &member,
            &headers,
            &origin,
            library,
            form.patron,
            Some(problem),
        ),
    }
}

/// A card that a form asks for.
enum Added {
    New(Card),
    /// The same form was just sent, perhaps by a double click.
    Before(Card),
}

/// Finds the card with this number that was added for this patron within the last minutes.
fn find_just_added(
    cards: &[CardRecord],
    (library, fingerprint): (&LibraryId, &Fingerprint),
    patron: &str,
    now: DateTime<Utc>,
) -> Option<Card> {
    let mut cards = cards.iter().map(|record| &record.card);
    let found = cards.find(|card| card.library == *library && card.fingerprint == *fingerprint)?;
    let is_just_added = now - found.created_at < MAX_WAIT;
    (found.patron == patron && is_just_added).then(|| found.clone())
}

/// Looks again for a card that another request may have added at once; else says what prevents it.
async fn find_faster(
    ports: &WebPorts,
    member: &FamilyMember,
    just_added: impl Fn(&[CardRecord]) -> Option<Card>,
    problem: &'static str,
) -> Result<Result<Added, &'static str>, PageError> {
    let records = ports.store.family_cards(&member.loaded.family.id).await?;
    Ok(just_added(&records).map(Added::Before).ok_or(problem))
}

/// Adds the card, or says what prevents it.
async fn add_card(
    ports: &WebPorts,
    member: &FamilyMember,
    library: &Library,
    patron: &str,
    typed: &TypedSecret,
) -> Result<Result<Added, &'static str>, PageError> {
    let patron = clean(patron);
    if patron.is_empty() || patron.chars().count() > MAX_PATRON_LENGTH {
        return Ok(Err("Say whose card it is, in up to 60 letters."));
    }
    let secret = match (typed.number(), typed.pin()) {
        (Ok(number), Ok(pin)) => CardSecret { number, pin },
        (Err(problem), _) | (_, Err(problem)) => return Ok(Err(problem)),
    };
    let secrets = secret_ports(ports);
    let fingerprint = secrets.fingerprint(&library.id, &secret.number).await;
    let fingerprint = fingerprint.map_err(PageError::unavailable)?;
    let now = ports.clock.now();
    let just_added =
        |cards: &[CardRecord]| find_just_added(cards, (&library.id, &fingerprint), &patron, now);
    let records: Vec<CardRecord> = member
        .loaded
        .cards
        .iter()
        .map(|(record, _)| record.clone())
        .collect();
    if let Some(card) = just_added(&records) {
        return Ok(Ok(Added::Before(card)));
    }
    let mut cards = records.iter().map(|record| &record.card);
    if cards.any(|card| card.library == library.id && card.fingerprint == fingerprint) {
        return Ok(Err(DUPLICATE));
    }
    if records.len() >= MAX_CARDS {
        return Ok(Err("Your family has 100 cards. Remove one first."));
    }
    let Some(number_permit) = may_type_number(ports, member).await? else {
        return find_faster(ports, member, just_added, TOO_MANY_NUMBERS).await;
    };
    let Some(permit) = may_set_pin(ports, &fingerprint).await? else {
        return find_faster(ports, member, just_added, TOO_MANY_PINS).await;
    };
    let card = Card {
        id: CardId::generate(),
        family: member.loaded.family.id.clone(),
        library: library.id.clone(),
        patron: patron.clone(),
        fingerprint: Fingerprint(String::new()),
        secret_id: Uuid::new_v4(),
        pause: None,
        created_at: now,
    };
    match secrets.add_card(card, &secret).await {
        Ok(card) => Ok(Ok(Added::New(card))),
        Err(CardSecretError::DuplicateNumber) => {
            permit.give_back(ports).await;
            find_faster(ports, member, just_added, DUPLICATE).await
        }
        Err(error) => {
            // Nothing was stored, and nobody learned whose number it is.
            permit.give_back(ports).await;
            number_permit.give_back(ports).await;
            Err(match error {
                CardSecretError::Store(error) => error.into(),
                CardSecretError::Seal(error) => PageError::unavailable(error),
                // A new card has no other secret, and was never refused.
                error => PageError::internal(error),
            })
        }
    }
}
