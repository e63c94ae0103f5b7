//! Recognises an empty list that has no table, by the site's own words and counts.

use hippo_browser::reading::{Css, element_text, first_number};
use scraper::ElementRef;

use super::visibility::{has_hidden_part, is_hidden, is_within};

static ELEMENTS: Css = Css::new("*");
/// Elements whose words offer an action and don't describe the list.
static ACTION: Css = Css::new("a, button, select, option, label, input, textarea, title");
/// The parts of every entry in both generations: the link to the work, a checkbox, cells.
static ENTRY_MARKER: Css = Css::new("a.hideIE, input[type=checkbox]");
static ROWS: Css = Css::new("tr");

/// The maximum number of parts of an element that may be a sentence.
const MAX_PARTS: usize = 12;

/// Words in the ids of the account page's other lists: a group's cards, digital loans.
const OTHER_LISTS: [&str; 3] = ["group", "digital", "overdrive"];

const TOTAL: &str = "Total Items Checked Out";

pub(super) const NO_LOANS: [&str; 13] = [
    "no items checked out",
    "no checkouts",
    "you have no items checked out",
    "you have no checkouts",
    "there are no items checked out",
    "there are no checkouts",
    "you do not have any items checked out",
    "you don't have any items checked out",
    "you do not have any checkouts",
    "you don't have any checkouts",
    "no items are checked out",
    "no library checkouts",
    "you have no library checkouts",
];
pub(super) const NO_HOLDS: [&str; 12] = [
    "no holds",
    "no items on hold",
    "you have no holds",
    "you have no items on hold",
    "there are no holds",
    "there are no items on hold",
    "you do not have any holds",
    "you don't have any holds",
    "you do not have any items on hold",
    "you don't have any items on hold",
    "no items are on hold",
    "you have no library holds",
];

/// Whether a response has any part of an entry; then no words make it empty.
pub(super) fn has_entry_markers(root: ElementRef<'_>) -> bool {
    let is_data_row = |row: ElementRef<'_>| {
        let cells = row.child_elements();
        cells.filter(|cell| cell.value().name() == "td").count() > 1
    };
    ENTRY_MARKER.is_in(root) || ROWS.all(root).any(is_data_row)
}

/// Whether a visible element states only that there are no loans.
pub(super) fn states_no_loans(root: ElementRef<'_>) -> bool {
    contains_any(root, &NO_LOANS)
}

/// Whether a visible element states only that there are no holds.
pub(super) fn states_no_holds(root: ElementRef<'_>) -> bool {
    contains_any(root, &NO_HOLDS)
}

/// Returns the total of `Total Items Checked Out: 80`, right after its label or alone in the next element.
pub(super) fn read_declared_loans(root: ElementRef<'_>) -> Option<u32> {
    root.descendants().find_map(|node| {
        let (_, after) = node.value().as_text()?.split_once(TOTAL)?;
        let label = node.parent().and_then(ElementRef::wrap)?;
        if is_hidden(label) {
            return None;
        }
        if !trim_brackets(after).is_empty() {
            return number_at_start(after);
        }
        let beside = node
            .next_siblings()
            .chain(label.next_siblings())
            .map(|node| match ElementRef::wrap(node) {
                Some(element) if is_short(&element) => element_text(element),
                Some(_) => "(more)".to_owned(),
                None => node
                    .value()
                    .as_text()
                    .map(|text| text.to_string())
                    .unwrap_or_default(),
            })
            .find(|words| !trim_brackets(words).is_empty())?;
        let is_alone = trim_brackets(&beside)
            .chars()
            .all(|c| c.is_ascii_digit() || c == ',');
        is_alone.then(|| number_at_start(&beside)).flatten()
    })
}

/// Parses the whole number at the start of a text, ignoring brackets and `:`; `None` for a date or a number that
/// continues otherwise.
fn number_at_start(text: &str) -> Option<u32> {
    let text = trim_brackets(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != ',')
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let ends = rest.starts_with(|c: char| c.is_whitespace() || matches!(c, ')' | ']'));
    (ends || rest.is_empty())
        .then(|| first_number(digits))
        .flatten()
}

/// Trims the spaces, brackets and `:` around a text.
fn trim_brackets(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '(' | ')' | '[' | ']'))
}

fn contains_any(root: ElementRef<'_>, known: &[&str]) -> bool {
    ELEMENTS.all(root).filter(is_short).any(|element| {
        let words = element_text(element)
            .to_lowercase()
            .replace('\u{2019}', "'");
        let sentence = words
            .trim_end_matches(['.', '!', ' '])
            .replace("currently ", "")
            .replace(" currently", "")
            .replace(" at this time", "");
        known.contains(&sentence.as_str())
            && !is_hidden(element)
            && !has_hidden_part(element)
            && !belongs_to_other_list(element)
            && !is_action(element)
    })
}

/// Whether an element is within another list, or contains it.
fn belongs_to_other_list(element: ElementRef<'_>) -> bool {
    element
        .descendants()
        .filter_map(ElementRef::wrap)
        .any(|part| is_within(part, &OTHER_LISTS))
}

fn is_action(element: ElementRef<'_>) -> bool {
    ACTION.matches(element)
        || ACTION.is_in(element)
        || element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(|around| ACTION.matches(around))
}

/// Whether an element is small enough for a sentence, so that checking all elements stays fast.
fn is_short(element: &ElementRef<'_>) -> bool {
    element.descendants().take(MAX_PARTS + 1).count() <= MAX_PARTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    use hippo_browser::reading::parse_page;

    #[rstest]
    #[case("<p>You have no holds.</p>", true)]
    #[case("<td><div>You currently have no holds!</div></td>", true)]
    #[case("No holds", true)]
    #[case("<p>You don\u{2019}t have any holds.</p>", true)]
    #[case("<p>There are no holds on this work.</p>", false)]
    #[case("<p>If you have no holds. Ask us.</p>", false)]
    #[case("<div class=t-invisible><p>You have no holds.</p></div>", false)]
    #[case("<p style='color: red; display: none'>You have no holds.</p>", false)]
    #[case("<script>You have no holds.</script>", false)]
    #[case("<a href=x>No holds</a>", false)]
    #[case("<select><option>No holds</option></select>", false)]
    #[case("<label><input type=radio>No holds</label>", false)]
    fn only_a_separate_visible_sentence_states_an_empty_list(
        #[case] html: &str,
        #[case] expected: bool,
    ) {
        let page = parse_page(html).unwrap();
        assert_eq!(states_no_holds(page.root_element()), expected);
    }

    #[rstest]
    #[case("<div><a class='hideIE x'>Tides</a></div>", true)]
    #[case("<input type=checkbox>", true)]
    #[case("<table><tr><td>Tides</td><td>soon</td></tr></table>", true)]
    #[case(
        "<table><tr><th>Work</th><th>Due</th></tr><tr><td>None</td></tr></table>",
        false
    )]
    fn entry_markers_are_found(#[case] html: &str, #[case] expected: bool) {
        let page = parse_page(html).unwrap();
        assert_eq!(has_entry_markers(page.root_element()), expected);
    }

    #[rstest]
    #[case("<p>Total Items Checked Out: 80</p>", Some(80))]
    #[case("<p>Your Total Items Checked Out (1,204)</p>", Some(1204))]
    #[case("<p>Total Items Checked Out 6 <b>2 overdue</b></p>", Some(6))]
    #[case("<p>Total Items Checked Out: <b>6</b></p>", Some(6))]
    #[case("<p><b>Total Items Checked Out:</b> 6</p>", Some(6))]
    #[case("<tr><p>Total Items Checked Out</p> <p>(6)</p>", Some(6))]
    #[case("<p>Total Items Checked Out</p><p>As of 11/21/26: 6</p>", None)]
    #[case("<p>Total Items Checked Out</p><p>11/21/26</p>", None)]
    #[case("<p>Total Items Checked Out includes 3 kinds</p>", None)]
    #[case("<p>Total Items Checked Out: 3/4/26</p>", None)]
    #[case("<p class=hidden>Total Items Checked Out: 0</p>", None)]
    #[case(
        "<p>Total Items Checked Out:</p><table><tr><td>3</td><td>4</td></tr></table>",
        None
    )]
    fn total_is_right_after_its_label(#[case] html: &str, #[case] expected: Option<u32>) {
        let page = parse_page(html).unwrap();
        assert_eq!(read_declared_loans(page.root_element()), expected);
    }
}
