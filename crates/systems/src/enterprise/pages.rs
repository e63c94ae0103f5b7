//! Reads one response, without a network.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, Messages, check_declared_count, check_entry_count, element_text, is_cut_short, parse_page,
    prepare_to_store, reject_duplicate_rows,
};
use hippo_core::account::{Account, Hold, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::answer::{self, ScriptAnswer};
use super::visibility::{is_hidden, is_within};
use super::{empty, holds, loans, login};

static EXCEPTION: Css = Css::new("#exceptionblock, #exceptionBlock");
static LOANS_TABLE: Css = Css::new("table.checkoutsList, table[id^=myCheckouts_checkoutslist]");
static HOLDS_TABLE: Css = Css::new("table.holdsList, table[id^=myHolds_holdslist]");
static LOANS_HEADER: Css = Css::new(".checkoutsDueDateHeader, .checkoutsHeader");
static HOLDS_HEADER: Css = Css::new("thead .holdsStatus, .holdsHeader");
static LOAN_LINE: Css = Css::new("tr.checkoutsLine");
static HOLD_LINE: Css = Css::new("tr.pickupHoldsLine, tr.holdsLine");
static TABLE: Css = Css::new("table");
static ROWS: Css = Css::new("tr");
static HEAD: Css = Css::new("thead, tr.checkoutsHeader, tr.holdsHeader");
static DATA_CELL: Css = Css::new("td");
static HEAD_CELL: Css = Css::new("th");
static MESSAGES: Css = Css::new(".accountMessage");
static LOGOUT: Css = Css::new("a[href*=logout]");

/// A response, parsed.
#[derive(Debug)]
pub(super) enum ParsedPage {
    /// The login page, and the failure that its message means, if any.
    Login(Option<Failure>),
    /// The site's own error page.
    Broken,
    /// An account page, or a list for one.
    Account(AccountPage),
    /// An unknown page.
    Unknown,
}

/// The content of one response about an account.
#[derive(Debug, Default)]
pub(crate) struct AccountPage {
    pub(super) loans: Option<Vec<Loan>>,
    pub(super) holds: Option<Vec<Hold>>,
    pub(super) declared_loans: Option<u32>,
    pub(super) messages: Vec<String>,
    /// The target of the page's own logout link.
    pub(super) logout: Option<String>,
}

/// Whether a response that [`parse_page_body`] can't read contains an account's list, so that we are logged in.
pub(super) fn contains_account_list(body: &str) -> bool {
    let Some(answer) = answer::unwrap(body).filter(|answer| !answer.is_redirect) else {
        return false;
    };
    let Ok(page) = parse_page(&answer.html) else {
        return false;
    };
    let root = page.root_element();
    let is_another = EXCEPTION.is_in(root) || is_login_page(root, has_list_addresses(&answer.html));
    !is_another && (LOANS_TABLE.is_in(root) || HOLDS_TABLE.is_in(root))
}

/// Parses one response.
pub(super) fn parse_page_body(
    body: &str,
    context: &ReadContext<'_>,
) -> Result<ParsedPage, Failure> {
    let Some(ScriptAnswer {
        html, is_redirect, ..
    }) = answer::unwrap(body)
    else {
        return Err(Failure::page_changed("truncated or malformed JSON"));
    };
    if is_redirect {
        return Ok(ParsedPage::Login(None));
    }
    let page = parse_page(&html)?;
    let root = page.root_element();
    if EXCEPTION.is_in(root) {
        return Ok(ParsedPage::Broken);
    }
    let is_account_page = has_list_addresses(&html);
    if is_login_page(root, is_account_page) {
        return Ok(ParsedPage::Login(login::classify_form_message(root)));
    }
    let loans_table = require_one_table(&LOANS_TABLE, root, "loans")?;
    let holds_table = require_one_table(&HOLDS_TABLE, root, "holds")?;
    let has_table = loans_table.is_some() || holds_table.is_some();
    if has_table && is_cut_short(&html) {
        return Err(Failure::page_changed("a page that ends within its list"));
    }
    let declared_loans = empty::read_declared_loans(root);
    let mut account_page = AccountPage {
        loans: loans_table
            .map(|table| read_loan_list(table, context))
            .transpose()?,
        holds: holds_table
            .map(|table| read_hold_list(table, context))
            .transpose()?,
        declared_loans,
        messages: collect_messages(root),
        logout: LOGOUT
            .all(root)
            .filter_map(|link| link.attr("href"))
            // The path must be the logout's own; a link that only mentions it may do something else.
            .find(|href| {
                let path = href.split(['?', '#']).next().unwrap_or_default();
                path.contains("logout")
            })
            .map(str::to_owned),
    };
    if !has_table && !empty::has_entry_markers(root) {
        if declared_loans == Some(0) || empty::states_no_loans(root) {
            account_page.loans = Some(Vec::new());
        }
        if empty::states_no_holds(root) {
            account_page.holds = Some(Vec::new());
        }
    }
    if account_page.loans.is_none() && account_page.holds.is_none() && !is_account_page {
        return Ok(ParsedPage::Unknown);
    }
    Ok(ParsedPage::Account(account_page))
}

/// Parses a response to the login that redirects nowhere. Only a login form, or the fragment that a script puts
/// in its place, can be about the number and PIN.
pub(super) fn parse_login_response(answer: &ScriptAnswer) -> Result<ParsedPage, Failure> {
    let page = parse_page(&answer.html)?;
    let root = page.root_element();
    if EXCEPTION.is_in(root) {
        return Ok(ParsedPage::Broken);
    }
    if is_login_page(root, has_list_addresses(&answer.html)) {
        return Ok(ParsedPage::Login(login::classify_form_message(root)));
    }
    let refusal = answer
        .is_fragment
        .then(|| login::classify_fragment(root))
        .flatten();
    Ok(refusal.map_or(ParsedPage::Unknown, |failure| {
        ParsedPage::Login(Some(failure))
    }))
}

/// Whether an account page contains the addresses of its lists.
fn has_list_addresses(html: &str) -> bool {
    let lower = html.to_ascii_lowercase();
    ["librarycheckoutsaccordion", "libraryholdsaccordion"]
        .iter()
        .any(|list| lower.contains(list))
}

/// Whether a page asks for a login. A logged-in patron's page may also have the form, hidden
/// until a dialog shows it.
fn is_login_page(root: ElementRef<'_>, has_list_addresses: bool) -> bool {
    let contains_account_list = || {
        has_list_addresses
            || LOANS_TABLE.is_in(root)
            || HOLDS_TABLE.is_in(root)
            || LOGOUT.all(root).any(|link| !is_hidden(link))
    };
    login::shows_form(root) || (login::has_form(root) && !contains_account_list())
}

/// Joins the responses about one account. What no response states is unknown.
pub(super) fn join_parts(pages: Vec<AccountPage>, account: Account) -> Result<Account, Failure> {
    let mut account = account;
    let mut messages = Messages::default();
    for page in pages {
        if page.loans.is_some() && account.loans.is_some()
            || page.holds.is_some() && account.holds.is_some()
        {
            return Err(Failure::page_changed("the same list twice"));
        }
        account.loans = account.loans.or(page.loans);
        account.holds = account.holds.or(page.holds);
        account.declared.loans = account.declared.loans.or(page.declared_loans);
        messages.extend(page.messages.iter().map(String::as_str));
    }
    account.messages = messages.into_vec();
    if let Some(loans) = &account.loans {
        check_declared_count(account.declared.loans, loans.len(), "loans")?;
    }
    prepare_to_store(&mut account);
    Ok(account)
}

/// Collects the visible messages to the patron.
fn collect_messages(root: ElementRef<'_>) -> Vec<String> {
    let mut messages = Messages::default();
    for message in MESSAGES.all(root).filter(|message| !is_hidden(*message)) {
        messages.add(&element_text(message));
        if messages.is_full() {
            break;
        }
    }
    messages.into_vec()
}

/// Returns the only table of a list; with two, it is unclear which one is the list.
fn require_one_table<'a>(
    css: &'static Css,
    root: ElementRef<'a>,
    what: &str,
) -> Result<Option<ElementRef<'a>>, Failure> {
    // Some sites show the lists of a family's other cards; they don't belong to this card.
    let mut tables = css.all(root).filter(|table| !is_within(*table, &["group"]));
    let table = tables.next();
    if tables.next().is_some() {
        return Err(Failure::page_changed(format!(
            "more than one table of {what}"
        )));
    }
    Ok(table)
}

fn read_loan_list(table: ElementRef<'_>, context: &ReadContext<'_>) -> Result<Vec<Loan>, Failure> {
    let counts_remaining_renewals = loans::counts_remaining_renewals(table);
    find_entries(table, &LOAN_LINE, &LOANS_HEADER, "loans")?
        .into_iter()
        .map(|row| loans::read_loan(row, counts_remaining_renewals, context))
        .collect()
}

fn read_hold_list(table: ElementRef<'_>, context: &ReadContext<'_>) -> Result<Vec<Hold>, Failure> {
    find_entries(table, &HOLD_LINE, &HOLDS_HEADER, "holds")?
        .into_iter()
        .map(|row| holds::read_hold(row, context))
        .collect()
}

/// Returns the rows of a list; none only if the table's header is known.
fn find_entries<'a>(
    table: ElementRef<'a>,
    line: &'static Css,
    header: &'static Css,
    what: &str,
) -> Result<Vec<ElementRef<'a>>, Failure> {
    let mut entries = Vec::new();
    for row in ROWS.all(table) {
        let closest = TABLE.closest_around(row);
        let is_of_this_table = closest.is_some_and(|closest| closest.id() == table.id());
        let has_names_only = !DATA_CELL.is_in(row) && HEAD_CELL.all(row).count() > 2;
        let is_head = HEAD.matches(row)
            || has_names_only
            || row
                .parent()
                .and_then(ElementRef::wrap)
                .is_some_and(|part| HEAD.matches(part));
        if is_head || !is_of_this_table {
            continue;
        }
        // Newer pages have other row classes; a row of one cell is a remark.
        if line.matches(row) || DATA_CELL.all(row).count() > 2 {
            entries.push(row);
            check_entry_count(entries.len(), what)?;
        } else if !element_text(row).is_empty() {
            return Err(Failure::page_changed(format!(
                "unknown words among the {what}"
            )));
        }
    }
    if entries.is_empty() && !header.is_in(table) {
        return Err(Failure::page_changed(format!(
            "a table of {what} without rows and without the known header"
        )));
    }
    reject_duplicate_rows(entries.iter().copied(), what)?;
    Ok(entries)
}
