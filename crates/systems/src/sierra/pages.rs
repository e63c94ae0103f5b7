//! Reads one page, without a network.

use std::collections::BTreeSet;

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, Messages, check_declared_count, check_entry_count, element_text, is_cut_short, parse_page,
    prepare_to_store, split_date_or_never,
};
use hippo_core::account::{Account, Hold, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::addresses::split_account_path;
use super::login::{Login, contains_any};
use super::summary::{Summary, has_summary, read_summary};
use super::table::{Kind, NO_HOLDS, NO_LOANS, Remark, Table, read_tables};
use super::{holds, loans, login};

static ADDRESSES: Css = Css::new("a[href], form[action]");
static AREA: Css = Css::new(".patFuncArea, form#checkout_form, form#hold_form");

/// A page, parsed.
#[derive(Debug)]
pub(super) enum ParsedPage {
    /// A login page.
    Login(Login),
    /// An account page.
    Account(AccountPage),
}

/// The content of an account page. A page may hold the summary, a list, or both.
#[derive(Debug)]
pub(crate) struct AccountPage {
    /// The numbers of the patron records in its links.
    pub(super) records: BTreeSet<String>,
    pub(super) summary: Option<Summary>,
    pub(super) loans: Option<List<Loan>>,
    pub(super) holds: Option<List<Hold>>,
    /// Whether the page is complete.
    pub(super) is_whole: bool,
}

/// A list and the total in its title row.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) entries: Vec<T>,
    declared: Option<u32>,
}

/// Parses one page. Fails with `page_changed` if it's unknown.
pub(super) fn parse_page_body(
    body: &str,
    context: &ReadContext<'_>,
) -> Result<ParsedPage, Failure> {
    let page = parse_page(body)?;
    let root = page.root_element();
    let tables = read_tables(&page)?;
    let is_list = !tables.is_empty();
    if let Some(login) = login::login(root, is_list || has_summary(root, body))? {
        return Ok(ParsedPage::Login(login));
    }
    let mut account_page = AccountPage {
        records: collect_patron_records(root),
        summary: read_summary(root, body, context)?,
        loans: None,
        holds: None,
        is_whole: is_whole(body),
    };
    if is_list && is_cut_short(body) {
        return Err(Failure::page_changed("a page that ends within its list"));
    }
    for table in tables {
        match table.kind {
            Kind::Loans => set_once(
                &mut account_page.loans,
                read_list(table, &NO_LOANS, context, |row| {
                    loans::read_loan(row, context)
                })?,
            )?,
            Kind::Holds => set_once(
                &mut account_page.holds,
                read_list(table, &NO_HOLDS, context, |row| {
                    holds::read_hold(row, context)
                })?,
            )?,
        }
    }
    if !is_list && account_page.summary.is_some() {
        let words: String = AREA
            .all(root)
            .map(element_text)
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        account_page.loans = contains_any(&words, &NO_LOANS).then(List::none);
        account_page.holds = contains_any(&words, &NO_HOLDS).then(List::none);
    }
    if account_page.summary.is_none()
        && account_page.loans.is_none()
        && account_page.holds.is_none()
    {
        return Err(Failure::page_changed(
            "neither the patron's summary nor a list of loans or holds",
        ));
    }
    Ok(ParsedPage::Account(account_page))
}

/// Whether a page is complete: it has its end tag, or ends with the comment that names its template.
fn is_whole(body: &str) -> bool {
    let lower = body.to_ascii_lowercase();
    let last_comment = lower.trim_end().strip_suffix("-->");
    let last_comment = last_comment.and_then(|before| before.rsplit_once("<!--"));
    lower.contains("</html>")
        || last_comment.is_some_and(|(_, comment)| comment.contains("<screens/patronview"))
}

/// Whether a page that [`parse_page_body`] can't read is an account page, so that we are logged in.
pub(super) fn is_account_page(body: &str) -> bool {
    let Ok(page) = parse_page(body) else {
        return false;
    };
    let root = page.root_element();
    let has_account =
        has_summary(root, body) || read_tables(&page).is_ok_and(|tables| !tables.is_empty());
    has_account && matches!(login::login(root, true), Ok(None))
}

/// Joins the pages of one account. What no page states is unknown.
pub(super) fn join_parts(pages: Vec<AccountPage>, account: Account) -> Result<Account, Failure> {
    let mut account = account;
    let mut records = BTreeSet::new();
    let mut messages = Messages::default();
    let mut loans: Option<List<Loan>> = None;
    let mut holds: Option<List<Hold>> = None;
    for page in pages {
        records.extend(page.records);
        if let Some(list) = page.loans {
            set_once(&mut loans, list)?;
        }
        if let Some(list) = page.holds {
            set_once(&mut holds, list)?;
        }
        let Some(summary) = page.summary else {
            continue;
        };
        // Every account page shows the summary; the first value counts.
        account.declared.loans = account.declared.loans.or(summary.declared.loans);
        account.declared.holds = account.declared.holds.or(summary.declared.holds);
        account.card_expires = account.card_expires.or(summary.card_expires);
        if account.fines.is_none() {
            account.fines = summary.fines;
            account.currency = summary.currency.map(str::to_owned);
        }
        messages.extend(summary.messages.iter().map(String::as_str));
    }
    account.messages = messages.into_vec();
    if records.len() > 1 {
        return Err(Failure::page_changed("pages of more than one patron"));
    }
    if let Some(list) = loans {
        check_declared_count(account.declared.loans, list.entries.len(), "loans")?;
        account.declared.loans = account.declared.loans.or(list.declared);
        account.loans = Some(list.entries);
    }
    if let Some(list) = holds {
        check_declared_count(account.declared.holds, list.entries.len(), "holds")?;
        account.declared.holds = account.declared.holds.or(list.declared);
        account.holds = Some(list.entries);
    }
    prepare_to_store(&mut account);
    Ok(account)
}

impl<T> List<T> {
    pub(super) fn none() -> Self {
        Self {
            entries: Vec::new(),
            declared: None,
        }
    }
}

/// Sets a list; fails if it is already set.
fn set_once<T>(slot: &mut Option<List<T>>, list: List<T>) -> Result<(), Failure> {
    if slot.replace(list).is_some() {
        return Err(Failure::page_changed("the same list twice"));
    }
    Ok(())
}

/// Reads a list, whose remarks must fit its entries.
fn read_list<T>(
    table: Table<'_>,
    phrases_for_empty: &[&str],
    context: &ReadContext<'_>,
    read_entry: impl Fn(&super::table::Row<'_>) -> Result<T, Failure>,
) -> Result<List<T>, Failure> {
    let what = match table.kind {
        Kind::Loans => "loans",
        Kind::Holds => "holds",
    };
    check_entry_count(table.rows.len(), what)?;
    check_entry_count(table.remarks.len(), "rows without a title")?;
    let entries = table
        .rows
        .iter()
        .map(read_entry)
        .collect::<Result<Vec<T>, _>>()?;
    check_declared_count(table.declared, entries.len(), what)?;
    let states_empty = |remark: &Remark| {
        remark.states_none || contains_any(&remark.words.to_lowercase(), phrases_for_empty)
    };
    // The matching total shows that the remarks are no entries, unless one looks like an entry.
    let is_not_an_entry = |remark: &Remark| {
        let has_date = !matches!(
            split_date_or_never(&remark.words, context.date_format),
            Ok(None)
        );
        table.declared.is_some() && !remark.is_entry && !remark.states_none && !has_date
    };
    for remark in &table.remarks {
        if entries.is_empty() && !states_empty(remark) {
            return Err(Failure::page_changed(format!(
                "no {what}, but unknown words in their place"
            )));
        }
        if !entries.is_empty() && !is_not_an_entry(remark) {
            return Err(Failure::page_changed(format!(
                "a row without a title among the {what}"
            )));
        }
    }
    Ok(List {
        entries,
        declared: table.declared,
    })
}

/// Collects the patron records in the links and forms of a page.
fn collect_patron_records(root: ElementRef<'_>) -> BTreeSet<String> {
    ADDRESSES
        .all(root)
        .filter_map(|element| element.attr("href").or_else(|| element.attr("action")))
        .filter_map(split_account_path)
        .map(|(record, _)| record.to_owned())
        .collect()
}
