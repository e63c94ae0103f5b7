//! Reads the lists of a patron's summary: each is a table below a tab with its total, and some have two parts.

use std::collections::{HashMap, HashSet};

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, check_declared_count, element_text, numbers};
use hippo_core::account::{Hold, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::addresses::record_number;
use super::holds::{offers_suspension, settle_waiting};
use super::lists;
use super::phrases::Words;
use crate::list_reader::{Entry, ListDescription, cells, read_known_list, width};

static TAB_LIST: Css = Css::new("#opac-user-views > ul, .toptabs > ul");
static TABS: Css = Css::new("li a");
static CAPTION: Css = Css::new("caption");
static HEADER: Css = Css::new(":scope > thead > tr");
static ROWS: Css = Css::new(":scope > tbody > tr");
static LINKS: Css = Css::new("a[href]");
/// A cell of a newer table, whose classes name the columns.
static NAMED_CELL: Css = Css::new(
    ":scope > tbody > tr > :is(.author, .barcode, .branch, .date_due, .expirationdate, .itype, .renew, .reservedate, \
     .status, .title)",
);
/// Elements that only a loan has.
static LOAN_MARKER: Css = Css::new(
    "#checkoutst, td.date_due, #renewselected, #renewall, input[name=item], input[name=issue]",
);
/// Elements that only a hold has.
static HOLD_MARKER: Css = Css::new(
    "#opac-user-holds, #opac-user-holds_panel, #holdst, td.reservedate, input[name=reserve_id], \
     #suspend_all_holds, #resume_all_holds, form[action*='opac-modrequest']",
);

/// The tabs with lists and fines. The fourth is of the digital loans of the service that German libraries share.
const KNOWN_TABS: Words =
    Words::new("checkouts, holds, fines, divibibcheckouts, closed-stack-requests, recalls");
/// The tabs of neither loans nor holds.
const OTHER_TABS: Words = Words::new(
    "overdues, relative-issues, relative-fines, clubs, bookings, article-requests, overdrive, recordedbooks, \
     cloudlibrary, curbside-pickups, waiting",
);

/// A patron's summary.
pub(super) struct Summary<'a> {
    details: ElementRef<'a>,
    context: ReadContext<'a>,
    /// Its elements by their ids, in page order.
    by_id: HashMap<&'a str, Vec<ElementRef<'a>>>,
    /// The words of the known tabs.
    tabs: HashMap<&'static str, String>,
    /// Whether there is an unknown tab with a number other than 0.
    has_unknown_tab: bool,
}

impl<'a> Summary<'a> {
    /// Finds the parts of a patron's details; `page_changed` if there are no tabs.
    pub(super) fn new(details: ElementRef<'a>, context: ReadContext<'a>) -> Result<Self, Failure> {
        let mut summary = Self {
            details,
            context,
            by_id: HashMap::new(),
            tabs: HashMap::new(),
            has_unknown_tab: false,
        };
        for element in details.descendants().filter_map(ElementRef::wrap) {
            if let Some(id) = element.attr("id") {
                summary.by_id.entry(id).or_default().push(element);
            }
        }
        let without_tabs = || Failure::page_changed("an account without its tabs");
        let list = TAB_LIST.first(details).ok_or_else(without_tabs)?;
        for link in TABS.all(list) {
            let (name, words) = (tab_name(link), element_text(link));
            if let Some(known) = KNOWN_TABS.iter().find(|known| name == Some(*known)) {
                if summary.tabs.insert(known, words).is_some() {
                    return Err(Failure::page_changed("the same tab twice"));
                }
            } else if !name.is_some_and(|name| OTHER_TABS.have(name)) {
                summary.has_unknown_tab |= numbers(&words).iter().any(|count| *count != 0);
            }
        }
        Ok(summary)
    }

    /// Returns the first element with one of these ids.
    pub(super) fn find(&self, ids: &[&str]) -> Option<ElementRef<'a>> {
        ids.iter()
            .find_map(|id| self.by_id.get(id)?.first().copied())
    }

    /// Returns the words of a known tab.
    pub(super) fn tab(&self, name: &str) -> Option<&str> {
        self.tabs.get(name).map(String::as_str)
    }

    /// Reads the loans: the library's own and the digital ones. There are none only if the tab states 0 above a
    /// panel without a loan.
    pub(super) fn read_loans(&self) -> Result<Vec<Loan>, Failure> {
        let digital = self.table("divibibcheckoutst")?;
        let mut loans = Vec::new();
        if let Some(table) = self.table("checkoutst")? {
            let list = of_age(table, &lists::LOANS, &lists::OLDER_LOANS);
            loans = self.read_table(table, self.total("checkouts"), list)?;
            if let Some(overdues) = self.table("overduest")?
                && !record_numbers(overdues).is_subset(&record_numbers(table))
            {
                return Err(Failure::page_changed(
                    "an overdue item that is not among the loans",
                ));
            }
        } else {
            let panel = self.find(&["opac-user-checkouts", "opac-user-checkouts_panel"]);
            let states_none = self.total("checkouts") == Some(0) && panel.is_some();
            if !states_none || self.has_outside(&LOAN_MARKER, digital) {
                return Err(Failure::page_changed(
                    "no table of loans, and no total of 0 in its place",
                ));
            }
        }
        loans.extend(self.read_part(digital, "divibibcheckouts", &lists::DIGITAL_LOANS)?);
        Ok(loans)
    }

    /// Reads the holds, including requests from closed stacks and recalls. There are none only if no part of the page
    /// belongs to a hold: Koha omits the tabs then.
    pub(super) fn read_holds(&self) -> Result<Vec<Hold>, Failure> {
        let stacks = self.table("closed-stack-requests-table")?;
        let mut holds = Vec::new();
        if let Some(table) = self.table("holdst")? {
            let list = of_age(table, &lists::HOLDS, &lists::OLDER_HOLDS);
            holds = self.read_table(table, self.total_of_holds(table), list)?;
            settle_waiting(&mut holds, offers_suspension(table));
        } else if self.has_unknown_tab
            || !self.states_none("holds")
            || self.has_outside(&HOLD_MARKER, stacks)
        {
            return Err(Failure::page_changed("no table of holds, but parts of one"));
        }
        let mut requests = self.read_part(stacks, "closed-stack-requests", &lists::HOLDS)?;
        settle_waiting(&mut requests, false);
        holds.extend(requests);
        let recalls = self.table("recalls-table")?;
        holds.extend(self.read_part(recalls, "recalls", &lists::RECALLS)?);
        Ok(holds)
    }

    /// Returns the only table with this id; if there are two, it is unclear which one is the list.
    fn table(&self, id: &str) -> Result<Option<ElementRef<'a>>, Failure> {
        let elements = self.by_id.get(id).into_iter().flatten();
        let mut tables = elements.filter(|element| element.value().name() == "table");
        match (tables.next(), tables.next()) {
            (table, None) => Ok(table.copied()),
            _ => Err(Failure::page_changed(format!("more than one table {id}"))),
        }
    }

    /// Returns the total of a tab: in its parentheses, or the only number of a translation without them.
    fn total(&self, tab: &str) -> Option<u32> {
        let words = self.tab(tab)?;
        match in_parentheses(words) {
            Some(inner) => numbers(inner).into_iter().next(),
            None => only_number(words),
        }
    }

    /// Returns the total of the holds. Newer tabs count a group of holds, of which the patron wants any one, as one. The
    /// caption counts each hold, and no two of their rows are the same.
    fn total_of_holds(&self, table: ElementRef<'_>) -> Option<u32> {
        let (tab, caption) = (self.total("holds"), caption_total(table));
        let is_less = |(tab, caption): (u32, u32)| 0 < tab && tab < caption;
        let mut rows = HashSet::new();
        if tab.zip(caption).is_some_and(is_less)
            && ROWS.all(table).all(|row| rows.insert(row.html()))
        {
            caption
        } else {
            tab
        }
    }

    /// Whether there is no such tab, or its total is 0.
    fn states_none(&self, tab: &str) -> bool {
        self.tab(tab).is_none() || self.total(tab) == Some(0)
    }

    /// Reads a part of a list that few sites have; a tab with a total must have its table.
    fn read_part<E: Entry>(
        &self,
        table: Option<ElementRef<'_>>,
        tab: &str,
        list: &'static ListDescription<E>,
    ) -> Result<Vec<E>, Failure> {
        match table {
            Some(table) => self.read_table(table, self.total(tab), list),
            None if self.states_none(tab) => Ok(Vec::new()),
            None => Err(Failure::page_changed(format!(
                "a tab {tab} without its table"
            ))),
        }
    }

    /// Reads a table; its rows must match the totals of its tab and its caption, at least one of which must exist.
    fn read_table<E: Entry>(
        &self,
        table: ElementRef<'_>,
        total: Option<u32>,
        list: &'static ListDescription<E>,
    ) -> Result<Vec<E>, Failure> {
        check_widths(table)?;
        let entries = read_known_list(list, table, &self.context)?;
        let caption = caption_total(table);
        check_declared_count(total, entries.len(), E::WHAT)?;
        check_declared_count(caption, entries.len(), E::WHAT)?;
        match total.or(caption) {
            Some(_) => Ok(entries),
            None => Err(Failure::page_changed(format!(
                "no total of the {}",
                E::WHAT
            ))),
        }
    }

    /// Whether such a marker occurs outside this table.
    fn has_outside(&self, marker: &'static Css, table: Option<ElementRef<'_>>) -> bool {
        marker.all(self.details).any(|found| {
            let mut around = found.ancestors();
            !around.any(|around| table.is_some_and(|table| table.id() == around.id()))
        })
    }
}

/// Fails with `page_changed` if a row has fewer or more cells than the header, because its cells may be shifted.
///
/// The template of recalls closes rows in the wrong place: the last row has one cell more, or all others have one less.
fn check_widths(table: ElementRef<'_>) -> Result<(), Failure> {
    let header = HEADER.first(table).map(width).unwrap_or_default();
    let tolerance = usize::from(table.attr("id") == Some("recalls-table"));
    let fits = |row: ElementRef<'_>| cells(row).count().abs_diff(header) <= tolerance;
    if header > 0 && ROWS.all(table).all(fits) {
        Ok(())
    } else {
        Err(Failure::page_changed(
            "a row of more or fewer cells than the header",
        ))
    }
}

/// Returns the description of a table with classes, or of one without.
fn of_age<E>(
    table: ElementRef<'_>,
    newer: &'static ListDescription<E>,
    older: &'static ListDescription<E>,
) -> &'static ListDescription<E> {
    if NAMED_CELL.is_in(table) {
        newer
    } else {
        older
    }
}

/// Returns `holds` for `#opac-user-holds` (older) or `#opac-user-holds_panel` (newer).
///
/// A browser that saves the page puts the page's own address before it.
fn tab_name(link: ElementRef<'_>) -> Option<&str> {
    let (_, target) = link.attr("href")?.rsplit_once("#opac-user-")?;
    Some(target.strip_suffix("_panel").unwrap_or(target))
}

/// Returns the text in the last parentheses, which may be full-width (Chinese, Japanese).
pub(super) fn in_parentheses(words: &str) -> Option<&str> {
    let (_, after) = words.rsplit_once(['(', '（'])?;
    let (inner, _) = after.split_once([')', '）'])?;
    Some(inner.trim())
}

/// Returns the total in a caption: `6 Item(s) checked out`.
fn caption_total(table: ElementRef<'_>) -> Option<u32> {
    only_number(&element_text(CAPTION.first(table)?))
}

fn only_number(words: &str) -> Option<u32> {
    match numbers(words).as_slice() {
        [number] => Some(*number),
        _ => None,
    }
}

fn record_numbers(table: ElementRef<'_>) -> HashSet<&str> {
    let hrefs = LINKS.all(table).filter_map(|link| link.attr("href"));
    hrefs.filter_map(record_number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;
    use url::Url;

    /// Finds the tabs, and returns the total of the loans, and whether there is an unknown tab.
    fn tabs(list: &str) -> Result<(Option<u32>, bool), Failure> {
        let page = Html::parse_document(&format!(
            "<div id=opac-user-views class=toptabs>{list}</div>"
        ));
        let base_url = Url::parse("https://library.test").unwrap();
        let context = ReadContext {
            base_url: &base_url,
            date_format: None,
            timezone: chrono_tz::UTC,
            card_number: None,
        };
        let summary = Summary::new(page.root_element(), context)?;
        assert_eq!(summary.tab("holds"), None);
        Ok((summary.total("checkouts"), summary.has_unknown_tab))
    }

    #[rstest]
    #[case("<li><a href='#opac-user-checkouts'>Checked out (6)</a>")]
    #[case("<li><a href='#opac-user-checkouts_panel'><span>Entliehen ( 6 )</span></a>")]
    #[case(
        "<li><a href='https://opac.test/cgi-bin/koha/opac-user.pl#opac-user-checkouts'>Out (6)</a>"
    )]
    #[case("<li><a href='file:///home/bo/account.html#opac-user-checkouts_panel'>Out (6)</a>")]
    #[case("<li><a href='account.html#opac-user-checkouts'>Out (6)</a>")]
    #[case("<li><a href='#opac-user-checkouts'>借出（6）</a>")]
    #[case("<li><a href='#opac-user-checkouts'>貸出中: 6</a>")]
    fn tab_total_is_read_in_any_language(#[case] tab: &str) {
        assert_eq!(tabs(&format!("<ul>{tab}</ul>")).unwrap(), (Some(6), false));
    }

    #[rstest]
    #[case("<li><a href='#opac-user-wishes'>Wishes (4)</a>", true)]
    #[case("<li><a href='#elsewhere'>4</a>", true)]
    #[case("<li><a href='#opac-user-wishes'>Wishes (0)</a>", false)]
    #[case("<li><a href='#opac-user-clubs'>Clubs (1/2)</a>", false)]
    #[case("<li><a href='#opac-user-overdrive'>OverDrive</a>", false)]
    fn unknown_tab_with_a_total_is_detected(#[case] tab: &str, #[case] expected: bool) {
        assert_eq!(tabs(&format!("<ul>{tab}</ul>")).unwrap().1, expected);
    }

    #[rstest]
    #[case::none("")]
    #[case::twice(
        "<ul><li><a href='#opac-user-fines'>Fines</a><li><a href='#opac-user-fines'>Fines</a></ul>"
    )]
    fn missing_or_repeated_tab_is_a_changed_page(#[case] list: &str) {
        assert!(tabs(list).is_err());
    }
}
