//! Reads the cells of SISIS and `TouchPoint`. What a cell says is told by the order and the form of its lines.

use hippo_browser::reading::{
    Css, Element, element_lines, element_lines_without, element_text, text_after_words,
};

use crate::list_reader::{
    DUE_WORDS, PAST_DAY_WORDS, forbids_renewal, has_date, is_digital_kind, is_number_in_groups,
    is_remark, is_reminder,
};

static TITLE: Css = Css::new("strong, b");
/// The lines of a cell in newer layouts.
static BLOCK: Css = Css::new("span.d-block");
static ICON: Css = Css::new("img[title]");
/// The link that cancels a hold. Its words say nothing about the hold.
static CANCEL: Css = Css::new("a[href*='methodToCall=cancel']");
/// Words of a loan in the colour of a refusal. Without a way to renew in its row, they say why, unless it is overdue.
static REFUSAL: Css = Css::new(".textrot");
static RENEWAL: Css = Css::new(super::pages::RENEWAL);
/// The links and boxes of a cell. Their words say nothing about the hold.
static CONTROL: Css = Css::new("a, input, button");

/// The lines of a hold's cell that may be about its state.
const MAX_STATE_LINES: usize = 2;

/// How far a title may be within a link.
const MAX_LINK_DEPTH: usize = 3;

/// The least digits of an item's number.
const MIN_NUMBER_DIGITS: usize = 5;

/// What the cell with the title says.
#[derive(Debug, Default, PartialEq, Eq)]
struct TitleCell {
    title: String,
    author: Option<String>,
    number: Option<String>,
    /// The shelf mark; of a magazine, the issue.
    mark: Option<String>,
    /// The lines behind: whether it can be renewed, whether it is overdue.
    remarks: Vec<String>,
}

impl TitleCell {
    fn of(row: Element<'_>) -> Option<Self> {
        let is_action = |title: &Element<'_>| {
            let mut around = title.ancestors().take(MAX_LINK_DEPTH);
            around.any(|element| CANCEL.matches(element))
        };
        let title_in = |cell: &Element<'_>| {
            let title = TITLE.all(*cell).find(|title| !is_action(title));
            let title = title.map(element_text);
            title.filter(|title| title.is_empty() || title.contains(char::is_alphabetic))
        };
        let mut cells = row.child_elements();
        let (cell, title) = cells.find_map(|cell| Some((cell, title_in(&cell)?)))?;
        let actions: Vec<String> = CANCEL.all(cell).map(element_text).collect();
        let lines = lines(cell).into_iter();
        let lines = lines.filter(|line| !actions.contains(line));
        Some(Self::from_lines(title, lines.collect()))
    }

    fn from_lines(title: String, lines: Vec<String>) -> Self {
        let mut rest = title.as_str();
        let mut lines: Vec<String> = lines
            .into_iter()
            .skip_while(|line| {
                let is_title = !rest.is_empty();
                rest = rest
                    .strip_prefix(line.as_str())
                    .unwrap_or_default()
                    .trim_start();
                is_title
            })
            .collect();
        let number_at = lines.iter().position(|line| split_number(line).is_some());
        let before_remarks = || lines.iter().take_while(|line| !is_remark(line)).count();
        let before = number_at.unwrap_or_else(before_remarks);
        let author = lines.drain(..before).next();
        let mut remarks = lines.into_iter().peekable();
        let numbered = remarks.next_if(|line| split_number(line).is_some());
        let (number, mark) = numbered.as_deref().and_then(split_number).unzip();
        Self {
            title,
            author,
            number: number.map(str::to_owned),
            mark: mark.filter(|mark| !mark.is_empty()).map(str::to_owned),
            remarks: remarks.collect(),
        }
    }
}

/// Splits `00008973819X / Technik` into the item's number and its shelf mark.
fn split_number(line: &str) -> Option<(&str, &str)> {
    let (number, mark) = line.split_once('/').unwrap_or((line, ""));
    let number = number.trim();
    if line.contains(" / ") && is_number_in_groups(number) {
        return Some((number, mark.trim()));
    }
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_number = number
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'$' | b'*' | b'+'));
    (digits >= MIN_NUMBER_DIGITS && is_number).then(|| (number, mark.trim()))
}

fn lines(cell: Element<'_>) -> Vec<String> {
    if !BLOCK.is_in(cell) {
        return element_lines(cell);
    }
    let blocks = BLOCK.all(cell).map(element_text);
    blocks.filter(|block| !block.is_empty()).collect()
}

/// Reads the title. A magazine may have nothing but its issue.
pub(crate) fn read_title(row: Element<'_>) -> Option<String> {
    let cell = TitleCell::of(row)?;
    Some(cell.title)
        .filter(|title| !title.is_empty())
        .or(cell.mark)
}

pub(crate) fn read_author(row: Element<'_>) -> Option<String> {
    TitleCell::of(row)?.author
}

pub(crate) fn read_number(row: Element<'_>) -> Option<String> {
    TitleCell::of(row)?.number
}

/// Reads the kind of item, unless the icon has only the name of its file. A digital one may say so in place of its shelf.
pub(crate) fn read_format(row: Element<'_>) -> Option<String> {
    let name = ICON.first(row).and_then(|icon| icon.attr("title"));
    let is_name = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '/');
    let name = name
        .map(str::trim)
        .filter(|name| name.starts_with(char::is_alphabetic) && name.chars().all(is_name));
    let mark = || {
        TitleCell::of(row)?
            .mark
            .filter(|mark| is_digital_kind(mark))
    };
    name.map(str::to_owned).or_else(mark)
}

/// The last cell, unless it is the one with the title.
fn last_cell(row: Element<'_>) -> Option<Element<'_>> {
    let cell = row.child_elements().last()?;
    (!TITLE.is_in(cell)).then_some(cell)
}

/// Reads the line with the date, from the last cell.
pub(crate) fn read_due_of_row(row: Element<'_>) -> Option<String> {
    read_due(last_cell(row)?)
}

/// Reads the words behind the label of the due date, or else the only line with a date.
pub(crate) fn read_due(cell: Element<'_>) -> Option<String> {
    find_due(&lines(cell))
}

fn find_due(lines: &[String]) -> Option<String> {
    let labelled = |line: &String| {
        let words = text_after_words(line, DUE_WORDS)?;
        has_date(words).then(|| words.to_owned())
    };
    if let Some(words) = lines.iter().find_map(labelled) {
        return Some(words);
    }
    let is_past = |line: &str| text_after_words(line, PAST_DAY_WORDS).is_some();
    let dated = lines.iter().filter(|line| has_date(line) && !is_past(line));
    let mut dated: Vec<&String> = dated.collect();
    dated.dedup();
    match dated.as_slice() {
        [] => lines.first().cloned(),
        [only] => Some((*only).clone()),
        // One may be when it was lent or renewed.
        _ => None,
    }
}

/// The lines of the last cell without links and boxes.
fn hold_lines(row: Element<'_>) -> Option<Vec<String>> {
    let cell = last_cell(row)?;
    if BLOCK.is_in(cell) {
        return Some(lines(cell));
    }
    Some(element_lines_without(cell, |element| {
        CONTROL.matches(element)
    }))
}

/// Reads the words about a hold: the lines of the last cell, without the branch, a name in the third. Below a span of
/// days, it is the second.
pub(crate) fn read_state(row: Element<'_>) -> Option<String> {
    let lines = hold_lines(row)?;
    let end = branch_at(&lines).unwrap_or(lines.len());
    let words = lines.get(..end.min(MAX_STATE_LINES).min(lines.len()))?;
    Some(words.join(" "))
}

pub(crate) fn read_branch(row: Element<'_>) -> Option<String> {
    let lines = hold_lines(row)?;
    lines.get(branch_at(&lines)?).cloned()
}

fn branch_at(lines: &[String]) -> Option<usize> {
    let is_span = |line: &String| line.split(['-', '–']).filter(|day| has_date(day)).count() == 2;
    let at = match lines {
        [first, _] if is_span(first) => 1,
        _ => 2,
    };
    let is_name = |line: &&String| {
        line.starts_with(char::is_alphabetic) && !line.contains(':') && !has_date(line)
    };
    lines.get(at).filter(is_name).map(|_| at)
}

/// Reads the lines below the shelf mark.
pub(crate) fn read_remarks(row: Element<'_>) -> Option<String> {
    Some(TitleCell::of(row)?.remarks.join(" "))
}

/// Reads the remarks of a loan that can't be renewed.
pub(crate) fn read_refusal(row: Element<'_>) -> Option<String> {
    let remarks = read_remarks(row)?;
    let has_only_remark = || REFUSAL.is_in(row) && !RENEWAL.is_in(row) && !is_reminder(&remarks);
    (forbids_renewal(&remarks) || has_only_remark()).then_some(remarks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn cell(title: &str, lines: &[&str]) -> TitleCell {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        TitleCell::from_lines(title.to_owned(), lines)
    }

    #[rstest]
    #[case(&["20.02.2026"], Some("20.02.2026"))]
    #[case(&["Hauptstelle", "20.02.2026"], Some("20.02.2026"))]
    #[case(&["verlängert am 01.02.2026", "Leihfrist: 20.02.2026"], Some("20.02.2026"))]
    #[case::which(&["01.02.2026", "20.02.2026"], None)]
    #[case::never(&["unbefristet"], Some("unbefristet"))]
    fn due_date_is_the_labelled_or_the_only_one(
        #[case] lines: &[&str],
        #[case] expected: Option<&str>,
    ) {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let due = find_due(&lines);
        let due = due.as_deref().map(|due| due.trim_start_matches([':', ' ']));
        assert_eq!(due, expected);
    }

    #[rstest]
    #[case("Nebel", &["Nebel", "Moor, Ada", "A9034165 / G 4", "Verlängert."], (Some("Moor, Ada"), Some("A9034165"), Some("G 4"), 1))]
    #[case::no_author("Nebel", &["Nebel", "A9034165"], (None, Some("A9034165"), None, 0))]
    #[case::no_number("Nebel", &["Nebel", "Moor, Ada"], (Some("Moor, Ada"), None, None, 0))]
    #[case::remark_only("Nebel", &["Nebel", "Keine Verlängerung."], (None, None, None, 1))]
    #[case::magazine("", &["033254719 / Wetter 17/2"], (None, Some("033254719"), Some("Wetter 17/2"), 0))]
    #[case::two_lines("Nebel und Tau", &["Nebel", "und Tau", "Moor, Ada", "033254719"], (Some("Moor, Ada"), Some("033254719"), None, 0))]
    fn lines_are_told_apart(
        #[case] title: &str,
        #[case] lines: &[&str],
        #[case] expected: (Option<&str>, Option<&str>, Option<&str>, usize),
    ) {
        let cell = cell(title, lines);
        let read = (
            cell.author.as_deref(),
            cell.number.as_deref(),
            cell.mark.as_deref(),
            cell.remarks.len(),
        );
        assert_eq!(read, expected);
    }
}
