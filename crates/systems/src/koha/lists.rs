//! The lists of an account: each is a table below a tab with its total, and some have two parts.

use std::collections::BTreeSet;

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, check_declared_count, check_entry_count};
use hippo_core::account::{Hold, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::addresses::record_number;
use super::dates::Dates;
use super::landmarks::Landmarks;
use super::table::{Row, Table};
use super::tabs::{Tab, Tabs};
use super::{holds, loans};

static LINKS: Css = Css::new("a[href]");
/// Elements that only a loan has.
static LOAN_MARKER: Css = Css::new(
    "#checkoutst, td.date_due, #renewselected, #renewall, input[name=item], input[name=issue]",
);
/// Elements that only a hold has.
static HOLD_MARKER: Css = Css::new(
    "#opac-user-holds, #opac-user-holds_panel, #holdst, td.reservedate, input[name=reserve_id], \
     #suspend_all_holds, #resume_all_holds, form[action*='opac-modrequest']",
);

/// A list and the site's own total, which agree.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) entries: Vec<T>,
    pub(super) declared: Option<u32>,
}

/// Reads the loans: the library's own and the digital ones. There are none only if the tab states 0 above a
/// panel without a loan.
pub(super) fn read_loans(
    details: ElementRef<'_>,
    landmarks: &Landmarks<'_>,
    tabs: &Tabs,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<List<Loan>, Failure> {
    let read_loan = |row: &Row<'_>| loans::read_loan(row, dates, context);
    let total = tabs.loans.as_ref().and_then(Tab::count);
    let mut list = if let Some(table) = landmarks.loans {
        let list = read_list(Table::from_element(table)?, total, "loans", read_loan)?;
        if let Some(overdues) = landmarks.overdues {
            require_among(overdues, &collect_record_numbers(table))?;
        }
        list
    } else {
        let shows_none = total == Some(0)
            && landmarks.loans_panel.is_some()
            && !is_outside(&LOAN_MARKER, details, landmarks.digital_loans);
        if !shows_none {
            return Err(Failure::page_changed(
                "no table of loans, and no total of 0 in its place",
            ));
        }
        List::none()
    };
    let tab = tabs.digital_loans.as_ref();
    list.add(read_optional_part(
        landmarks.digital_loans,
        Table::from_element,
        tab,
        "digital loans",
        |row| {
            Ok(Loan {
                digital: true,
                ..read_loan(row)?
            })
        },
    )?);
    Ok(list)
}

/// Reads the holds, including requests from closed stacks and recalls. There are none only if no part of the page
/// belongs to a hold: Koha omits the tabs then.
pub(super) fn read_holds(
    details: ElementRef<'_>,
    landmarks: &Landmarks<'_>,
    tabs: &Tabs,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<List<Hold>, Failure> {
    let is_offered = landmarks.holds.is_some_and(holds::offers_suspension);
    let read_hold = |row: &Row<'_>| holds::read_hold(row, is_offered, dates, context);
    let total = tabs.holds.as_ref().map(Tab::count);
    let mut list = if let Some(table) = landmarks.holds {
        let table = Table::from_element(table)?;
        let total = holds_total(total.flatten(), &table);
        read_list(table, total, "holds", read_hold)?
    } else {
        let has_none = matches!(total, None | Some(Some(0)))
            && !tabs.has_unknown
            && !is_outside(&HOLD_MARKER, details, landmarks.stack_requests);
        if !has_none {
            return Err(Failure::page_changed("no table of holds, but parts of one"));
        }
        List::none()
    };
    let tab = tabs.stack_requests.as_ref();
    let what = "requests from closed stacks";
    list.add(read_optional_part(
        landmarks.stack_requests,
        Table::from_element,
        tab,
        what,
        |row| holds::read_hold(row, false, dates, context),
    )?);
    let tab = tabs.recalls.as_ref();
    list.add(read_optional_part(
        landmarks.recalls,
        Table::from_recalls,
        tab,
        "recalls",
        |row| holds::read_recall(row, dates, context),
    )?);
    Ok(list)
}

/// Returns the total of the holds. Newer tabs count a group of holds, of which the patron wants any one, as one. The
/// caption counts each hold, and no two of their rows are the same.
fn holds_total(tab: Option<u32>, table: &Table<'_>) -> Option<u32> {
    let has_groups = match (tab, table.declared) {
        (Some(tab), Some(caption)) => 0 < tab && tab < caption,
        _ => false,
    };
    let mut distinct_rows = BTreeSet::new();
    if has_groups
        && table
            .rows
            .iter()
            .all(|row| distinct_rows.insert(row.element.html()))
    {
        table.declared
    } else {
        tab
    }
}

/// Reads a table; its rows must match the counts of its tab and its caption, at least one of which must exist.
fn read_list<T>(
    table: Table<'_>,
    total: Option<u32>,
    what: &str,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<List<T>, Failure> {
    check_entry_count(table.rows.len(), what)?;
    check_declared_count(total, table.rows.len(), what)?;
    check_declared_count(table.declared, table.rows.len(), what)?;
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
fn read_optional_part<'a, T>(
    table: Option<ElementRef<'a>>,
    parse: fn(ElementRef<'a>) -> Result<Table<'a>, Failure>,
    tab: Option<&Tab>,
    what: &str,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<List<T>, Failure> {
    let total = tab.map(Tab::count);
    match table {
        Some(table) => read_list(parse(table)?, total.flatten(), what, read),
        None if matches!(total, None | Some(Some(0))) => Ok(List::none()),
        None => Err(Failure::page_changed(format!(
            "a tab of {what} without their table"
        ))),
    }
}

/// Checks the separate table of overdue loans; each must be among all loans.
fn require_among(overdues: ElementRef<'_>, loans: &BTreeSet<String>) -> Result<(), Failure> {
    if collect_record_numbers(overdues).is_subset(loans) {
        Ok(())
    } else {
        Err(Failure::page_changed(
            "an overdue item that is not among the loans",
        ))
    }
}

fn collect_record_numbers(table: ElementRef<'_>) -> BTreeSet<String> {
    LINKS
        .all(table)
        .filter_map(|link| record_number(link.attr("href")?))
        .map(str::to_owned)
        .collect()
}

/// Whether such a marker occurs outside this table.
fn is_outside(
    marker: &'static Css,
    details: ElementRef<'_>,
    table: Option<ElementRef<'_>>,
) -> bool {
    marker.all(details).any(|found| {
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
