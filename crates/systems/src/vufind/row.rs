//! Reads the rows of `VuFind`'s lists: a title, and lines of labels and values.

use hippo_browser::reading::{
    Css, element_lines, element_text, starts_with_never, text_after_words,
};
use scraper::ElementRef;

use crate::list_reader::{DUE_WORDS, PICKUP_BRANCH_WORDS, WANTED_BY_ANOTHER, has_date};

static TITLE: Css = Css::new(".title, a[href*='/Record/']");
static BOLD: Css = Css::new("strong, b");
static AUTHOR: Css = Css::new("a[href*='/Author/Home'], a[href*='type=Author'], .author");
static FORMAT: Css = Css::new(".format");
/// The boxes beside loans, and beside requests.
static BOX_ID: Css = Css::new(
    "input[name^=renewSelected][value], input[name^=selectAllIDS][value], input[name^=selectedIDS][value], \
     input[name^=cancelSelectedIDS][value], input[name^=cancelAllIDS][value]",
);
static ALERT: Css = Css::new(".alert, .alert-renew");

/// A label of the due date only at the beginning of a line or behind a comma: elsewhere it may say until when something
/// else holds.
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
/// A label of the branch that does not say whether the item is picked up there, where none says it.
pub(super) const OTHER_BRANCH: &[&str] = &["zweigstelle"];

/// Reads the title: a link, or else bold words that begin the row and are no label.
pub(super) fn read_title(row: ElementRef<'_>) -> Option<String> {
    let is_label = |text: &str| {
        let text = text.trim_end();
        text.ends_with(':') || text_after_words(text, DUE_WORDS).is_some_and(has_date)
    };
    let link = TITLE
        .all(row)
        .map(element_text)
        .find(|text| !text.is_empty());
    link.or_else(|| {
        let text = element_text(BOLD.first(row)?);
        let begins_row = element_lines(row).first()?.starts_with(&text);
        (begins_row && !is_label(&text)).then_some(text)
    })
}

/// The lines of a row behind its title, and what the title's own line has behind it.
fn lines(row: ElementRef<'_>) -> Option<(String, Vec<String>)> {
    let title = read_title(row)?;
    let mut lines = element_lines(row);
    let title_at = lines.iter().position(|line| line.starts_with(&title));
    let Some(at) = title_at else {
        return Some((String::new(), lines));
    };
    let rest = lines.split_off(at + 1);
    let behind = lines.pop().unwrap_or_default();
    let behind = behind.strip_prefix(title.as_str()).unwrap_or_default();
    Some((behind.trim().to_owned(), rest))
}

/// Reads a link to the author, or `[Moor, Ada]` behind the title.
pub(super) fn read_author(row: ElementRef<'_>) -> Option<String> {
    if let Some(author) = AUTHOR.first(row) {
        return Some(element_text(author));
    }
    let (behind, _) = lines(row)?;
    let author = behind.strip_prefix('[')?.strip_suffix(']')?.trim();
    Some(author.to_owned())
}

/// Reads the number of the item or, without one, of its record.
pub(super) fn read_id(row: ElementRef<'_>) -> Option<String> {
    let value = |input: ElementRef<'_>| input.attr("value").map(str::trim).map(str::to_owned);
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
pub(super) fn read_due(row: ElementRef<'_>) -> Option<String> {
    let (_, lines) = lines(row)?;
    let is_due = |text: &&str| has_date(text) || starts_with_never(text);
    let parts = || lines.iter().flat_map(|line| line.split([',', '|']));
    let behind = |words: &str| {
        let mut texts = lines
            .iter()
            .filter_map(|line| text_after_words(line, &[words]));
        texts.find(is_due)
    };
    // A line with a longer label counts more than one above it with “bis”.
    let labelled = DUE_WORDS.iter().find_map(|words| behind(words));
    let due = labelled.or_else(|| {
        let mut texts = parts()
            .filter(|part| begins_with_until(part))
            .filter_map(|part| text_after_words(part, &[UNTIL]));
        texts.find(is_due)
    });
    due.map(str::to_owned)
}

fn begins_with_until(part: &str) -> bool {
    let first = part
        .trim_start()
        .split(|c: char| !c.is_alphanumeric())
        .next();
    first.is_some_and(|word| word.eq_ignore_ascii_case(UNTIL))
}

pub(super) fn read_format(row: ElementRef<'_>) -> Option<String> {
    let format = FORMAT.first(row).map(element_text);
    format.or_else(|| labelled(row, KIND))
}

/// Reads how often a loan was renewed, without the most that is possible: `1 / 3`.
pub(super) fn read_renewals(row: ElementRef<'_>) -> Option<String> {
    let text = labelled(row, RENEWED)?;
    text.split('/').next().map(str::to_owned)
}

pub(super) fn read_branch(row: ElementRef<'_>) -> Option<String> {
    labelled(row, PICKUP_BRANCH_WORDS).or_else(|| labelled(row, OTHER_BRANCH))
}

/// Reads all the words of a hold behind its title.
pub(super) fn read_state(row: ElementRef<'_>) -> Option<String> {
    let (_, lines) = lines(row)?;
    Some(lines.join(" "))
}

/// Reads the words after a label, up to a comma or a bar.
fn labelled(row: ElementRef<'_>, labels: &[&str]) -> Option<String> {
    let (_, lines) = lines(row)?;
    let mut texts = lines
        .iter()
        .filter_map(|line| text_after_words(line, labels));
    let text = texts.next()?.split([',', '|']).next()?.trim();
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Reads the alerts of a loan.
pub(super) fn read_alerts(row: ElementRef<'_>) -> Option<String> {
    let alerts: Vec<String> = ALERT.all(row).map(element_text).collect();
    Some(alerts.join(" "))
}

/// Reads the alerts of a loan that are about its renewal.
pub(super) fn read_refusal(row: ElementRef<'_>) -> Option<String> {
    let alerts = read_alerts(row)?;
    let words = alerts.to_lowercase();
    let is_wanted = || text_after_words(&alerts, WANTED_BY_ANOTHER).is_some();
    (words.contains("verlänger") || words.contains("renew") || is_wanted()).then_some(alerts)
}
