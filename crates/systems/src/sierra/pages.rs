//! Reads one page, without a network.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, Messages, amount, amount_after_label, check_declared_count, check_entry_count, currency,
    element_text, first_number, is_cut_short, make_distinct, parse_page, split_date_or_never,
    truncate_stored_texts,
};
use hippo_core::account::{Account, Declared, Hold, Loan};
use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use scraper::ElementRef;

use super::login::{Login, contains_any};
use super::table::{Kind, Remark, Table, tables};
use super::{holds, loans, login};

static PATRON: Css = Css::new(".patNameAddress");
static MESSAGES: Css = Css::new(".patMessage");
static LINKS: Css = Css::new("a[href]");
static ADDRESSES: Css = Css::new("a[href], form[action]");
static AREA: Css = Css::new(".patFuncArea, form#checkout_form, form#hold_form");

/// Phrases that state an empty list.
pub(super) const NO_LOANS: [&str; 3] = [
    "no items checked out",
    "no items currently checked out",
    "not have any items checked out",
];
pub(super) const NO_HOLDS: [&str; 4] = [
    "no holds",
    "no requests",
    "not have any holds",
    "not have any requests",
];

/// Labels of the card's expiry, as libraries print the field of the patron's record.
pub(super) const EXPIRY: [&str; 5] = [
    "exp date",
    "expiration date",
    "expiry date",
    "expires",
    "有效日期",
];
/// The label of the patron's fines.
pub(super) const OWED: &str = "money owed";

/// The kind of a page.
#[derive(Debug)]
pub(super) enum PageKind {
    /// A login page.
    Login(Login),
    /// An account page.
    Account(Part),
}

/// The content of an account page.
#[derive(Debug)]
pub(crate) struct Part {
    /// The numbers of the patron records in its links.
    pub(super) records: BTreeSet<String>,
    pub(super) summary: Option<Summary>,
    pub(super) loans: Option<List<Loan>>,
    pub(super) holds: Option<List<Hold>>,
    /// Whether the page is complete.
    pub(super) is_whole: bool,
}

/// The patron's own box: totals, links to the lists with entries, expiry.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) links_to_loans: bool,
    pub(super) links_to_holds: bool,
    pub(super) declared: Declared,
    card_expires: Option<NaiveDate>,
    fines: Option<Decimal>,
    currency: Option<&'static str>,
    messages: Vec<String>,
}

/// A list and the total in its title row.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) entries: Vec<T>,
    declared: Option<u32>,
}

/// Reads one page; `page_changed` if it is unknown.
pub(super) fn classify_page(body: &str, context: &ReadContext<'_>) -> Result<PageKind, Failure> {
    let page = parse_page(body)?;
    let root = page.root_element();
    let patron = PATRON.first(root);
    let tables = tables(&page)?;
    let is_list = !tables.is_empty();
    if let Some(login) = login::login(root, is_list || patron.is_some())? {
        return Ok(PageKind::Login(login));
    }
    let mut part = Part {
        records: records(root),
        summary: patron
            .map(|patron| summary(patron, root, context))
            .transpose()?,
        loans: None,
        holds: None,
        is_whole: body.to_ascii_lowercase().contains("</html>"),
    };
    if is_list && is_cut_short(body) {
        return Err(Failure::page_changed("a page that ends within its list"));
    }
    for table in tables {
        match table.kind {
            Kind::Loans => set_once(
                &mut part.loans,
                list(table, &NO_LOANS, context, |row| loans::loan(row, context))?,
            )?,
            Kind::Holds => set_once(
                &mut part.holds,
                list(table, &NO_HOLDS, context, |row| holds::hold(row, context))?,
            )?,
        }
    }
    if !is_list && part.summary.is_some() {
        let words: String = AREA
            .all(root)
            .map(element_text)
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        part.loans = contains_any(&words, &NO_LOANS).then(List::none);
        part.holds = contains_any(&words, &NO_HOLDS).then(List::none);
    }
    if part.summary.is_none() && part.loans.is_none() && part.holds.is_none() {
        return Err(Failure::page_changed(
            "neither the patron's summary nor a list of loans or holds",
        ));
    }
    Ok(PageKind::Account(part))
}

/// Whether a page that [`classify_page`] can't read is an account page, so that we are logged in.
pub(super) fn is_account_page(body: &str) -> bool {
    let Ok(page) = parse_page(body) else {
        return false;
    };
    let root = page.root_element();
    let has_account = PATRON.is_in(root) || tables(&page).is_ok_and(|tables| !tables.is_empty());
    has_account && matches!(login::login(root, true), Ok(None))
}

/// Joins the parts of one account; what no part states is unknown.
pub(super) fn join_parts(parts: Vec<Part>, account: Account) -> Result<Account, Failure> {
    let mut account = account;
    let mut records = BTreeSet::new();
    let mut messages = Messages::default();
    let mut loans: Option<List<Loan>> = None;
    let mut holds: Option<List<Hold>> = None;
    for part in parts {
        records.extend(part.records);
        if let Some(list) = part.loans {
            set_once(&mut loans, list)?;
        }
        if let Some(list) = part.holds {
            set_once(&mut holds, list)?;
        }
        let Some(summary) = part.summary else {
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
    if let Some(mut list) = loans {
        check_declared_count(account.declared.loans, list.entries.len(), "loans")?;
        account.declared.loans = account.declared.loans.or(list.declared);
        make_distinct(list.entries.iter_mut().map(|loan| &mut loan.id));
        account.loans = Some(list.entries);
    }
    if let Some(mut list) = holds {
        check_declared_count(account.declared.holds, list.entries.len(), "holds")?;
        account.declared.holds = account.declared.holds.or(list.declared);
        make_distinct(list.entries.iter_mut().map(|hold| &mut hold.id));
        account.holds = Some(list.entries);
    }
    truncate_stored_texts(&mut account);
    Ok(account)
}

/// Collects the library's messages.
fn messages(root: ElementRef<'_>) -> Vec<String> {
    let mut messages = Messages::default();
    for message in MESSAGES.all(root) {
        messages.add(&element_text(message));
        if messages.is_full() {
            break;
        }
    }
    messages.into_vec()
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

fn list<T>(
    table: Table<'_>,
    words_for_none: &[&str],
    context: &ReadContext<'_>,
    read: impl Fn(&super::table::Row<'_>) -> Result<T, Failure>,
) -> Result<List<T>, Failure> {
    let what = match table.kind {
        Kind::Loans => "loans",
        Kind::Holds => "holds",
    };
    check_entry_count(table.rows.len(), what)?;
    check_entry_count(table.remarks.len(), "rows without a title")?;
    let entries = table.rows.iter().map(read).collect::<Result<Vec<T>, _>>()?;
    check_declared_count(table.declared, entries.len(), what)?;
    let is_known = |remark: &Remark| contains_any(&remark.words.to_lowercase(), words_for_none);
    // The matching total shows that the remarks are no entries, unless one looks like an entry.
    let is_harmless = |remark: &Remark| {
        let has_date = !matches!(split_date_or_never(&remark.words, context.date_format), Ok(None));
        table.declared.is_some() && !remark.is_entry && !remark.states_none && !has_date
    };
    for remark in &table.remarks {
        if entries.is_empty() && !(remark.states_none || is_known(remark)) {
            return Err(Failure::page_changed(format!(
                "no {what}, but unknown words in their place"
            )));
        }
        if !entries.is_empty() && !is_harmless(remark) {
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

fn summary(
    patron: ElementRef<'_>,
    root: ElementRef<'_>,
    context: &ReadContext<'_>,
) -> Result<Summary, Failure> {
    let mut summary = Summary {
        links_to_loans: false,
        links_to_holds: false,
        declared: Declared::default(),
        card_expires: None,
        fines: None,
        currency: None,
        messages: messages(root),
    };
    let words = element_text(patron);
    // Take as many words as a date has; others follow.
    let length = context
        .date_format
        .map_or(1, |format| format.split_whitespace().count());
    for after in EXPIRY.iter().filter_map(|label| after_label(&words, label)) {
        let date: Vec<&str> = after.split_whitespace().take(length).collect();
        if let Some((day, _)) = split_date_or_never(&date.join(" "), context.date_format)? {
            summary.card_expires = day.date();
            break;
        }
    }
    for link in LINKS.all(root) {
        let Some((_, page)) = link.attr("href").and_then(split_account_path) else {
            continue;
        };
        let words = element_text(link);
        match page {
            "items" => {
                summary.links_to_loans = true;
                summary.declared.loans = summary.declared.loans.or(first_number(&words));
            }
            "holds" => {
                summary.links_to_holds = true;
                summary.declared.holds = summary.declared.holds.or(first_number(&words));
            }
            "overdues" if summary.fines.is_none() => {
                summary.fines = amount(&words);
                summary.currency = currency(&words);
            }
            _ => {}
        }
    }
    // A patron who owes nothing has no link; some libraries print the record's amount.
    if summary.fines.is_none()
        && let Some(after) = after_label(&words, OWED)
    {
        summary.fines = amount_after_label(after);
        summary.currency = summary.fines.and_then(|_| currency(after));
    }
    Ok(summary)
}

/// Returns the text after a label of the patron's record, `EXP DATE:`, in any case; the label must begin a word.
fn after_label<'a>(words: &'a str, label: &str) -> Option<&'a str> {
    // ASCII case folding keeps the positions.
    let lower = words.to_ascii_lowercase();
    let (at, _) = lower.match_indices(label).find(|(at, _)| {
        !lower
            .get(..*at)
            .is_some_and(|before| before.ends_with(char::is_alphanumeric))
    })?;
    let after = words.get(at + label.len()..)?;
    Some(after.trim_start_matches([':', '：', '.', ' ']))
}

/// Collects the patron records in the links and forms of a page.
fn records(root: ElementRef<'_>) -> BTreeSet<String> {
    ADDRESSES
        .all(root)
        .filter_map(|element| element.attr("href").or_else(|| element.attr("action")))
        .filter_map(split_account_path)
        .map(|(record, _)| record.to_owned())
        .collect()
}

/// Returns the record and the page name of `/patroninfo~S3/1307788/items`.
pub(super) fn split_account_path(address: &str) -> Option<(&str, &str)> {
    let (_, after) = address.split_once("/patroninfo")?;
    let (_scope, path) = after.split_once('/')?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let (record, page) = path.split_once('/').unwrap_or((path, ""));
    let is_record = record.len() >= 2 && record.bytes().all(|byte| byte.is_ascii_digit());
    is_record.then_some((record, page.trim_end_matches('/')))
}
