//! Reads one kind of list of a page.

use std::collections::HashMap;

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, Element, check_declared_count, check_entry_count, element_text, first_number,
    reject_duplicate_rows, text_after_words,
};
use hippo_core::failure::Failure;

use super::column::{Field, Place};
use super::count::merge_total;
use super::date::is_dateless;
use super::description::{BlankPage, ListDescription, ListMark};
use super::entry::Entry;
use super::part::ListPart;
use super::row::{Headers, Row};
use super::sentence::{is_sentence, states_sentence};
use super::table::cells;

static HEADER_CELL: Css = Css::new("th");
static HEADER_ROWS: Css = Css::new("thead");
static HEADING: Css = Css::new("h1, h2, h3, h4, h5, h6, b, strong, caption, legend");

/// How much of a heading is read.
const MAX_HEADING_NODES: usize = 50;
const MAX_HEADING_CHARS: usize = 200;

impl<E: Entry> ListPart<E> {
    /// Fails with `page_changed` if there are entries, and words that there are none.
    fn check_words_for_none(&self) -> Result<(), Failure> {
        let has_entries = self.entries.as_ref().is_some_and(|list| !list.is_empty());
        if self.states_none && has_entries {
            return Err(Failure::page_changed(format!(
                "{}, and words that there are none",
                E::WHAT
            )));
        }
        Ok(())
    }
}

/// An element that may be the list, with its own rows and the heading before it.
struct Candidate<'a> {
    element: Element<'a>,
    heading: Option<Element<'a>>,
    rows: Vec<Element<'a>>,
}

/// Reads a list. `None` if the page does not have it.
pub(super) fn read_list<E: Entry>(
    description: &'static ListDescription<E>,
    root: Element<'_>,
    context: &ReadContext<'_>,
) -> Result<Option<ListPart<E>>, Failure> {
    let what = E::WHAT;
    let mut found: Option<ListPart<E>> = None;
    let page_tells = description
        .identified_by
        .iter()
        .find_map(|sign| match sign {
            ListMark::Page(test) => Some(test(root)),
            _ => None,
        });
    for candidate in find_candidates(description, root) {
        let headers = find_headers(description, &candidate.rows);
        if page_tells != Some(true) && !is_list(description, &candidate, headers.as_ref()) {
            continue;
        }
        let list = read_rows(
            description,
            &candidate,
            &headers.unwrap_or_default(),
            context,
        )?;
        match &mut found {
            None => found = Some(list),
            Some(_) => {
                return Err(Failure::page_changed(format!("the list of {what} twice")));
            }
        }
    }
    if page_tells != Some(false)
        && let Some(place) = &description.none_at
        && place
            .all(root)
            .any(|element| says_none(description, &element_text(element)))
    {
        let list = found.get_or_insert_with(|| ListPart::default().none());
        list.states_none = true;
        list.check_words_for_none()?;
    }
    Ok(found)
}

/// Reads an element that is known to be the list. Its caller checks the total.
pub(super) fn read_known_list<E: Entry>(
    description: &'static ListDescription<E>,
    element: Element<'_>,
    context: &ReadContext<'_>,
) -> Result<Vec<E>, Failure> {
    let candidate = Candidate {
        element,
        heading: None,
        rows: description.rows.all(element).collect(),
    };
    let headers = find_headers(description, &candidate.rows).unwrap_or_default();
    let list = read_rows(description, &candidate, &headers, context)?;
    Ok(list.entries.unwrap_or_default())
}

/// Collects the elements that may be the list. Each row belongs to the closest.
fn find_candidates<'a, E>(
    description: &'static ListDescription<E>,
    root: Element<'a>,
) -> Vec<Candidate<'a>> {
    let mut headings = HEADING.all(root).peekable();
    let mut heading = None;
    let mut places = HashMap::new();
    let mut candidates: Vec<Candidate<'a>> = Vec::new();
    for element in description.list.all(root) {
        while let Some(before) = headings.next_if(|next| next.is_before(element)) {
            heading = Some(before);
        }
        places.insert(element.id(), candidates.len());
        candidates.push(Candidate {
            element,
            heading,
            rows: Vec::new(),
        });
    }
    if candidates.is_empty() {
        return candidates;
    }
    for row in description.rows.all(root) {
        let closest = row.ancestors().find_map(|around| places.get(&around.id()));
        if let Some(candidate) = closest.and_then(|at| candidates.get_mut(*at)) {
            candidate.rows.push(row);
        }
    }
    candidates
}

/// Whether a row has only headers, or is marked as the row of the headers.
fn is_header<E>(description: &'static ListDescription<E>, row: Element<'_>) -> bool {
    let mut own_cells = cells(row).peekable();
    if !description.has_marked_headers
        && own_cells.peek().is_some()
        && (own_cells.all(|cell| HEADER_CELL.matches(cell))
            || HEADER_ROWS.closest_around(row).is_some())
    {
        return true;
    }
    let Some(mark) = &description.header_row else {
        return false;
    };
    let is_marked = |cell: Element<'_>| cell.child_elements().any(|child| mark.matches(child));
    mark.matches(row) || cells(row).any(is_marked)
}

fn find_headers<'a, E>(
    description: &'static ListDescription<E>,
    rows: &[Element<'a>],
) -> Option<Headers<'a>> {
    let is_header = |row: Element<'_>| is_header(description, row) && !has_total(description, row);
    let headers: Vec<_> = rows.iter().copied().filter(|row| is_header(*row)).collect();
    Headers::from_rows(&headers, rows, &description.columns)
}

/// Whether the list's total is in a row.
fn has_total<E>(description: &'static ListDescription<E>, row: Element<'_>) -> bool {
    let place = description.total_at.as_ref();
    place.is_some_and(|place| place.matches(row) || place.is_in(row))
}

fn is_list<E>(
    description: &'static ListDescription<E>,
    candidate: &Candidate<'_>,
    headers: Option<&Headers<'_>>,
) -> bool {
    let has_needed = |headers: &Headers<'_>| {
        description.needed.iter().all(|field| {
            let mut columns = description.columns.iter().enumerate();
            columns.any(|(index, column)| column.field == *field && headers.has(index, column))
        })
    };
    let shows = |sign: &'static ListMark| match sign {
        ListMark::Header(words) => headers.is_some_and(|headers| {
            has_needed(headers) && (words.is_empty() || headers.column(words).is_some())
        }),
        ListMark::HeaderWith(css) => {
            headers.is_some_and(|headers| has_needed(headers) && headers.column_with(css).is_some())
        }
        ListMark::Heading(words) => candidate
            .heading
            .is_some_and(|heading| text_after_words(&beginning_of(heading), words).is_some()),
        ListMark::Test(test) => test(candidate.element),
        ListMark::Page(_) => false,
    };
    description.identified_by.is_empty() || description.identified_by.iter().any(shows)
}

/// Returns the beginning of a heading's text. A heading that is never closed has the rest of the page in it, and may
/// stand before many tables.
fn beginning_of(heading: Element<'_>) -> String {
    let nodes = heading.descendants().take(MAX_HEADING_NODES);
    let texts = nodes.filter_map(|node| node.value().as_text());
    let characters = texts.flat_map(|text| text.chars().chain([' ']));
    let beginning: String = characters.take(MAX_HEADING_CHARS).collect();
    beginning.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_rows<E: Entry>(
    description: &'static ListDescription<E>,
    candidate: &Candidate<'_>,
    headers: &Headers<'_>,
    context: &ReadContext<'_>,
) -> Result<ListPart<E>, Failure> {
    let what = E::WHAT;
    check_entry_count(candidate.rows.len(), what)?;
    let is_header = |row: Element<'_>| is_header(description, row) || has_total(description, row);
    // A long list may repeat its headers.
    let rows = candidate.rows.iter().copied();
    if !description.may_repeat_rows {
        reject_duplicate_rows(rows.filter(|row| !is_header(*row)), what)?;
    }
    let has_control = |element: Element<'_>| {
        let mut controls = description.controls.iter();
        controls.any(|control| control.is_in(element))
    };
    let are_controlled = has_control(candidate.element);
    let total = description
        .total_at
        .as_ref()
        .and_then(|place| place.first(candidate.element));
    let mut entries = Vec::new();
    let mut list = ListPart {
        declared: total.and_then(|total| first_number(&element_text(total))),
        states_none: description
            .none_rows
            .as_ref()
            .is_some_and(|rows| rows.is_in(candidate.element)),
        ..ListPart::default()
    };
    let mut has_remarks = false;
    let group_css = description
        .columns
        .iter()
        .find_map(|column| match &column.place {
            Place::Group(css) => Some(css),
            _ => None,
        });
    let mut group = None;
    let is_group = |row: Element<'_>| group_css.is_some_and(|css| css.matches(row));
    let is_any = |rows: &'static Option<Css>, row: Element<'_>| {
        rows.as_ref().is_some_and(|rows| rows.matches(row))
    };
    let is_ignored = |row: Element<'_>| {
        is_any(&description.ignored_rows, row) || is_any(&description.none_rows, row)
    };
    for (index, element) in candidate.rows.iter().enumerate() {
        if is_group(*element) {
            group = Some(*element);
        }
        let is_entry = is_any(&description.entry_rows, *element)
            || (is_any(&description.worded_entry_rows, *element)
                && !element_text(*element).is_empty());
        if is_ignored(*element) || (!is_entry && is_header(*element)) {
            continue;
        }
        let next = candidate.rows.get(index + 1).copied();
        let detail = next.filter(|row| is_ignored(*row) && !is_group(*row));
        let row = Row::new(*element, &description.columns, headers, group, detail);
        let is_remark = match description.entry_rows {
            Some(_) => !is_entry && cells(*element).count() <= 2,
            None => headers.width > 1 && cells(*element).count() <= 1,
        };
        let fits = match description.row_tolerance {
            Some(tolerance) => cells(*element).count().abs_diff(headers.width) <= tolerance,
            None => row.fits_headers(),
        };
        if fits && !is_remark && row.has_all(description.needed) {
            let mut entry = E::from_row(&row, description, context)?;
            (description.complete)(&mut entry, &row, context)?;
            if are_controlled && !has_control(*element) {
                entry.doubt_waiting(&row);
            }
            list.site_ids.extend(row.value(Field::Id));
            entries.push(entry);
            continue;
        }
        let words = element_text(*element);
        // Where there may be remarks, a row that is like an entry is none.
        let is_no_entry =
            description.remarks.is_none() || is_remark || !row.has_places(description.needed);
        let remarks = description.remarks.as_ref();
        let may_be_remark = is_no_entry && remarks.is_some_and(|css| css.matches(*element));
        let is_blank = if description.remarks.is_some() {
            may_be_remark && (list.declared.is_some() || cells(*element).next().is_some())
        } else {
            is_remark
        };
        if words.is_empty() && is_blank {
            continue;
        }
        let unknown = || unknown_row(!is_remark && row.value(Field::Title).is_some(), what);
        if !is_no_entry {
            return Err(unknown());
        }
        if let Some(total) = read_total_row(description, &words) {
            merge_total(&mut list.declared, Some(total), what)?;
        } else if says_none(description, &words) {
            list.states_none = true;
        } else if may_be_remark && is_dateless(&words, context) {
            has_remarks = true;
        } else {
            return Err(unknown());
        }
    }
    if entries.is_empty() && !list.states_none && description.none_at.is_none() {
        list.states_none = says_none(description, &element_text(candidate.element));
    }
    if entries.is_empty() {
        let sign = description.empty_with.as_ref();
        list.states_none |= sign.is_some_and(|sign| sign.is_in(candidate.element));
    }
    check_declared_count(list.declared, entries.len(), what)?;
    if has_remarks && entries.is_empty() {
        return Err(Failure::page_changed(format!(
            "unknown words in place of the {what}"
        )));
    }
    if has_remarks && list.declared.is_none() {
        return Err(unknown_row(false, what));
    }
    list.entries = Some(entries);
    list.check_words_for_none()?;
    Ok(list)
}

fn unknown_row(has_title: bool, what: &str) -> Failure {
    Failure::page_changed(if has_title {
        format!("an unknown row in the list of {what}")
    } else {
        format!("an unknown row without a title in the list of {what}")
    })
}

/// Reads `Anzahl: 3`, or a number alone.
fn read_total_row<E>(description: &ListDescription<E>, words: &str) -> Option<u32> {
    let after = text_after_words(words, description.total);
    // In a list whose entries are marked, a number alone may be anything.
    let is_alone = || description.entry_rows.is_none().then(|| words.parse().ok());
    after.and_then(first_number).or_else(|| is_alone()?)
}

fn says_none<E>(description: &ListDescription<E>, words: &str) -> bool {
    if description.blank_page.is_some() {
        is_sentence(words, description.none)
    } else {
        text_after_words(words, description.none).is_some()
    }
}

/// Whether a page without a list says that it is empty. `declared` is the page's total.
pub(super) fn is_stated_empty<E>(
    description: &'static ListDescription<E>,
    declared: Option<u32>,
    root: Element<'_>,
) -> bool {
    let Some(BlankPage { entry, elsewhere }) = &description.blank_page else {
        return false;
    };
    !entry.is_in(root)
        && (declared == Some(0) || states_sentence(root, description.none, elsewhere))
}
