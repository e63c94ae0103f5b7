//! Finds a sentence that is all that an element says.

use hippo_browser::reading::{Css, Element, element_text, is_hidden};

static ELEMENTS: Css = Css::new("*");
/// Elements whose words offer an action.
static ACTION: Css = Css::new("a, button, select, option, label, input, textarea, title");

/// The most parts of an element that may be a sentence, so that checking all elements stays fast.
const MAX_PARTS: usize = 12;

/// Words without which a sentence says the same.
pub(super) const FILLERS: [&str; 3] = ["currently ", " currently", " at this time"];

/// Beginnings that say the same as `no `, perhaps behind `you `.
pub(super) const BEGINNINGS: [&str; 4] = [
    "have no ",
    "there are no ",
    "do not have any ",
    "don't have any ",
];

/// Whether one of these sentences is all that an element says.
///
/// No part of the element may be hidden, offer an action, or be `elsewhere`; nor may an element around it.
pub(super) fn states_sentence(
    root: Element<'_>,
    sentences: &[&str],
    elsewhere: &'static Css,
) -> bool {
    let is_other =
        |part: Element<'_>| is_hidden(part) || ACTION.matches(part) || elsewhere.matches(part);
    let is_plain = |element: Element<'_>| {
        let within = element.elements().chain(std::iter::once(element));
        !within.chain(element.ancestors()).any(is_other)
    };
    let is_stated = |element| is_sentence(&element_text(element), sentences);
    ELEMENTS
        .all(root)
        .any(|element| is_short(element) && is_stated(element) && is_plain(element))
}

/// Whether a text is one of these sentences, which are in lower case and have no sign at their end. `no holds` stands
/// for `You don't have any holds.`, too.
pub(super) fn is_sentence(text: &str, sentences: &[&str]) -> bool {
    let words = text.to_lowercase().replace('\u{2019}', "'");
    let sentence = words.trim_end_matches(['.', '!', ' ']).to_owned();
    let sentence = FILLERS
        .iter()
        .fold(sentence, |sentence, words| sentence.replace(words, ""));
    let said = sentence.strip_prefix("you ").unwrap_or(&sentence);
    let mut beginnings = BEGINNINGS.iter();
    let rest = beginnings.find_map(|beginning| said.strip_prefix(beginning));
    let sentence = rest.map_or(sentence.clone(), |rest| format!("no {rest}"));
    sentences.contains(&sentence.as_str())
}

/// Whether an element is small enough for a sentence.
pub(super) fn is_short(element: Element<'_>) -> bool {
    element.descendants().take(MAX_PARTS + 1).count() <= MAX_PARTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    use hippo_browser::reading::parse_page;

    static ELSEWHERE: Css = Css::new("#others");

    #[rstest]
    #[case("<p>You have no holds.</p>", true)]
    #[case("<td><div>You currently have no holds!</div></td>", true)]
    #[case("<p>You don\u{2019}t have any holds at this time.</p>", true)]
    #[case("<p>You have no holds on this work.</p>", false)]
    #[case("<p>You have no holds. Ask us.</p>", false)]
    #[case("<a>You have no holds.</a>", false)]
    #[case("<p>You have <a>no holds.</a></p>", false)]
    #[case("<div id=others><p>You have no holds.</p></div>", false)]
    #[case("<div><p>You have no holds.</p><p id=others></p></div>", true)]
    #[case("<div class=hidden><p>You have no holds.</p></div>", false)]
    fn sentence_is_all_that_an_element_says(#[case] html: &str, #[case] expected: bool) {
        let page = parse_page(html).unwrap();
        let sentences = ["no holds"];
        assert_eq!(
            states_sentence(page.root_element(), &sentences, &ELSEWHERE),
            expected
        );
    }
}
