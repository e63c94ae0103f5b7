//! From a page to what it says; no network.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hippo_core::account::{Account, Hold, Loan};
use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use scraper::ElementRef;

use super::dates::Dates;
use super::login::{self, Login};
use super::marks::{Marks, Page};
use super::messages;
use super::table::{Row, Table, record};
use super::tabs::{Tab, Tabs};
use super::{fines, holds, loans};
use crate::ReadContext;
use crate::reading::{Css, make_distinct, must_agree, parse_page};

static PATRON: Css = Css::new(".loggedinusername");
static LINKS: Css = Css::new("a[href]");
/// What only a loan has, wherever it stands.
static SIGN_OF_LOANS: Css = Css::new(
    "#checkoutst, td.date_due, #renewselected, #renewall, input[name=item], input[name=issue]",
);
/// What only a hold has, wherever it stands.
static SIGN_OF_HOLDS: Css = Css::new(
    "#opac-user-holds, #opac-user-holds_panel, #holdst, td.reservedate, input[name=reserve_id], \
     #suspend_all_holds, #resume_all_holds, form[action*='opac-modrequest']",
);

/// What one page says.
#[derive(Debug)]
pub(super) enum Says {
    /// It is a login page.
    Login(Login),
    /// It is a page of an account.
    Account(Part),
}

/// Who a page that we cannot read was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// For a patron, and it is the account.
    Account,
    /// For a patron; it is another page of the catalogue.
    Elsewhere,
    /// For nobody.
    Nobody,
}

/// What one page says about an account.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// The numbers of the patrons' records that it names.
    patrons: BTreeSet<String>,
    /// It is the summary with the lists, not the page of charges.
    pub(super) is_summary: bool,
    loans: Option<List<Loan>>,
    holds: Option<List<Hold>>,
    fines: Option<Decimal>,
    card_expires: Option<NaiveDate>,
    messages: Vec<String>,
}

/// A list and the site's own total, which agrees with it.
#[derive(Debug)]
struct List<T> {
    entries: Vec<T>,
    declared: Option<u32>,
}

/// Reads one page; `page_changed` when it is not one we know. `standing` is what stood beside the
/// login form before a login was sent, as [`login::standing`] says it.
pub(super) fn says(
    body: &str,
    standing: &[String],
    context: &ReadContext<'_>,
) -> Result<Says, Failure> {
    let page = parse_page(body)?;
    let root = page.root_element();
    let seen = Page::of(root);
    let must_be_one = |patrons: &BTreeSet<String>| {
        if patrons.len() > 1 {
            return Err(Failure::page_changed("a page that names two patrons"));
        }
        Ok(())
    };
    // Every page holds a login form that hides, so the account is looked for first.
    if let Some(details) = seen.details {
        let part = summary(details, body, context)?;
        must_be_one(&seen.patrons)?;
        return Ok(Says::Account(Part {
            patrons: seen.patrons,
            ..part
        }));
    }
    if seen.has_charges {
        must_be_one(&seen.patrons)?;
        return Ok(Says::Account(Part {
            patrons: seen.patrons,
            fines: fines::of_charges(root),
            ..Part::default()
        }));
    }
    login::login(root, standing)?
        .map(Says::Login)
        .ok_or_else(|| {
            Failure::page_changed(
                "neither a patron's summary, nor their charges, nor the login form",
            )
        })
}

/// Who a page that [`says`] does not know was made for.
pub(super) fn shown(body: &str) -> Shown {
    let Ok(page) = parse_page(body) else {
        return Shown::Nobody;
    };
    let root = page.root_element();
    if Page::of(root).details.is_some() {
        Shown::Account
    } else if PATRON.is_in(root) {
        Shown::Elsewhere
    } else {
        Shown::Nobody
    }
}

/// Puts the pages of one account together; what none says is unknown.
pub(super) fn account(parts: Vec<Part>, account: Account) -> Result<Account, Failure> {
    let mut account = account;
    let mut patrons = BTreeSet::new();
    for part in parts {
        patrons.extend(part.patrons);
        if part.is_summary && (account.loans.is_some() || account.holds.is_some()) {
            return Err(Failure::page_changed("the same summary twice"));
        }
        if let Some(mut list) = part.loans {
            make_distinct(list.entries.iter_mut().map(|loan| &mut loan.id));
            account.declared.loans = list.declared;
            account.loans = Some(list.entries);
        }
        if let Some(mut list) = part.holds {
            make_distinct(list.entries.iter_mut().map(|hold| &mut hold.id));
            account.declared.holds = list.declared;
            account.holds = Some(list.entries);
        }
        if let (Some(one), Some(other)) = (account.fines, part.fines)
            && one != other
        {
            return Err(Failure::page_changed("two pages differ on what is owed"));
        }
        account.fines = account.fines.or(part.fines);
        account.card_expires = account.card_expires.or(part.card_expires);
        for message in part.messages {
            if !account.messages.contains(&message) {
                account.messages.push(message);
            }
        }
    }
    if patrons.len() > 1 {
        return Err(Failure::page_changed("pages of more than one patron"));
    }
    Ok(account)
}

fn summary(
    details: ElementRef<'_>,
    body: &str,
    context: &ReadContext<'_>,
) -> Result<Part, Failure> {
    if !ends(body) {
        return Err(Failure::page_changed("an account that ends early"));
    }
    let dates = Dates::of(body, context);
    let marks = Marks::of(details)?;
    let tabs = Tabs::of(marks.views)?;
    Ok(Part {
        patrons: BTreeSet::new(),
        is_summary: true,
        loans: Some(all_loans(details, &marks, &tabs, &dates, context)?),
        holds: Some(all_holds(details, &marks, &tabs, &dates, context)?),
        fines: fines::of_summary(marks.fines_panel, tabs.fines.as_ref())?,
        card_expires: messages::card_expires(marks.expiry, &dates)?,
        messages: messages::messages(&marks.alerts),
    })
}

/// Whether the page came to its end.
fn ends(body: &str) -> bool {
    ["</html", "</HTML"].iter().any(|end| body.contains(end))
}

/// The loans. None are out only where the tab says 0 above a panel that holds no loan.
fn all_loans(
    details: ElementRef<'_>,
    marks: &Marks<'_>,
    tabs: &Tabs,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<List<Loan>, Failure> {
    let total = tabs.loans.as_ref().and_then(Tab::count);
    let Some(table) = marks.loans else {
        let shows_none =
            total == Some(0) && marks.loans_panel.is_some() && !SIGN_OF_LOANS.is_in(details);
        return if shows_none {
            Ok(List::none())
        } else {
            Err(Failure::page_changed(
                "no table of loans, and no total of 0 in its place",
            ))
        };
    };
    let list = list(table, total, "loans", |row| {
        loans::loan(row, dates, context)
    })?;
    if let Some(table) = marks.overdues {
        all_are_among(table, &list.table_records)?;
    }
    Ok(list.list)
}

/// The holds. There are none only where nothing on the page is of one: Koha leaves the tab out.
fn all_holds(
    details: ElementRef<'_>,
    marks: &Marks<'_>,
    tabs: &Tabs,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<List<Hold>, Failure> {
    let total = tabs.holds.as_ref().map(|tab| tab.count());
    let Some(table) = marks.holds else {
        let has_none = matches!(total, None | Some(Some(0)));
        return if has_none && !tabs.has_unknown && !SIGN_OF_HOLDS.is_in(details) {
            Ok(List::none())
        } else {
            Err(Failure::page_changed(
                "no table of holds, but something of one",
            ))
        };
    };
    let list = list(table, total.flatten(), "holds", |row| {
        holds::hold(row, dates, context)
    })?;
    Ok(list.list)
}

/// A list, and the records that its rows link to.
struct Read<T> {
    list: List<T>,
    table_records: BTreeSet<String>,
}

/// Reads a table; its rows must be as many as its tab and its caption say, and one of them must.
fn list<T>(
    table: ElementRef<'_>,
    total: Option<u32>,
    what: &str,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Read<T>, Failure> {
    let rows = Table::of(table)?;
    must_agree(total, rows.rows.len(), what)?;
    must_agree(rows.declared, rows.rows.len(), what)?;
    let declared = total.or(rows.declared);
    if declared.is_none() {
        return Err(Failure::page_changed(format!("no total of the {what}")));
    }
    Ok(Read {
        list: List {
            entries: rows.rows.iter().map(read).collect::<Result<_, _>>()?,
            declared,
        },
        table_records: records(table),
    })
}

/// Overdue loans stand in a table of their own besides; each must be among all loans.
fn all_are_among(overdues: ElementRef<'_>, loans: &BTreeSet<String>) -> Result<(), Failure> {
    if records(overdues).is_subset(loans) {
        Ok(())
    } else {
        Err(Failure::page_changed(
            "an overdue item that is not among the loans",
        ))
    }
}

fn records(table: ElementRef<'_>) -> BTreeSet<String> {
    LINKS
        .all(table)
        .filter_map(|link| record(link.attr("href")?))
        .map(str::to_owned)
        .collect()
}

impl<T> List<T> {
    fn none() -> Self {
        Self {
            entries: Vec::new(),
            declared: Some(0),
        }
    }
}
