//! Reads one page, without a network and without the other pages.

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::Messages;
use hippo_core::account::{Hold, Loan};
use hippo_core::failure::Failure;
use serde_json::Value;

use super::description::{HOLDS, LOANS, PARTS, REFERENCES, SCRIPT};
use super::login::{self, LoginPage};
use super::totals::Totals;
use crate::json_reader::{JsonObject, ListPage, ListPart, decode_script, read_list_page};

/// A page, parsed.
#[derive(Debug)]
pub(super) enum ParsedPage {
    /// An account page.
    Account(Box<AccountPage>),
    /// A login form.
    Login(LoginPage),
    /// An account page while nobody is logged in.
    Anonymous,
}

/// The content of an account page.
#[derive(Debug)]
pub(crate) struct AccountPage {
    /// The site's number of the user, the same on all pages of one account.
    pub(super) user: String,
    /// The user's cards at this library, or all cards if the page marks none as the user's own.
    pub(super) cards: Vec<ShownCard>,
    pub(super) totals: Totals,
    pub(super) loans: Option<ListPage<Loan>>,
    pub(super) holds: Option<ListPage<Hold>>,
    pub(super) messages: Vec<String>,
}

/// A card, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ShownCard {
    pub(super) barcode: Option<String>,
    pub(super) expires: Option<NaiveDate>,
}

/// Whether a page that [`parse_page_body`] can't read names a logged-in user.
pub(super) fn names_user(body: &str) -> bool {
    let state = decode_script(body, SCRIPT, PARTS).ok().flatten();
    let state = state.as_ref().and_then(JsonObject::from_value);
    let user = state.map(|state| state.text("auth.currentUserId"));
    matches!(user, Some(Ok(Some(_))))
}

/// Parses one page.
pub(super) fn parse_page_body(
    body: &str,
    context: &ReadContext<'_>,
) -> Result<ParsedPage, Failure> {
    let no_state = |failure: Failure| {
        let login_page = login::classify_login_page(body, None);
        let page = login_page.map(ParsedPage::Login);
        page.ok_or_else(|| login::find_setup_failure(body).unwrap_or(failure))
    };
    let missing = |what: &str| Failure::page_changed(format!("the page's state has no {what}"));
    let state = match decode_script(body, SCRIPT, PARTS) {
        Ok(Some(state)) => state,
        Ok(None) => {
            let detail = "the page carries no state (data-iso-key _0)";
            return no_state(Failure::page_changed(detail));
        }
        Err(failure) => return no_state(failure),
    };
    let state = JsonObject::with_references(&state, REFERENCES, context.timezone)
        .ok_or_else(|| missing("fields"))?;
    let auth = state.object("auth")?.ok_or_else(|| missing("auth"))?;
    if !auth.has("currentUserId")? {
        return Err(missing("auth.currentUserId"));
    }
    let Some(user) = auth.text("currentUserId")? else {
        let login_page = login::classify_login_page(body, auth.value("loginError")?);
        return Ok(login_page.map_or(ParsedPage::Anonymous, ParsedPage::Login));
    };
    for needed in ["borrowing", "entities"] {
        state.object(needed)?.ok_or_else(|| missing(needed))?;
    }
    let path = state.text("app.currentURL")?;
    let path = path.as_deref();
    let mut messages = collect_messages(state)?;
    let (loan_part, hold_part) = (part_at(path, "checkedout"), part_at(path, "holds"));
    let page = AccountPage {
        cards: collect_cards(state, &user)?,
        user: user.into_owned(),
        totals: Totals::from_state(state)?,
        loans: read_list_page(state, &LOANS, loan_part, context, &mut messages)?,
        holds: read_list_page(state, &HOLDS, hold_part, context, &mut messages)?,
        messages,
    };
    if page.loans.is_none() && page.holds.is_none() {
        for error in ["errors.libraryError", "borrowing.holds.holdError"] {
            if state.value(error)?.is_some() {
                let detail = "the site reports a failure of the library's system";
                return Err(Failure::site_down(detail));
            }
        }
        if page.totals == Totals::default() {
            let detail = "the page has neither a list nor totals";
            return Err(Failure::page_changed(detail));
        }
    }
    Ok(ParsedPage::Account(Box::new(page)))
}

/// Returns the part of a list that is at a path: `/v2/holds/in_transit?page=2` has the holds in transit.
fn part_at(path: Option<&str>, list: &str) -> ListPart {
    let path = path.and_then(|path| path.split(['?', '#']).next());
    let mut names = path.unwrap_or_default().split('/');
    if !names.any(|name| name == list) {
        return ListPart::Unknown;
    }
    let state = names.next().filter(|state| !state.is_empty());
    state.map_or(ListPart::Whole, |state| {
        ListPart::State(state.to_ascii_uppercase())
    })
}

fn collect_cards(state: JsonObject<'_>, user: &str) -> Result<Vec<ShownCard>, Failure> {
    let accounts = "entities.accounts";
    let mut cards = Vec::new();
    if let Some(user) = state.object_at("entities.users", user)? {
        for id in user.texts("accounts")?.unwrap_or_default() {
            cards.extend(state.object_at(accounts, &id)?);
        }
    }
    if cards.is_empty() {
        let all = state.objects(accounts)?.unwrap_or_default();
        cards = all.into_iter().map(|(_, card)| card).collect();
    }
    let mut here = Vec::new();
    if let Some(library) = state.text("library.id")? {
        for card in &cards {
            // A user may have cards at several libraries.
            if card.text("libId")?.as_ref() == Some(&library) {
                here.push(*card);
            }
        }
    }
    let cards = if here.is_empty() { cards } else { here };
    let shown = cards.into_iter().map(|card| {
        Ok(ShownCard {
            barcode: card.words("barcode")?,
            expires: card.date("expiryDate")?,
        })
    });
    shown.collect()
}

/// Collects the library's messages to this patron, each once. No recorded page has any, so any shape is accepted.
fn collect_messages(state: JsonObject<'_>) -> Result<Vec<String>, Failure> {
    let mut found = Messages::default();
    for place in ["entities.messages", "entities.systemMessages"] {
        let entries: Vec<&Value> = match state.value(place)? {
            Some(Value::Object(entries)) => entries.values().collect(),
            Some(Value::Array(entries)) => entries.iter().collect(),
            _ => Vec::new(),
        };
        for entry in entries {
            let message = login::message_in(entry, &["message", "text", "content", "body"]);
            found.add(&login::text_of_html(message.unwrap_or_default()));
            if found.is_full() {
                break;
            }
        }
    }
    Ok(found.into_vec())
}
