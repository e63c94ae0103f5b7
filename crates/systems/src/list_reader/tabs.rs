//! Reads the lists below tabs, each of which states the total of its list.

use std::collections::HashSet;

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, Element, check_declared_count, element_text, first_number, numbers, text_after_words,
};
use hippo_core::failure::Failure;

use super::balance::in_parentheses;
use super::description::{ListDescription, ListMark, ListTab, MissingList, Tabs};
use super::entry::Entry;
use super::list::read_known_list;
use super::part::{AccountPart, ListPart};
use super::table::{cells, own_rows};
use super::words::{NO_LOANS, NOTHING};
use crate::links::linked_numbers;

static TABS: Css = Css::new("a");
static TABLES: Css = Css::new("table");
static CAPTION: Css = Css::new("caption");
/// What only a list with entries has.
static CONTROLS: Css = Css::new("a, button, input, select, img");

/// How many tables of a page may match the same list, of which only one is it.
const MAX_TABLES: usize = 2;

/// The tabs of a page, and the lists below them.
pub(super) struct TabbedPage<'a> {
    description: &'static Tabs,
    place: Element<'a>,
    tabs: Vec<Element<'a>>,
    tables: Vec<Element<'a>>,
}

impl Tabs {
    /// Finds the tabs of a page. `None` if it is another page of the account.
    pub(super) fn find<'a>(
        &'static self,
        root: Element<'a>,
    ) -> Result<Option<TabbedPage<'a>>, Failure> {
        let Some(place) = self.place.first(root) else {
            return Ok(None);
        };
        let without_tabs = || Failure::page_changed("an account without its tabs");
        let list = self.list.first(place).ok_or_else(without_tabs)?;
        Ok(Some(TabbedPage {
            description: self,
            place,
            tabs: TABS.all(list).collect(),
            tables: TABLES.all(place).collect(),
        }))
    }

    /// Returns the name of a tab. A browser that saves the page puts the page's own address before it.
    fn name_of<'a>(&self, tab: Element<'a>) -> Option<&'a str> {
        let (_, target) = tab.attr("href")?.rsplit_once(self.before_name)?;
        Some(target.strip_suffix(self.after_name).unwrap_or(target))
    }
}

impl<'a> TabbedPage<'a> {
    /// Reads the lists of loans or holds, which are parts of one list.
    pub(super) fn read_lists<E: Entry>(
        &self,
        lists: &'static [ListDescription<E>],
        context: &ReadContext<'_>,
    ) -> Result<ListPart<E>, Failure> {
        let mut entries = Vec::new();
        for list in lists {
            if let Some(tab) = &list.tab {
                entries.extend(self.read_list(list, tab, context)?);
            }
        }
        Ok(ListPart::of_total(entries))
    }

    /// Adds the sum that the patron owes, or has as a credit.
    pub(super) fn add_balance(&self, part: &mut AccountPart) -> Result<(), Failure> {
        let balance = &self.description.balance;
        let tab = self.words_of_tab(balance.tab)?;
        balance.add_to(part, self.place, tab.as_deref())
    }

    /// Reads a list. It must match the totals of its tab and its caption, of which one at least must be there.
    fn read_list<E: Entry>(
        &self,
        list: &'static ListDescription<E>,
        tab: &'static ListTab,
        context: &ReadContext<'_>,
    ) -> Result<Vec<E>, Failure> {
        let changed = |detail: &str| Err(Failure::page_changed(format!("{detail} {}", E::WHAT)));
        let words = self.words_of_tab(tab.name)?;
        let total = words.as_deref().and_then(total_of_tab);
        let Some(table) = self.table_of(list)? else {
            return if self.may_lack(tab, words.as_deref(), total) {
                Ok(Vec::new())
            } else {
                changed("neither a table nor a total of 0 for the")
            };
        };
        let entries = read_known_list(list, table, context)?;
        let caption = CAPTION.first(table).map(element_text);
        let caption = caption.and_then(|words| only_number(&words));
        let is_of_groups = |total: &u32| {
            tab.counts_groups
                && (1..caption.unwrap_or_default()).contains(total)
                && has_no_repeated_row(list, table)
        };
        let total = total.filter(|total| !is_of_groups(total));
        check_declared_count(total, entries.len(), E::WHAT)?;
        check_declared_count(caption, entries.len(), E::WHAT)?;
        if total.or(caption).is_none() {
            return changed("no total of the");
        }
        if let Some((overdues, parameters)) = &tab.overdues
            && let Some(overdues) = self.only_table(overdues)?
            && !has_all_of(table, overdues, parameters)
        {
            return changed("an overdue item that is not among the");
        }
        Ok(entries)
    }

    /// Whether the list of a tab with these words, or none, may be missing because it is empty.
    fn may_lack(&self, tab: &'static ListTab, words: Option<&str>, total: Option<u32>) -> bool {
        let states_0_or_nothing = words.is_none() || total == Some(0);
        match &tab.missing {
            MissingList::Optional => states_0_or_nothing,
            MissingList::WithPanel(panel, entry) => {
                let has_no_number = || words.is_some_and(|words| numbers(words).is_empty());
                let panel = panel.first(self.place);
                panel.is_some_and(|panel| {
                    total == Some(0) || (has_no_number() && states_nothing(panel))
                }) && !entry.is_in(self.place)
            }
            MissingList::WithoutTrace(entry) => {
                states_0_or_nothing && !self.has_unknown_total() && !entry.is_in(self.place)
            }
        }
    }

    /// Whether an unknown tab has a number other than 0.
    fn has_unknown_total(&self) -> bool {
        let is_known = |tab| {
            let name = self.description.name_of(tab);
            name.is_some_and(|name| self.description.names.have(name))
        };
        let mut unknown = self.tabs.iter().filter(|tab| !is_known(**tab));
        unknown.any(|tab| numbers(&element_text(*tab)).iter().any(|count| *count != 0))
    }

    fn words_of_tab(&self, name: &str) -> Result<Option<String>, Failure> {
        let is_named = |tab: &Element<'_>| self.description.name_of(*tab) == Some(name);
        Ok(only(&self.tabs, is_named)?.map(element_text))
    }

    /// Returns the table of a list. Of two that match, a test may tell which one it is.
    fn table_of<E>(
        &self,
        list: &'static ListDescription<E>,
    ) -> Result<Option<Element<'a>>, Failure> {
        let tables = self.tables.iter().copied();
        let tables = tables.filter(|table| list.list.matches(*table));
        let tables: Vec<_> = tables.take(MAX_TABLES + 1).collect();
        if tables.len() > MAX_TABLES {
            return Err(twice());
        }
        only(&tables, |table| {
            list.identified_by.iter().all(|sign| match sign {
                ListMark::Test(test) => test(*table),
                _ => true,
            })
        })
    }

    fn only_table(&self, css: &'static Css) -> Result<Option<Element<'a>>, Failure> {
        only(&self.tables, |table| css.matches(*table))
    }
}

/// Returns the only such tab or table. With two, it is unclear which one counts.
fn only<'a>(
    all: &[Element<'a>],
    is_it: impl FnMut(&Element<'a>) -> bool,
) -> Result<Option<Element<'a>>, Failure> {
    let mut found = all.iter().copied().filter(is_it);
    match (found.next(), found.next()) {
        (one, None) => Ok(one),
        _ => Err(twice()),
    }
}

fn twice() -> Failure {
    Failure::page_changed("the same tab or list twice")
}

/// Whether a panel has a table with nothing but a sentence that there is nothing: the tabs of old pages have no totals.
fn states_nothing(panel: Element<'_>) -> bool {
    let mut tables = TABLES.all(panel);
    let (Some(table), None) = (tables.next(), tables.next()) else {
        return false;
    };
    let mut rows = own_rows(table);
    let (Some(row), None) = (rows.next(), rows.next()) else {
        return false;
    };
    let words = element_text(panel);
    cells(row).count() == 1
        && words == element_text(row)
        && [NOTHING, NO_LOANS]
            .iter()
            .any(|known| text_after_words(&words, known).is_some())
        && numbers(&words).is_empty()
        && !CONTROLS.is_in(panel)
}

/// Returns the total of a tab: in its parentheses, or the only number of a translation without them.
fn total_of_tab(words: &str) -> Option<u32> {
    match in_parentheses(words) {
        Some(inner) => first_number(inner),
        None => only_number(words),
    }
}

fn only_number(words: &str) -> Option<u32> {
    match numbers(words).as_slice() {
        [number] => Some(*number),
        _ => None,
    }
}

fn has_no_repeated_row<E>(list: &'static ListDescription<E>, table: Element<'_>) -> bool {
    let mut known = HashSet::new();
    list.rows.all(table).all(|row| known.insert(row.html()))
}

/// Whether a table has all works of another.
fn has_all_of(table: Element<'_>, other: Element<'_>, parameters: &[&str]) -> bool {
    let known: HashSet<&str> = linked_numbers(table, parameters).collect();
    linked_numbers(other, parameters).all(|number| known.contains(number))
}

#[cfg(test)]
mod tests {
    use super::super::balance::Balance;
    use super::super::stems::Stems;
    use super::*;
    use hippo_browser::reading::parse_page;
    use rstest::rstest;

    static TABS: Tabs = Tabs {
        place: Css::new("main"),
        list: Css::new("ul"),
        before_name: "#my-",
        after_name: "_panel",
        names: Stems("out, fines, clubs, bookings"),
        balance: Balance {
            panel: Css::new("#fines"),
            sum: Css::new("a"),
            around: Css::new("#fines"),
            tab: "fines",
            debt_sign: Css::new("#blocked"),
            debts: Stems(""),
            credits: Stems(""),
        },
    };

    /// Finds the tabs, and returns the total of the loans, and whether there is an unknown tab with a total.
    fn totals(list: &str) -> Result<(Option<u32>, bool), Failure> {
        let page = parse_page(&format!("<main>{list}</main>")).unwrap();
        let page = TABS.find(page.root_element())?.unwrap();
        page.words_of_tab("fines")?;
        let words = page.words_of_tab("out")?;
        let total = words.as_deref().and_then(total_of_tab);
        Ok((total, page.has_unknown_total()))
    }

    #[rstest]
    #[case("<li><a href='#my-out'>Checked out (6)</a>")]
    #[case("<li><a href='#my-out_panel'><span>Entliehen ( 6 )</span></a>")]
    #[case("<li><a href='https://books.test/account#my-out'>Out (6)</a>")]
    #[case("<li><a href='file:///home/bo/account.html#my-out_panel'>Out (6)</a>")]
    #[case("<li><a href='account.html#my-out'>Out (6)</a>")]
    #[case("<li><a href='#my-out'>借出（6）</a>")]
    #[case("<li><a href='#my-out'>貸出中: 6</a>")]
    fn tab_total_is_read_in_any_language(#[case] tab: &str) {
        assert_eq!(
            totals(&format!("<ul>{tab}</ul>")).unwrap(),
            (Some(6), false)
        );
    }

    #[rstest]
    #[case("<li><a href='#my-wishes'>Wishes (4)</a>", true)]
    #[case("<li><a href='#elsewhere'>4</a>", true)]
    #[case("<li><a href='#my-wishes'>Wishes (0)</a>", false)]
    #[case("<li><a href='#my-clubs'>Clubs (1/2)</a>", false)]
    #[case("<li><a href='#my-bookings'>Bookings</a>", false)]
    fn unknown_tab_with_a_total_is_detected(#[case] tab: &str, #[case] expected: bool) {
        assert_eq!(totals(&format!("<ul>{tab}</ul>")).unwrap().1, expected);
    }

    #[rstest]
    #[case::none("")]
    #[case::twice("<ul><li><a href='#my-fines'>Fines</a><li><a href='#my-fines'>Fines</a></ul>")]
    fn missing_or_repeated_tab_is_a_changed_page(#[case] list: &str) {
        assert!(totals(list).is_err());
    }
}
