//! Reads the rows of `VuFind`'s lists: a title, and lines of labels and values.

use hippo_browser::reading::{
    Css, Element, element_lines_without, element_text, non_empty_text, starts_with_never,
    text_after_words,
};

use crate::list_reader::{
    DUE_WORDS, PICKUP_BRANCH_WORDS, forbids_renewal, has_date, line_parts, text_after_beginning,
    words_of_state,
};

static TITLE: Css = Css::new(".title, a[href*='/Record/']");
static LINK: Css = Css::new("a");
static BOLD: Css = Css::new("strong, b");
static AUTHOR: Css = Css::new("a[href*='/Author/Home'], a[href*='type=Author'], .author");
static FORMAT: Css = Css::new(".format");
/// The boxes beside loans, and beside requests.
static BOX_ID: Css = Css::new(
    "input[name^=renewSelected][value], input[name^=selectAllIDS][value], input[name^=selectedIDS][value], \
     input[name^=cancelSelectedIDS][value], input[name^=cancelAllIDS][value]",
);
static ALERT: Css = Css::new(".alert, .alert-renew");

/// On how many lines a title may be.
const MAX_TITLE_LINES: usize = 4;

/// Labels the due date only at the beginning of a line or after a comma; elsewhere it may end another period.
pub(super) const UNTIL: &str = "bis";
pub(super) const KIND: &[&str] = &["medientyp", "medienart", "format"];
pub(super) const RENEWED: &[&str] = &["renewed", "verlängert", "verlängerungen"];
pub(super) const ITEM: &[&str] = &[
    "buchungsnummer",
    "mediennummer",
    "exemplarnummer",
    "barcode",
    "strichcode",
    "item id",
];
/// What an alert says of a loan that can't be renewed, without a word for a renewal.
pub(super) const REFUSALS: &[&str] = &[
    "gebühren sind zu hoch",
    "besondere auflage",
    "item has been recalled",
    "wurde zurückgefordert",
];
/// A plain label of the branch, used only where none names the pickup branch.
pub(super) const OTHER_BRANCH: &[&str] = &["zweigstelle"];

/// Reads the title: a link, or else bold words that begin the row and are no label.
pub(super) fn read_title(row: Element<'_>) -> Option<String> {
    let is_label = |text: &str| {
        let text = text.trim_end();
        text.ends_with(':') || text_after_words(text, DUE_WORDS).is_some_and(has_date)
    };
    let link = TITLE
        .all(row)
        .map(element_text)
        .find(|text| !text.is_empty());
    link.or_else(|| {
        let lines = element_lines_without(row, |element| ALERT.matches(element));
        let first = lines
            .into_iter()
            .find(|line| line.contains(char::is_alphabetic))?;
        if let Some(text) = BOLD.first(row).and_then(non_empty_text)
            && first.starts_with(&text)
        {
            return (!is_label(&text)).then_some(text);
        }
        // A work without a record has neither. Its first line is the title if that is no label.
        let format = FORMAT.first(row).map(element_text);
        let is_value = first.contains(':') || has_date(&first) || format.as_ref() == Some(&first);
        (!is_value).then_some(first)
    })
}

/// Returns the rest of the title's line, and the lines after it, without alerts.
fn lines(row: Element<'_>) -> Option<(String, Vec<String>)> {
    lines_without(row, |element| ALERT.matches(element))
}

fn lines_without(
    row: Element<'_>,
    is_left_out: impl Fn(Element<'_>) -> bool,
) -> Option<(String, Vec<String>)> {
    let title = read_title(row)?;
    let mut lines = element_lines_without(row, is_left_out);
    // The title may be on several lines.
    let mut places =
        (0..lines.len()).flat_map(|at| (at + 1..=at + MAX_TITLE_LINES).map(move |end| (at, end)));
    let behind = places.find_map(|(at, end)| {
        let line = lines.get(at..end)?.join(" ");
        let behind = line.strip_prefix(title.as_str())?.trim().to_owned();
        Some((behind, end))
    });
    let Some((behind, end)) = behind else {
        return Some((String::new(), lines));
    };
    Some((behind, lines.split_off(end)))
}

/// Reads a link to the author, or `[Moor, Ada]` behind the title.
pub(super) fn read_author(row: Element<'_>) -> Option<String> {
    if let Some(author) = AUTHOR.first(row) {
        return Some(element_text(author));
    }
    let (behind, _) = lines(row)?;
    let author = behind.strip_prefix('[')?.strip_suffix(']')?.trim();
    Some(author.to_owned())
}

/// Reads the number of the item or, without one, of its record.
pub(super) fn read_id(row: Element<'_>) -> Option<String> {
    let value = |input: Element<'_>| input.attr("value").map(str::trim).map(str::to_owned);
    let mut values = BOX_ID.all(row).filter_map(value);
    values
        .find(|value| !value.is_empty())
        .or_else(|| labelled(row, ITEM))
        .or_else(|| {
            let record = row.attr("id")?.strip_prefix("record")?;
            Some(record.to_owned()).filter(|record| !record.is_empty())
        })
}

/// Reads the words behind the label of the due date.
pub(super) fn read_due(row: Element<'_>) -> Option<String> {
    let (_, lines) = lines(row)?;
    let is_due = |text: &&str| has_date(text) || starts_with_never(text);
    let behind = |words: &str| {
        let mut texts = line_parts(&lines).filter_map(|part| text_after_beginning(part, &[words]));
        texts.find(is_due)
    };
    // A line with a longer label counts more than one above it with “bis”.
    let labels = DUE_WORDS.iter().chain([&UNTIL]);
    let due = labels.copied().find_map(behind);
    due.map(str::to_owned)
}

pub(super) fn read_format(row: Element<'_>) -> Option<String> {
    let format = FORMAT.first(row).map(element_text);
    format.or_else(|| labelled(row, KIND))
}

/// Reads how often a loan was renewed, without the most that is possible: `1 / 3`.
pub(super) fn read_renewals(row: Element<'_>) -> Option<String> {
    let text = labelled(row, RENEWED)?;
    text.split('/').next().map(str::to_owned)
}

pub(super) fn read_branch(row: Element<'_>) -> Option<String> {
    labelled(row, PICKUP_BRANCH_WORDS).or_else(|| labelled(row, OTHER_BRANCH))
}

/// Reads the words about a hold's state: the lines behind the title without links, labels of something else, and values
/// that are names.
pub(super) fn read_state(row: Element<'_>) -> Option<String> {
    let (_, lines) = lines_without(row, |element| {
        let is_link = LINK.matches(element) && !TITLE.matches(element);
        is_link || ALERT.matches(element)
    })?;
    let words = lines.iter().flat_map(|line| line.split('|'));
    let words: Vec<&str> = words.filter_map(words_of_state).collect();
    Some(words.join(" "))
}

/// Reads the words after a label, up to a comma or a bar.
fn labelled(row: Element<'_>, labels: &[&str]) -> Option<String> {
    let (_, lines) = lines(row)?;
    let mut texts = line_parts(&lines).filter_map(|part| text_after_beginning(part, labels));
    let text = texts.next()?.split([',', '|']).next()?.trim();
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Reads the alerts of a loan.
pub(super) fn read_alerts(row: Element<'_>) -> Option<String> {
    let alerts: Vec<String> = ALERT.all(row).map(element_text).collect();
    Some(alerts.join(" "))
}

/// Reads the alerts of a loan if one of them says that it can't be renewed.
pub(super) fn read_refusal(row: Element<'_>) -> Option<String> {
    let mut alerts = ALERT.all(row).map(element_text);
    let refuses =
        |alert: &str| forbids_renewal(alert) || text_after_words(alert, REFUSALS).is_some();
    alerts
        .any(|alert| refuses(&alert))
        .then(|| read_alerts(row))?
}
