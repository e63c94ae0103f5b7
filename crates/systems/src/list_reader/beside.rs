//! Finds the number beside known words, wherever on a page they are.

use hippo_browser::reading::{Child, Css, Element, element_text, first_number, text_after_words};

use super::sentence::is_short;

/// Returns the number right behind one of these words, in the own text of an element that `place` matches. With nothing
/// behind them, the number must be alone in what is next to it.
pub(super) fn number_beside(root: Element<'_>, words: &[&str], place: &'static Css) -> Option<u32> {
    place.all(root).find_map(|label| {
        let mut parts = label.children();
        let after = parts.find_map(|part| match part {
            Child::Text(text) => text_after_words(text, words),
            Child::Element(_) => None,
        })?;
        if !trim_brackets(after).is_empty() {
            return number_at_start(after);
        }
        let mut beside = parts.chain(label.next_siblings());
        let beside = beside.find_map(|part| {
            let words = match part {
                Child::Element(element) if is_short(element) => element_text(element),
                Child::Element(_) => "(more)".to_owned(),
                Child::Text(text) => text.to_owned(),
            };
            (!trim_brackets(&words).is_empty()).then_some(words)
        })?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    use hippo_browser::reading::parse_page;

    static PLACE: Css = Css::new(":not(.hidden)");

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
    fn number_is_right_beside_its_words(#[case] html: &str, #[case] expected: Option<u32>) {
        let page = parse_page(html).unwrap();
        let words = ["total items checked out"];
        assert_eq!(number_beside(page.root_element(), &words, &PLACE), expected);
    }
}
