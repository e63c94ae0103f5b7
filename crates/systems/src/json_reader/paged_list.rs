//! Reads the pages of a list, and joins them: a list is complete by the site's own counts, or unknown.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hippo_browser::ReadContext;
use hippo_browser::reading::check_entry_count;
use hippo_core::failure::Failure;

use super::description::PagedListDescription;
use super::entry::{JsonEntry, read_entry};
use super::value::JsonObject;

/// One page of a list.
#[derive(Debug)]
pub(crate) struct ListPage<E> {
    pub(crate) part: ListPart,
    /// The number of entries on all pages.
    pub(crate) count: u32,
    /// The page's number, from 1.
    pub(crate) number: u32,
    /// The number of pages.
    pub(crate) pages: u32,
    /// The entries, each with the code of its state, which is empty in a list without states.
    entries: Vec<(String, E)>,
}

/// The part of all entries that a list has, with its own count and pages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ListPart {
    Whole,
    /// The entries whose state has this code.
    State(String),
    /// The page doesn't say.
    Unknown,
}

/// The site's totals of a list: of all entries, and of the entries of each state that has some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListTotals {
    pub(crate) all: u32,
    pub(crate) by_state: BTreeMap<String, u32>,
}

impl ListTotals {
    /// Returns the total of a list without states.
    pub(crate) fn without_states(all: u32) -> Self {
        let by_state = [(String::new(), all)].into();
        Self { all, by_state }
    }

    fn of_state(&self, code: &str) -> u32 {
        self.by_state.get(code).copied().unwrap_or(0)
    }
}

impl<E> PagedListDescription<E> {
    /// Returns the part of the list that is at an address: `/v2/holds/in_transit?page=2` has the holds in transit.
    pub(super) fn part_at(&self, address: &str) -> ListPart {
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let mut names = path.split('/');
        let own_name = self.address.rsplit('/').next();
        let is_here = names.any(|name| Some(name) == own_name);
        let state = names.next().filter(|state| !state.is_empty());
        match state.filter(|_| is_here) {
            Some(state) if self.has_states() => ListPart::State(state.to_ascii_uppercase()),
            // Its entries that are overdue, say, have no total of their own.
            Some(_) => ListPart::Unknown,
            None if is_here || !self.has_states() => ListPart::Whole,
            None => ListPart::Unknown,
        }
    }
}

/// Reads the page of a list; `None` if the document doesn't have it. The page must have as many entries as it says.
pub(crate) fn read_list_page<E: JsonEntry>(
    document: JsonObject<'_>,
    list: &PagedListDescription<E>,
    part: ListPart,
    context: &ReadContext<'_>,
    messages: &mut Vec<String>,
) -> Result<Option<ListPage<E>>, Failure> {
    let what = E::WHAT;
    let Some(page) = document.object(list.page)? else {
        return Ok(None);
    };
    let ids = page.texts(list.ids)?;
    let Some(count) = page.count(list.count)? else {
        return if ids.is_none_or(|ids| ids.is_empty()) {
            Ok(None)
        } else {
            Err(Failure::page_changed(format!("{what} without their count")))
        };
    };
    let (number, limit) = (page.count(list.number)?, page.count(list.limit)?);
    let (Some(ids), Some(number), Some(limit)) = (ids, number, limit) else {
        return Err(Failure::page_changed(format!("unknown pages of {what}")));
    };
    let unique: HashSet<&str> = ids.iter().map(AsRef::as_ref).collect();
    let before = number.saturating_sub(1).saturating_mul(limit);
    let expected = count.saturating_sub(before).min(limit);
    if number == 0 || limit == 0 || usize::try_from(expected) != Ok(unique.len()) {
        let found = unique.len();
        return Err(Failure::page_changed(format!(
            "page {number} of {count} {what}, {limit} a page, has {found} of them"
        )));
    }
    check_entry_count(ids.len(), what)?;
    if unique.len() != ids.len() {
        return Err(Failure::page_changed(format!(
            "two {what} have the same id"
        )));
    }
    let mut entries = Vec::with_capacity(ids.len());
    for id in &ids {
        let entry = document.object_at(list.entries.list, id)?;
        let entry = entry.ok_or_else(|| {
            Failure::page_changed(format!("an id among the {what} without its entry"))
        })?;
        let one = read_entry(&list.entries, entry, Some(id), context, messages)?;
        entries.extend(one);
    }
    Ok(Some(ListPage {
        part,
        count,
        number,
        pages: page
            .count(list.pages)?
            .unwrap_or_else(|| count.div_ceil(limit)),
        entries,
    }))
}

/// Joins the pages of a list, in any order; `None` if some are missing.
///
/// Each state has a total of its own, and may have pages of its own. Without totals, the list is complete if the pages
/// of all these states are, or those of the whole list.
pub(crate) fn join_list_pages<E: JsonEntry>(
    pages: Vec<ListPage<E>>,
    totals: Option<&ListTotals>,
    states: &[&str],
) -> Result<Option<Vec<E>>, Failure> {
    let complete = complete_parts(&pages);
    let is_complete = |code: &str| {
        complete.contains(&ListPart::Whole) || complete.contains(&ListPart::State(code.to_owned()))
    };
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    let mut ids = HashSet::new();
    let mut entries = Vec::new();
    for page in pages {
        if let Some(totals) = totals {
            check_count(&page, totals)?;
        }
        for (code, entry) in page.entries {
            let code = match &page.part {
                ListPart::State(code) => code.clone(),
                ListPart::Whole | ListPart::Unknown => code,
            };
            if ids.insert(entry.id().to_owned()) {
                let count = found.entry(code).or_insert(0);
                *count = count.saturating_add(1);
                entries.push(entry);
            }
        }
    }
    let mut is_whole = true;
    match totals {
        None => is_whole = states.iter().all(|code| is_complete(code)),
        Some(totals) => {
            let codes: BTreeSet<&String> = totals.by_state.keys().chain(found.keys()).collect();
            for code in codes {
                let (total, found) = (totals.of_state(code), found.get(code).copied());
                let found = found.unwrap_or(0);
                if found > total || (found < total && is_complete(code)) {
                    let what = in_state::<E>(code);
                    return Err(Failure::page_changed(format!(
                        "the site says {total} {what}, but {found} were read"
                    )));
                }
                is_whole &= found == total;
            }
        }
    }
    Ok(is_whole.then_some(entries))
}

/// Returns the parts whose pages were all given.
fn complete_parts<E>(list_pages: &[ListPage<E>]) -> BTreeSet<ListPart> {
    let mut parts: BTreeMap<&ListPart, (u32, BTreeSet<u32>)> = BTreeMap::new();
    for page in list_pages {
        let (pages, numbers) = parts.entry(&page.part).or_default();
        *pages = page.pages.max(*pages);
        numbers.insert(page.number);
    }
    // An empty list has no pages, but is still shown.
    let has_all = |(pages, numbers): &(u32, BTreeSet<u32>)| {
        (1..=(*pages).max(1)).all(|number| numbers.contains(&number))
    };
    let complete = parts.into_iter().filter(|(_, pages)| has_all(pages));
    complete.map(|(part, _)| part.clone()).collect()
}

fn check_count<E: JsonEntry>(page: &ListPage<E>, totals: &ListTotals) -> Result<(), Failure> {
    let (total, what) = match &page.part {
        ListPart::Whole => (totals.all, E::WHAT.to_owned()),
        ListPart::State(code) => (totals.of_state(code), in_state::<E>(code)),
        ListPart::Unknown => return Ok(()),
    };
    if page.count == total {
        return Ok(());
    }
    let count = page.count;
    Err(Failure::page_changed(format!(
        "the site's total is {total} {what}, its list has {count}"
    )))
}

fn in_state<E: JsonEntry>(code: &str) -> String {
    let of_state = if code.is_empty() { "" } else { " of a state" };
    format!("{}{of_state}", E::WHAT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::account::{Hold, HoldState};
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::EntriesDescription;
    use crate::list_reader::Field;

    static LIST: PagedListDescription<Hold> = PagedListDescription {
        address: "my/holds",
        page: "page",
        ids: "ids",
        count: "count",
        number: "number",
        limit: "limit",
        pages: "pages",
        entries: EntriesDescription {
            list: "entries",
            fields: &[(Field::Title, "title"), (Field::State, "state")],
            ignored: None,
            states: &[(HoldState::Ready, &["READY"])],
            complete: |_, _, _| Ok(None),
        },
    };

    fn read(document: &Value, part: ListPart) -> Result<Option<ListPage<Hold>>, Failure> {
        let base_url = "https://library.test/".parse().unwrap();
        let context = ReadContext {
            base_url: &base_url,
            date_format: None,
            timezone: chrono_tz::UTC,
            card_number: None,
        };
        let document = JsonObject::from_value(document).unwrap();
        read_list_page(document, &LIST, part, &context, &mut Vec::new())
    }

    /// Builds a page of a list of two a page, with these ids.
    fn document(ids: &[u32], number: u32, count: u32) -> Value {
        let entry = |id: &u32| (id.to_string(), json!({"title": "Tides", "state": "READY"}));
        let entries: serde_json::Map<_, _> = ids.iter().map(entry).collect();
        json!({
            "page": {"ids": ids, "count": count, "number": number, "limit": 2},
            "entries": entries,
        })
    }

    fn page(part: ListPart, ids: &[u32], number: u32, count: u32) -> ListPage<Hold> {
        let page = read(&document(ids, number, count), part);
        page.unwrap().unwrap()
    }

    #[rstest]
    #[case("/my/holds", ListPart::Whole)]
    #[case("/opac/my/holds/?page=2", ListPart::Whole)]
    #[case("/my/holds/ready?page=2", ready())]
    #[case("/my/loans/ready", ListPart::Unknown)]
    #[case("", ListPart::Unknown)]
    fn address_tells_the_part_of_the_list(#[case] address: &str, #[case] part: ListPart) {
        assert_eq!(LIST.part_at(address), part);
    }

    fn ready() -> ListPart {
        ListPart::State("READY".to_owned())
    }

    #[test]
    fn page_has_its_entries_in_order() {
        let page = page(ready(), &[9, 8], 1, 3);
        assert_eq!((page.count, page.number, page.pages), (3, 1, 2));
        let ids = page.entries.iter().map(|(_, hold)| hold.id.as_str());
        assert_eq!(ids.collect::<Vec<_>>(), ["9", "8"]);
    }

    #[rstest]
    #[case(json!({}))]
    #[case(json!({"page": null}))]
    #[case(json!({"page": {"ids": []}}))]
    #[case(json!({"page": {"count": null}}))]
    fn document_without_the_list_says_nothing(#[case] document: Value) {
        assert!(read(&document, ready()).unwrap().is_none());
    }

    #[rstest]
    #[case::without_count("/page/count", json!(null))]
    #[case::negative_count("/page/count", json!(-1))]
    #[case::without_number("/page/number", json!(null))]
    #[case::number_0("/page/number", json!(0))]
    #[case::limit_0("/page/limit", json!(0))]
    #[case::fewer("/page/ids", json!([1]))]
    #[case::twice("/page/ids", json!([1, 1]))]
    #[case::more("/page/ids", json!([1, 2, 2]))]
    #[case::without_ids("/page/ids", json!(null))]
    #[case::without_an_entry("/entries/1", json!(null))]
    #[case::without_a_title("/entries/1/title", json!(null))]
    fn unclear_page_is_a_changed_page(#[case] pointer: &str, #[case] value: Value) {
        let mut document = document(&[1, 2], 1, 2);
        *document.pointer_mut(pointer).unwrap() = value;
        assert!(read(&document, ready()).is_err());
    }

    fn totals(ready: u32, lost: u32) -> ListTotals {
        let by_state = [("READY".to_owned(), ready), ("LOST".to_owned(), lost)];
        ListTotals {
            all: ready + lost,
            by_state: by_state.into(),
        }
    }

    fn join(pages: Vec<ListPage<Hold>>, totals: Option<ListTotals>) -> Result<Option<usize>, ()> {
        let joined = join_list_pages(pages, totals.as_ref(), &["READY"]);
        joined.map(|list| list.map(|list| list.len())).map_err(drop)
    }

    #[test]
    fn list_is_known_when_all_its_pages_are_given() {
        let pages = || vec![page(ready(), &[3], 2, 3), page(ready(), &[1, 2], 1, 3)];
        assert_eq!(join(pages(), Some(totals(3, 0))), Ok(Some(3)));
        assert_eq!(join(pages(), None), Ok(Some(3)));
        assert_eq!(join(pages(), Some(totals(3, 1))), Ok(None), "none of LOST");
        let last = || vec![page(ready(), &[3], 2, 3)];
        assert_eq!(join(last(), Some(totals(3, 0))), Ok(None));
        assert_eq!(join(last(), None), Ok(None));
        assert_eq!(join(vec![], Some(totals(0, 0))), Ok(Some(0)));
        assert_eq!(join(vec![], Some(totals(1, 0))), Ok(None));
    }

    #[test]
    fn entries_that_differ_from_a_total_are_a_changed_page() {
        let one = |part: ListPart| vec![page(part, &[1], 1, 1)];
        for part in [ready(), ListPart::Whole] {
            assert_eq!(join(one(part.clone()), Some(totals(2, 0))), Err(()));
            assert_eq!(join(one(part), Some(totals(0, 0))), Err(()));
        }
        assert_eq!(join(one(ListPart::Unknown), Some(totals(0, 0))), Err(()));
        assert_eq!(join(one(ListPart::Unknown), Some(totals(2, 0))), Ok(None));
        // The list moved while it was fetched.
        let moved = vec![page(ready(), &[1, 2], 1, 3), page(ready(), &[2], 2, 3)];
        assert_eq!(join(moved, Some(totals(3, 0))), Err(()));
    }
}
