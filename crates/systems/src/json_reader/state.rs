//! Reads the pages that have their state as JSON in a script, and joins them.

use std::collections::HashSet;

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Messages, element_text, parse_fragment, parse_page, prepare_to_store,
};
use hippo_core::account::{Account, Hold, Loan};
use hippo_core::failure::Failure;
use hippo_core::text::clean;
use serde_json::Value;

use super::cards::{ShownCard, find_own_card, read_cards};
use super::description::StateDescription;
use super::paged_list::{ListPage, ListPart, ListTotals, join_list_pages, read_list_page};
use super::script::decode_script;
use super::totals::Totals;
use super::value::JsonObject;

/// A page, by what it is.
pub(super) enum StatePage {
    /// One of an account, with its state.
    Account(Value),
    /// The login form, with the failure that a message means.
    Login(Option<Failure>),
    /// One with its state, while nobody is logged in.
    Anonymous,
}

/// What a page says about an account.
#[derive(Debug)]
pub(crate) struct AccountState {
    /// The site's number of the user, the same on all pages of one account.
    user: String,
    cards: Vec<ShownCard>,
    pub(super) totals: Totals,
    pub(super) loans: Option<ListPage<Loan>>,
    pub(super) holds: Option<ListPage<Hold>>,
    messages: Vec<String>,
}

/// Reads a saved page.
pub(crate) fn read_saved_state(
    description: &'static StateDescription,
    body: &str,
    context: &ReadContext<'_>,
) -> Result<AccountState, Failure> {
    match open_state(description, body)? {
        StatePage::Account(state) => read_state(description, &state, context),
        StatePage::Login(Some(failure)) => Err(failure),
        StatePage::Login(None) => Err(Failure::page_changed("the login form, not an account page")),
        StatePage::Anonymous => Err(Failure::page_changed(
            "an account page without a logged-in user",
        )),
    }
}

/// Opens a page. Its tree is built only if nobody is logged in there.
pub(super) fn open_state(
    description: &'static StateDescription,
    body: &str,
) -> Result<StatePage, Failure> {
    let state = match decode_script(body, description.script, description.parts) {
        Ok(Some(state)) => state,
        Ok(None) => {
            let failure = Failure::page_changed("the page carries no state");
            return open_page_without_state(description, body, failure);
        }
        Err(failure) => return open_page_without_state(description, body, failure),
    };
    let root = JsonObject::from_value(&state).ok_or_else(|| missing("fields"))?;
    if !root.has(description.user)? {
        return Err(missing(description.user));
    }
    if root.text(description.user)?.is_some() {
        return Ok(StatePage::Account(state));
    }
    let error = root.value(description.login_error)?;
    let error = error.filter(|error| **error != Value::Bool(false));
    let words = error.map(|error| read_message(error, description.message_texts));
    if let Some(words) = words {
        let failure = description.login.failure_of_error(&words);
        return Ok(StatePage::Login(Some(failure)));
    }
    Ok(find_login_page(description, body).unwrap_or(StatePage::Anonymous))
}

/// Opens the login form, or a page that asks the patron for something first. Any other is the failure.
fn open_page_without_state(
    description: &'static StateDescription,
    body: &str,
    failure: Failure,
) -> Result<StatePage, Failure> {
    if let Some(login_page) = find_login_page(description, body) {
        return Ok(login_page);
    }
    let page = parse_page(body);
    let asks = page.is_ok_and(|page| (description.demand.is_shown)(page.root_element()));
    Err(if asks {
        description.demand.failure()
    } else {
        failure
    })
}

fn find_login_page(description: &'static StateDescription, body: &str) -> Option<StatePage> {
    let page = parse_page(body).ok()?;
    let (root, login) = (page.root_element(), description.login);
    login
        .is_shown(root)
        .then(|| StatePage::Login(login.failure_of_errors(root, description.login_errors)))
}

fn missing(what: &str) -> Failure {
    Failure::page_changed(format!("the page's state has no {what}"))
}

/// Reads the state of an account page.
pub(super) fn read_state(
    description: &'static StateDescription,
    state: &Value,
    context: &ReadContext<'_>,
) -> Result<AccountState, Failure> {
    let state = JsonObject::with_references(state, description.references, context.timezone)
        .ok_or_else(|| missing("fields"))?;
    let user = state.text(description.user)?;
    let user = user.ok_or_else(|| missing(description.user))?;
    for needed in description.needed {
        state.object(needed)?.ok_or_else(|| missing(needed))?;
    }
    let address = state.text(description.address)?.unwrap_or_default();
    let (loans, holds) = (&description.loans, &description.holds);
    let states: Vec<&str> = holds.states().collect();
    let mut messages = read_messages(description, state)?;
    let page = AccountState {
        user: user.into_owned(),
        cards: read_cards(&description.cards, state)?,
        totals: Totals::read(&description.totals, &states, state)?,
        loans: read_list_page(
            state,
            loans,
            loans.part_at(&address),
            context,
            &mut messages,
        )?,
        holds: read_list_page(
            state,
            holds,
            holds.part_at(&address),
            context,
            &mut messages,
        )?,
        messages,
    };
    if page.loans.is_none() && page.holds.is_none() {
        for error in description.outages {
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
    Ok(page)
}

/// Reads the library's messages to this patron, each once. What isn't known as a message says nothing.
fn read_messages(
    description: &StateDescription,
    state: JsonObject<'_>,
) -> Result<Vec<String>, Failure> {
    let mut found = Messages::default();
    for place in description.messages {
        let entries: Vec<&Value> = match state.value(place)? {
            Some(Value::Object(entries)) => entries.values().collect(),
            Some(Value::Array(entries)) => entries.iter().collect(),
            _ => Vec::new(),
        };
        for entry in entries {
            if !found.is_full() {
                found.add(&read_message(entry, description.message_texts));
            }
        }
    }
    Ok(found.into_vec())
}

/// Reads a message that is a text, or has one in one of these fields. The text may be HTML. Empty without one.
pub(crate) fn read_message(message: &Value, fields: &[&str]) -> String {
    let in_field = |field| message.get(field)?.as_str();
    let mut texts = message
        .as_str()
        .into_iter()
        .chain(fields.iter().filter_map(in_field));
    let text = texts.next().unwrap_or_default();
    if !text.contains(['<', '&']) {
        return clean(text);
    }
    let html = parse_fragment(text);
    html.map_or_else(|_| String::new(), |html| element_text(html.root_element()))
}

/// Makes one account of the pages, in any order.
pub(crate) fn join_states(
    description: &StateDescription,
    pages: Vec<AccountState>,
    mut account: Account,
    context: &ReadContext<'_>,
) -> Result<Account, Failure> {
    let mut totals = Totals::default();
    let mut user: Option<String> = None;
    let mut cards: Vec<ShownCard> = Vec::new();
    let mut seen_cards = HashSet::new();
    let mut messages = Messages::default();
    let (mut loans, mut holds) = (Vec::new(), Vec::new());
    for page in pages {
        if user.is_some_and(|user| user != page.user) {
            return Err(Failure::page_changed("the pages belong to two accounts"));
        }
        user = Some(page.user);
        totals.add(page.totals)?;
        let new_cards = page.cards.into_iter();
        cards.extend(new_cards.filter(|card| seen_cards.insert(card.clone())));
        messages.extend(page.messages.iter().map(String::as_str));
        loans.extend(page.loans);
        holds.extend(page.holds);
    }
    let whole = loans.iter().find(|page| page.part == ListPart::Whole);
    let all_loans = totals.loans.or_else(|| whole.map(|page| page.count));
    account.card_expires = find_own_card(&cards, context)?.and_then(|card| card.expires);
    account.fines = totals.fines;
    account.messages = messages.into_vec();
    account.declared.loans = all_loans;
    account.declared.holds = totals.holds.as_ref().map(|holds| holds.all);
    if let Some(all) = all_loans {
        let totals = ListTotals::without_states(all);
        account.loans = join_list_pages(loans, Some(&totals), &[])?;
    }
    let states: Vec<&str> = description.holds.states().collect();
    account.holds = join_list_pages(holds, totals.holds.as_ref(), &states)?;
    prepare_to_store(&mut account);
    Ok(account)
}
