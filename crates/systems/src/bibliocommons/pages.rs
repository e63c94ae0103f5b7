//! Reads one page, without a network and without the other pages.

use std::collections::HashSet;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    DateOrNever, Messages, check_entry_count, decode_entities, join_title, parse_iso_date_or_never,
    site_id, starts_with_never, tidy,
};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;
use hippo_core::text::clean;
use serde_json::Value;
use url::Url;

use super::addresses::address;
use super::login::{self, LoginPage};
use super::state::{self, AccountEntry, Bib, Entities, HoldEntry, List, LoanEntry, State};
use super::totals::Totals;
use super::values::{FormatNames, Text};

/// The number of bytes of a text that are read: more than is stored, in any script.
const MAX_TEXT_BYTES: usize = 8_192;

/// The number of a record's authors that are searched for one with a name.
const MAX_AUTHORS: usize = 16;

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
    /// The user's cards, the user's own first.
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

/// One page of a list.
#[derive(Debug)]
pub(super) struct ListPage<T> {
    pub(super) scope: Scope,
    /// The number of entries on all pages of the list.
    pub(super) count: u32,
    /// The page's number, from 1.
    pub(super) page: u32,
    /// The number of pages of the list.
    pub(super) pages: u32,
    /// The entries, each with the site's name for its state.
    pub(super) rows: Vec<(String, T)>,
}

/// The entries that a list covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// All loans, or all holds.
    All,
    /// The entries in one state.
    State(String),
    /// The page doesn't state it.
    Unknown,
}

/// Whether a page that [`parse_page_body`] can't read names a logged-in user.
pub(super) fn names_user(body: &str) -> bool {
    state::parse_state(body)
        .ok()
        .and_then(|state| state.auth)
        .is_some_and(|auth| matches!(auth.current_user_id, Some(Some(_))))
}

/// Parses one page.
pub(super) fn parse_page_body(
    body: &str,
    context: &ReadContext<'_>,
) -> Result<ParsedPage, Failure> {
    let state = match state::parse_state(body) {
        Ok(state) => state,
        Err(reason) => {
            return login::classify_login_page(body, None)
                .map(ParsedPage::Login)
                .ok_or_else(|| {
                    login::find_setup_failure(body)
                        .unwrap_or_else(|| Failure::page_changed(reason.to_string()))
                });
        }
    };
    let auth = state
        .auth
        .as_ref()
        .ok_or_else(|| Failure::page_changed("the page's state has no auth"))?;
    match &auth.current_user_id {
        None => Err(Failure::page_changed(
            "the page's state has no auth.currentUserId",
        )),
        Some(None) => Ok(login::classify_login_page(body, Some(&auth.login_error))
            .map_or(ParsedPage::Anonymous, ParsedPage::Login)),
        Some(Some(user)) => {
            read_account_page(&state, user, context).map(|page| ParsedPage::Account(Box::new(page)))
        }
    }
}

fn read_account_page(
    state: &State<'_>,
    user: &Text<'_>,
    context: &ReadContext<'_>,
) -> Result<AccountPage, Failure> {
    let borrowing = state
        .borrowing
        .as_ref()
        .ok_or_else(|| Failure::page_changed("the page's state has no borrowing"))?;
    let entities = state
        .entities
        .as_ref()
        .ok_or_else(|| Failure::page_changed("the page's state has no entities"))?;
    let path = state
        .app
        .as_ref()
        .and_then(|app| app.current_url.as_ref())
        .map(Text::as_str);
    let reader = Reader {
        entities,
        formats: state
            .localization
            .as_ref()
            .and_then(|localization| localization.messages.as_ref()),
        context,
    };
    let totals = Totals::from_borrowing(borrowing)?;
    let loans = match &borrowing.checkedout {
        Some(list) => read_list_page(list, "loans", scope_of_path(path, "checkedout"), |id| {
            reader.read_loan(id)
        })?,
        None => None,
    };
    let holds = match &borrowing.holds {
        Some(list) => read_list_page(list, "holds", scope_of_path(path, "holds"), |id| {
            reader.read_hold(id)
        })?,
        None => None,
    };
    if loans.is_none() && holds.is_none() {
        let has_error =
            |list: &Option<List<'_>>| list.as_ref().is_some_and(|list| list.hold_error.is_some());
        if state
            .errors
            .as_ref()
            .is_some_and(|errors| errors.library_error.is_some())
            || has_error(&borrowing.holds)
        {
            return Err(Failure::site_down(
                "the site reports a failure of the library's system",
            ));
        }
        if totals == Totals::default() {
            return Err(Failure::page_changed(
                "the page has neither a list nor totals",
            ));
        }
    }
    Ok(AccountPage {
        user: user.as_str().to_owned(),
        cards: reader.collect_cards(
            user,
            state
                .library
                .as_ref()
                .and_then(|library| library.id.as_ref()),
        )?,
        totals,
        loans,
        holds,
        messages: collect_messages(entities),
    })
}

/// Returns the scope of a list from its path: `/v2/holds/in_transit?page=2` lists the holds in transit.
fn scope_of_path(path: Option<&str>, list: &str) -> Scope {
    let Some(path) = path else {
        return Scope::Unknown;
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts = path.split('/').skip_while(|part| *part != list).skip(1);
    match parts.next() {
        Some(state) if !state.is_empty() => Scope::State(state.to_ascii_uppercase()),
        _ if path.split('/').any(|part| part == list) => Scope::All,
        _ => Scope::Unknown,
    }
}

/// Reads one page of a list; `None` if the list is not on this page.
fn read_list_page<T>(
    list: &List<'_>,
    what: &str,
    scope: Scope,
    read_entry: impl Fn(&str) -> Result<(String, T), Failure>,
) -> Result<Option<ListPage<T>>, Failure> {
    let items = list.items.as_deref();
    let Some(pagination) = list.pagination.filter(|pages| pages.count.is_some()) else {
        return if items.is_none_or(<[_]>::is_empty) {
            Ok(None)
        } else {
            Err(Failure::page_changed(format!("{what} without pagination")))
        };
    };
    let (Some(items), Some(count), Some(page), Some(limit)) =
        (items, pagination.count, pagination.page, pagination.limit)
    else {
        return Err(Failure::page_changed(format!(
            "unknown pagination of the {what}"
        )));
    };
    let unique: HashSet<&str> = items.iter().map(Text::as_str).collect();
    let before = page.saturating_sub(1).saturating_mul(limit);
    let expected = count.saturating_sub(before).min(limit);
    if page == 0 || limit == 0 || usize::try_from(expected) != Ok(unique.len()) {
        return Err(Failure::page_changed(format!(
            "page {page} of {count} {what}, {limit} a page, has {} of them",
            unique.len()
        )));
    }
    check_entry_count(items.len(), what)?;
    if unique.len() != items.len() {
        return Err(Failure::page_changed(format!(
            "two {what} have the same id"
        )));
    }
    let rows: Result<Vec<_>, Failure> = items.iter().map(|id| read_entry(id.as_str())).collect();
    Ok(Some(ListPage {
        scope,
        count,
        page,
        pages: pagination.pages.unwrap_or_else(|| count.div_ceil(limit)),
        rows: rows?,
    }))
}

/// Reads the entries of a page as loans and holds.
struct Reader<'a> {
    entities: &'a Entities<'a>,
    formats: Option<&'a FormatNames<'a>>,
    context: &'a ReadContext<'a>,
}

impl Reader<'_> {
    fn read_loan(&self, id: &str) -> Result<(String, Loan), Failure> {
        let entry: &LoanEntry<'_> = self
            .entities
            .checkouts
            .get(id)
            .ok_or_else(|| Failure::page_changed("a loan without its entry"))?;
        let due = self
            .date_or_never(entry.due_date.as_ref(), "dueDate")?
            .ok_or_else(|| Failure::page_changed("a loan without dueDate"))?
            .date();
        let status = text(entry.status.as_ref()).unwrap_or_default();
        let digital = is_digital(entry.material_type.as_ref(), "loan")?;
        let bib = self.bib(entry.metadata_id.as_ref());
        let is_usual = matches!(status.as_str(), "" | "OUT" | "COMING_DUE" | "OVERDUE");
        // A digital item's volume is its edition: “Unabridged”.
        let volume = text(entry.volume.as_ref()).filter(|_| !digital);
        let notes: Vec<String> = (!is_usual)
            .then(|| readable(&status))
            .into_iter()
            .chain(volume)
            .collect();
        let loan = Loan {
            id: site_id(id),
            title: read_title(bib, entry.bib_title.as_ref())
                .ok_or_else(|| Failure::page_changed("a loan without a title"))?,
            author: read_author(bib),
            due,
            renewals: entry
                .times_renewed
                .and_then(|times| u32::try_from(times).ok()),
            renewable: entry
                .actions
                .as_ref()
                .map(|actions| actions.iter().any(|action| action.as_str() == "renew")),
            renewable_reason: None,
            digital,
            format: self.format(bib),
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            url: self.url(entry.metadata_id.as_ref()),
        };
        Ok((status, loan))
    }

    fn read_hold(&self, id: &str) -> Result<(String, Hold), Failure> {
        let entry: &HoldEntry<'_> = self
            .entities
            .holds
            .get(id)
            .ok_or_else(|| Failure::page_changed("a hold without its entry"))?;
        let status = text(entry.status.as_ref())
            .ok_or_else(|| Failure::page_changed("a hold without status"))?;
        let state = match status.as_str() {
            "READY_FOR_PICKUP" => HoldState::Ready,
            "IN_TRANSIT" => HoldState::InTransit,
            "NOT_YET_AVAILABLE" => HoldState::Waiting,
            "SUSPENDED" => HoldState::Suspended,
            _ => HoldState::Other,
        };
        let bib = self.bib(entry.metadata_id.as_ref());
        let position = entry
            .holds_position
            .and_then(|position| u32::try_from(position).ok())
            .filter(|position| *position > 0);
        let queue_length = bib
            .and_then(|bib| bib.availability.as_ref()?.held_copies)
            .and_then(|count| u32::try_from(count).ok())
            .filter(|count| *count >= position.unwrap_or(1));
        let branch = entry.pickup_location.as_ref();
        let hold = Hold {
            id: site_id(id),
            title: read_title(bib, entry.bib_title.as_ref())
                .ok_or_else(|| Failure::page_changed("a hold without a title"))?,
            author: read_author(bib),
            state,
            position,
            queue_length,
            pickup_by: self.date(entry.pickup_by_date.as_ref(), "pickupByDate")?,
            suspended_until: self.date(entry.suspend_end_date.as_ref(), "suspendEndDate")?,
            expires: self.date(entry.expiry_date.as_ref(), "expiryDate")?,
            pickup_branch: branch.and_then(|branch| text(branch.name.as_ref())),
            digital: is_digital(entry.material_type.as_ref(), "hold")?,
            note: (state == HoldState::Other).then(|| readable(&status)),
            url: self.url(entry.metadata_id.as_ref()),
        };
        Ok((status, hold))
    }

    /// Collects the user's cards at this library, or all cards if the page marks none as the user's own.
    fn collect_cards(
        &self,
        user: &Text<'_>,
        library: Option<&Text<'_>>,
    ) -> Result<Vec<ShownCard>, Failure> {
        let accounts = &self.entities.accounts;
        let user = self.entities.users.get(user.as_str());
        let mut entries: Vec<_> = user
            .and_then(|user| user.accounts.as_deref())
            .unwrap_or_default()
            .iter()
            .filter_map(|id| accounts.get(id.as_str()))
            .collect();
        if entries.is_empty() {
            entries = accounts.values().collect();
        }
        let is_of_library =
            |entry: &&AccountEntry<'_>| library.is_some() && entry.lib_id.as_ref() == library;
        if entries.iter().any(is_of_library) {
            entries.retain(is_of_library);
        }
        entries
            .into_iter()
            .map(|entry| {
                Ok(ShownCard {
                    barcode: text(entry.barcode.as_ref()),
                    expires: self.date(entry.expiry_date.as_ref(), "expiryDate")?,
                })
            })
            .collect()
    }

    fn bib(&self, id: Option<&Text<'_>>) -> Option<&Bib<'_>> {
        self.entities.bibs.get(id?.as_str())
    }

    /// Returns the site's name for the kind of item, or its code if the page doesn't name it.
    fn format(&self, bib: Option<&Bib<'_>>) -> Option<String> {
        let code = text(bib?.brief_info.as_ref()?.format.as_ref())?;
        let name = self.formats.and_then(|formats| formats.name_of(&code));
        Some(name.map_or(code, plain))
    }

    fn date(&self, date: Option<&Text<'_>>, field: &str) -> Result<Option<NaiveDate>, Failure> {
        Ok(self.date_or_never(date, field)?.and_then(DateOrNever::date))
    }

    fn date_or_never(
        &self,
        date: Option<&Text<'_>>,
        field: &str,
    ) -> Result<Option<DateOrNever>, Failure> {
        match date.map(Text::as_str).filter(|date| !date.is_empty()) {
            Some(date) if starts_with_never(date) => Ok(Some(DateOrNever::Never)),
            Some(date) => parse_iso_date_or_never(date, self.context.timezone)
                .map(Some)
                .ok_or_else(|| Failure::page_changed(format!("{field} is not a date"))),
            None => Ok(None),
        }
    }

    fn url(&self, id: Option<&Text<'_>>) -> Option<String> {
        let id = id?.as_str();
        let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain
            .then(|| address(self.context.base_url, &format!("/v2/record/{id}")))
            .flatten()
            .map(|url: Url| url.to_string())
    }
}

/// Whether it is returned automatically; an unknown kind counts as a physical item.
fn is_digital(kind: Option<&Text<'_>>, what: &str) -> Result<bool, Failure> {
    kind.map(|kind| kind.as_str() == "DIGITAL")
        .ok_or_else(|| Failure::page_changed(format!("a {what} without materialType")))
}

/// Joins `Title: Subtitle` from the catalogue; without a record, the entry's own title.
fn read_title(bib: Option<&Bib<'_>>, own: Option<&Text<'_>>) -> Option<String> {
    let decoded = |text: Option<&Text<'_>>| {
        text.map(|text| decode_entities(bounded(text.as_str())).into_owned())
            .unwrap_or_default()
    };
    let info = bib.and_then(|bib| bib.brief_info.as_ref());
    let title = decoded(info.and_then(|info| info.title.as_ref()));
    if title.trim().is_empty() {
        return Some(tidy(&decoded(own))).filter(|title| !title.is_empty());
    }
    let subtitle = decoded(info.and_then(|info| info.subtitle.as_ref()));
    Some(join_title(&title, &subtitle)).filter(|title| !title.is_empty())
}

/// Returns the first author: the site names the others only on the item's page.
fn read_author(bib: Option<&Bib<'_>>) -> Option<String> {
    let authors = bib?.brief_info.as_ref()?.authors.as_ref()?;
    authors
        .iter()
        .take(MAX_AUTHORS)
        .map(|author| tidy(&decode_entities(bounded(author.as_str()))))
        .find(|author| !author.is_empty())
}

/// Cleans a text of the site; `None` if it is empty.
fn text(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| plain(text.as_str()))
        .filter(|text| !text.is_empty())
}

fn plain(text: &str) -> String {
    clean(&decode_entities(bounded(text)))
}

/// Truncates a text: many entries may share one record, whose long texts would be read for each.
fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or_default()
}

/// Makes a status readable: `CLAIMED_RETURNED` becomes “Claimed returned”.
fn readable(status: &str) -> String {
    let words = status.replace('_', " ").to_lowercase();
    let mut characters = words.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

/// Collects the library's messages to this patron, each once.
fn collect_messages(entities: &Entities<'_>) -> Vec<String> {
    let mut found = Messages::default();
    for place in [&entities.messages, &entities.system_messages] {
        let entries: Vec<&Value> = match place {
            Value::Object(entries) => entries.values().collect(),
            Value::Array(entries) => entries.iter().collect(),
            _ => Vec::new(),
        };
        for entry in entries {
            let message = entry.as_str().or_else(|| {
                ["message", "text", "content", "body"]
                    .iter()
                    .find_map(|field| entry.get(field)?.as_str())
            });
            let message = message.map(login::text_of_html).unwrap_or_default();
            found.add(&message);
            if found.is_full() {
                break;
            }
        }
    }
    found.into_vec()
}
