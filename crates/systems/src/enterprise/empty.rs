//! The site's own words and counts, by which a list without a table is known to be empty.

use hippo_browser::reading::{Css, element_text, first_number};
use scraper::ElementRef;

use super::shown::{has_hidden_part, is_hidden, is_within};

static ELEMENTS: Css = Css::new("*");
/// Elements whose words offer something, and say nothing of the list.
static OFFER: Css = Css::new("a, button, select, option, label, input, textarea, title");
/// What every entry has, in both generations: the link to the work, a box to tick, cells.
static SIGN_OF_ENTRY: Css = Css::new("a.hideIE, input[type=checkbox]");
static ROWS: Css = Css::new("tr");

/// An element with more parts than this is no sentence.
const MAX_PARTS: usize = 12;

/// Words of the ids of other lists on the account page: of the cards of a group, of what is lent online.
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

/// Whether an answer holds anything that an entry of a list has; then no words make it empty.
pub(super) fn has_signs_of_entries(root: ElementRef<'_>) -> bool {
    let is_data_row = |row: ElementRef<'_>| {
        let cells = row.child_elements();
        cells.filter(|cell| cell.value().name() == "td").count() > 1
    };
    SIGN_OF_ENTRY.is_in(root) || ROWS.all(root).any(is_data_row)
}

/// Whether a visible element says, and says nothing else, that nothing is out.
pub(super) fn states_no_loans(root: ElementRef<'_>) -> bool {
    contains_any(root, &NO_LOANS)
}

/// Whether a visible element says, and says nothing else, that nothing is on hold.
pub(super) fn states_no_holds(root: ElementRef<'_>) -> bool {
    contains_any(root, &NO_HOLDS)
}

/// The total in `Total Items Checked Out: 80`, right after its label, or alone in the element beside
/// it.
pub(super) fn declared_loans(root: ElementRef<'_>) -> Option<u32> {
    root.descendants().find_map(|node| {
        let (_, after) = node.value().as_text()?.split_once(TOTAL)?;
        let label = node.parent().and_then(ElementRef::wrap)?;
        if is_hidden(label) {
            return None;
        }
        if !unwrapped(after).is_empty() {
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
            .find(|words| !unwrapped(words).is_empty())?;
        let is_alone = unwrapped(&beside)
            .chars()
            .all(|c| c.is_ascii_digit() || c == ',');
        is_alone.then(|| number_at_start(&beside)).flatten()
    })
}

/// The whole number with which a text begins, brackets and `:` aside; a date, or a number that goes
/// on otherwise, is none.
fn number_at_start(text: &str) -> Option<u32> {
    let text = unwrapped(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != ',')
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let ends = rest.starts_with(|c: char| c.is_whitespace() || matches!(c, ')' | ']'));
    (ends || rest.is_empty())
        .then(|| first_number(digits))
        .flatten()
}

/// A text without the spaces, brackets and `:` around it.
fn unwrapped(text: &str) -> &str {
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
            && !is_of_other_list(element)
            && !is_offer(element)
    })
}

/// Whether an element is within another list, or around it.
fn is_of_other_list(element: ElementRef<'_>) -> bool {
    element
        .descendants()
        .filter_map(ElementRef::wrap)
        .any(|part| is_within(part, &OTHER_LISTS))
}

fn is_offer(element: ElementRef<'_>) -> bool {
    OFFER.matches(element)
        || OFFER.is_in(element)
        || element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(|around| OFFER.matches(around))
}

/// Whether an element may be a sentence; looking at all of a page's elements is quick then.
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
    fn only_a_visible_sentence_of_its_own_says_that_there_is_nothing(
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
    fn what_an_entry_has_is_seen(#[case] html: &str, #[case] expected: bool) {
        let page = parse_page(html).unwrap();
        assert_eq!(has_signs_of_entries(page.root_element()), expected);
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
    fn a_total_stands_right_after_its_label(#[case] html: &str, #[case] expected: Option<u32>) {
        let page = parse_page(html).unwrap();
        assert_eq!(declared_loans(page.root_element()), expected);
    }
}
