//! The lists of an account: each is a table below a tab with its total, and some are in two parts.

use std::collections::BTreeSet;

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, check_entry_count, must_agree};
use hippo_core::account::{Hold, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::landmarks::Landmarks;
use super::table::{Row, Table, record};
use super::tabs::{Tab, Tabs};
use super::{holds, loans};

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

/// A list and the site's own total, which agrees with it.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) entries: Vec<T>,
    pub(super) declared: Option<u32>,
}

/// The loans: those of the library's own, and those of files. None are out only where the tab says 0 above a
/// panel that holds no loan.
pub(super) fn loans(
    details: ElementRef<'_>,
    landmarks: &Landmarks<'_>,
    tabs: &Tabs,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<List<Loan>, Failure> {
    let loan = |row: &Row<'_>| loans::loan(row, dates, context);
    let total = tabs.loans.as_ref().and_then(Tab::count);
    let mut list = if let Some(table) = landmarks.loans {
        let list = list(Table::of(table)?, total, "loans", loan)?;
        if let Some(overdues) = landmarks.overdues {
            all_are_among(overdues, &records(table))?;
        }
        list
    } else {
        let shows_none = total == Some(0)
            && landmarks.loans_panel.is_some()
            && !is_outside(&SIGN_OF_LOANS, details, landmarks.digital_loans);
        if !shows_none {
            return Err(Failure::page_changed(
                "no table of loans, and no total of 0 in its place",
            ));
        }
        List::none()
    };
    let tab = tabs.digital_loans.as_ref();
    list.add(further(
        landmarks.digital_loans,
        Table::of,
        tab,
        "digital loans",
        |row| {
            Ok(Loan {
                digital: true,
                ..loan(row)?
            })
        },
    )?);
    Ok(list)
}

/// The holds: with what was asked for from closed stacks, and what is fetched back from who has it. There are
/// none only where nothing on the page is of one: Koha leaves the tabs out.
pub(super) fn holds(
    details: ElementRef<'_>,
    landmarks: &Landmarks<'_>,
    tabs: &Tabs,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<List<Hold>, Failure> {
    let is_offered = landmarks.holds.is_some_and(holds::offers_sleep);
    let hold = |row: &Row<'_>| holds::hold(row, is_offered, dates, context);
    let total = tabs.holds.as_ref().map(Tab::count);
    let mut list = if let Some(table) = landmarks.holds {
        let table = Table::of(table)?;
        let total = of_all(total.flatten(), &table);
        list(table, total, "holds", hold)?
    } else {
        let has_none = matches!(total, None | Some(Some(0)))
            && !tabs.has_unknown
            && !is_outside(&SIGN_OF_HOLDS, details, landmarks.stack_requests);
        if !has_none {
            return Err(Failure::page_changed(
                "no table of holds, but something of one",
            ));
        }
        List::none()
    };
    let tab = tabs.stack_requests.as_ref();
    let what = "requests from closed stacks";
    list.add(further(
        landmarks.stack_requests,
        Table::of,
        tab,
        what,
        |row| holds::hold(row, false, dates, context),
    )?);
    let tab = tabs.recalls.as_ref();
    list.add(further(
        landmarks.recalls,
        Table::of_recalls,
        tab,
        "recalls",
        |row| holds::recall(row, dates, context),
    )?);
    Ok(list)
}

/// The total of the holds. Newer tabs count those of a group, of which the patron wants any, as one; the caption
/// counts each, and no two of them are the same.
fn of_all(tab: Option<u32>, table: &Table<'_>) -> Option<u32> {
    let is_of_groups = match (tab, table.declared) {
        (Some(tab), Some(caption)) => 0 < tab && tab < caption,
        _ => false,
    };
    let mut seen = BTreeSet::new();
    if is_of_groups && table.rows.iter().all(|row| seen.insert(row.element.html())) {
        table.declared
    } else {
        tab
    }
}

/// Reads a table; its rows must be as many as its tab and its caption say, and one of them must.
fn list<T>(
    table: Table<'_>,
    total: Option<u32>,
    what: &str,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<List<T>, Failure> {
    check_entry_count(table.rows.len(), what)?;
    must_agree(total, table.rows.len(), what)?;
    must_agree(table.declared, table.rows.len(), what)?;
    let declared = total.or(table.declared);
    if declared.is_none() {
        return Err(Failure::page_changed(format!("no total of the {what}")));
    }
    Ok(List {
        entries: table.rows.iter().map(read).collect::<Result<_, _>>()?,
        declared,
    })
}

/// Reads a part of a list that few sites have; a tab with a total must have its table.
fn further<'a, T>(
    table: Option<ElementRef<'a>>,
    of: fn(ElementRef<'a>) -> Result<Table<'a>, Failure>,
    tab: Option<&Tab>,
    what: &str,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<List<T>, Failure> {
    let total = tab.map(Tab::count);
    match table {
        Some(table) => list(of(table)?, total.flatten(), what, read),
        None if matches!(total, None | Some(Some(0))) => Ok(List::none()),
        None => Err(Failure::page_changed(format!(
            "a tab of {what} without their table"
        ))),
    }
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

/// Whether there is such a sign anywhere but in this table.
fn is_outside(sign: &'static Css, details: ElementRef<'_>, table: Option<ElementRef<'_>>) -> bool {
    sign.all(details).any(|found| {
        !found
            .ancestors()
            .any(|around| table.is_some_and(|table| table.id() == around.id()))
    })
}

impl<T> List<T> {
    fn none() -> Self {
        Self {
            entries: Vec::new(),
            declared: Some(0),
        }
    }

    fn add(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.declared = self
            .declared
            .zip(other.declared)
            .and_then(|(one, other)| one.checked_add(other));
    }
}
