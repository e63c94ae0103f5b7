//! Mutations of an HTML page.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::mutation::markup::{Element, elements};

/// Takes each mutant: the description of the change, and the changed page.
pub(crate) type MutantSink<'t> = dyn FnMut(&str, String) + 't;

/// Generates every mutant of a page.
pub(crate) fn mutants(html: &str, take: &mut MutantSink<'_>) {
    let all = elements(html);
    rows(html, &all, take);
    cells(html, &all, take);
    columns(html, &all, take);
    parts(html, &all, take);
    names(html, &all, take);
    attributes(html, &all, take);
    counts(html, &all, take);
    truncated(html, take);
}

fn without(html: &str, range: &Range<usize>) -> String {
    replaced(html, range, "")
}

fn replaced(html: &str, range: &Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &html[..range.start], &html[range.end..])
}

fn elements_named<'a>(
    all: &'a [Element],
    names: &'a [&str],
) -> impl Iterator<Item = (usize, &'a Element)> {
    all.iter()
        .enumerate()
        .filter(|(_, element)| names.contains(&element.name.as_str()))
}

fn children<'a>(
    all: &'a [Element],
    parent: usize,
    names: &'a [&str],
) -> impl Iterator<Item = &'a Element> {
    elements_named(all, names)
        .filter(move |(_, element)| element.parent == Some(parent))
        .map(|(_, element)| element)
}

/// Whether a row holds data rather than column headers.
fn is_data(all: &[Element], row: usize) -> bool {
    let is_in_head = all[row]
        .parent
        .is_some_and(|parent| all[parent].name == "thead");
    !is_in_head && children(all, row, &["td"]).count() > 1
}

/// Drops a row, doubles it, empties it, and removes its cells.
fn rows(html: &str, all: &[Element], take: &mut MutantSink<'_>) {
    for (index, row) in elements_named(all, &["tr"]) {
        let kind = if is_data(all, index) { "row" } else { "head" };
        let text = &html[row.whole.clone()];
        take(&format!("{kind} dropped"), without(html, &row.whole));
        take(
            &format!("{kind} doubled"),
            replaced(html, &row.whole, &format!("{text}{text}")),
        );
        take(&format!("{kind} hollow"), without(html, &row.inner));
        let mut emptied = html.to_owned();
        let cells: Vec<&Element> = children(all, index, &["td", "th"]).collect();
        for cell in cells.iter().rev() {
            emptied.replace_range(cell.inner.clone(), "");
        }
        take(&format!("{kind} emptied"), emptied);
    }
}

/// Drops a cell, and empties it.
fn cells(html: &str, all: &[Element], take: &mut MutantSink<'_>) {
    for (_, cell) in elements_named(all, &["td"]) {
        let class = cell.attribute("class").unwrap_or("no class");
        take(
            &format!("cell dropped ({class})"),
            without(html, &cell.whole),
        );
        take(
            &format!("cell emptied ({class})"),
            without(html, &cell.inner),
        );
    }
}

/// Drops a column: the cell with the same index in every row of a table.
fn columns(html: &str, all: &[Element], take: &mut MutantSink<'_>) {
    for (table, _) in elements_named(all, &["table"]) {
        let rows: Vec<Vec<&Element>> = elements_named(all, &["tr"])
            .filter(|(index, _)| enclosing(all, *index, "table") == Some(table))
            .map(|(index, _)| children(all, index, &["td", "th"]).collect())
            .collect();
        let width = rows.iter().map(Vec::len).max().unwrap_or_default();
        for column in 0..width {
            let mut mutant = html.to_owned();
            for cell in rows.iter().rev().filter_map(|row| row.get(column)) {
                mutant.replace_range(cell.whole.clone(), "");
            }
            take(&format!("column dropped ({column})"), mutant);
        }
    }
}

fn enclosing(all: &[Element], of: usize, name: &str) -> Option<usize> {
    let mut at = all[of].parent;
    while let Some(index) = at {
        if all[index].name == name {
            return Some(index);
        }
        at = all[index].parent;
    }
    None
}

/// Drops and doubles a table, a script, a form, a list entry, a link and a named box.
fn parts(html: &str, all: &[Element], take: &mut MutantSink<'_>) {
    for element in all {
        let is_part = matches!(
            element.name.as_str(),
            "table" | "tbody" | "thead" | "script" | "form" | "ul" | "li" | "a" | "caption"
        ) || element.attribute("id").is_some()
            || element.attribute("class").is_some();
        if !is_part {
            continue;
        }
        let name = &element.name;
        let called = element
            .attribute("id")
            .or(element.attribute("class"))
            .unwrap_or("-");
        let text = &html[element.whole.clone()];
        take(
            &format!("{name} dropped ({called})"),
            without(html, &element.whole),
        );
        if matches!(name.as_str(), "table" | "tbody" | "script" | "li") {
            take(
                &format!("{name} doubled ({called})"),
                replaced(html, &element.whole, &format!("{text}{text}")),
            );
        }
    }
}

/// Renames and removes each class, id and field name everywhere.
fn names(html: &str, all: &[Element], take: &mut MutantSink<'_>) {
    for kind in ["class", "id", "name"] {
        let mut tokens = BTreeSet::new();
        for element in all {
            let value = element.attribute(kind).unwrap_or_default();
            tokens.extend(value.split_whitespace().map(str::to_owned));
        }
        for token in tokens {
            for (what, by) in [("renamed", format!("x{token}")), ("removed", String::new())] {
                let mut mutant = html.to_owned();
                for attribute in all.iter().rev().flat_map(|element| &element.attributes) {
                    if attribute.name != kind
                        || !attribute.value.split_whitespace().any(|own| own == token)
                    {
                        continue;
                    }
                    let value: Vec<&str> = attribute
                        .value
                        .split_whitespace()
                        .map(|own| if own == token { by.as_str() } else { own })
                        .collect();
                    let whole = &html[attribute.whole.clone()];
                    let whole = whole.replace(&attribute.value, &value.join(" "));
                    mutant.replace_range(attribute.whole.clone(), &whole);
                }
                // Links within the page follow the renamed target.
                if kind == "id" && what == "renamed" {
                    mutant = mutant.replace(&format!("\"#{token}\""), &format!("\"#{by}\""));
                }
                take(&format!("{kind} {what} ({token})"), mutant);
            }
        }
    }
}

/// Renames and removes each kind of attribute everywhere, and removes each single one within a table.
fn attributes(html: &str, all: &[Element], take: &mut MutantSink<'_>) {
    let each = || {
        all.iter()
            .rev()
            .flat_map(|element| element.attributes.iter().rev())
    };
    let kinds: BTreeSet<&str> = each().map(|attribute| attribute.name.as_str()).collect();
    for kind in kinds {
        let mut renamed = html.to_owned();
        let mut removed = html.to_owned();
        for attribute in each().filter(|attribute| attribute.name == kind) {
            renamed.replace_range(attribute.name_range.clone(), &format!("x-{kind}"));
            removed.replace_range(attribute.whole.clone(), "");
        }
        take(&format!("attribute renamed ({kind})"), renamed);
        take(&format!("attribute removed ({kind})"), removed);
    }
    for (index, element) in all.iter().enumerate() {
        if enclosing(all, index, "table").is_some() || element.name == "table" {
            for attribute in &element.attributes {
                let name = &attribute.name;
                take(
                    &format!("one attribute removed ({name} of {})", element.name),
                    without(html, &attribute.whole),
                );
            }
        }
    }
}

/// Increments each number outside the rows, and removes it.
fn counts(html: &str, all: &[Element], take: &mut MutantSink<'_>) {
    let is_in = |at: usize, names: &[&str]| {
        elements_named(all, names).any(|(index, element)| {
            element.inner.contains(&at) && (element.name != "tr" || is_data(all, index))
        })
    };
    let mut is_tag = false;
    let mut at = 0;
    while at < html.len() {
        let byte = html.as_bytes()[at];
        match byte {
            b'<' => is_tag = true,
            b'>' => is_tag = false,
            _ => {}
        }
        if is_tag || !byte.is_ascii_digit() {
            at += 1;
            continue;
        }
        let length = html[at..].bytes().take_while(u8::is_ascii_digit).count();
        let range = at..at + length;
        at = range.end;
        // The parts of a date or an amount are not counts.
        let is_sign = |at: Option<usize>| {
            at.and_then(|at| html.as_bytes().get(at))
                .is_some_and(|byte| matches!(byte, b'.' | b',' | b'/' | b'-' | b':'))
        };
        let is_digit = |at: usize| html.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        let is_part = (is_sign(range.start.checked_sub(1))
            && is_digit(range.start.saturating_sub(2)))
            || (is_sign(Some(range.end)) && is_digit(range.end + 1));
        if is_part || is_in(range.start, &["script", "style", "tr", "title"]) {
            continue;
        }
        if let Ok(number) = html[range.clone()].parse::<u64>() {
            let more = (number + 1).to_string();
            take("count changed", replaced(html, &range, &more));
            take("count removed", without(html, &range));
        }
    }
}

/// Truncates the page at every kilobyte, and at sixteen positions at least.
fn truncated(html: &str, take: &mut MutantSink<'_>) {
    let step = (html.len() / 16).clamp(1, 1024);
    for at in (0..html.len()).step_by(step) {
        let at = (0..=at)
            .rev()
            .find(|at| html.is_char_boundary(*at))
            .unwrap_or(0);
        take("truncated", html[..at].to_owned());
    }
}
