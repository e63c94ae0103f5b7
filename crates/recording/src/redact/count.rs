//! Recognises counts and sums: numbers alone in their cell or in parentheses, and numbers next to words that
//! readers count by. Any other number may be an address or a person's data.

use super::Mode;

/// The word between two numbers: `9 of 83 holds`. It isn't a count phrase on its own.
const OF: &str = "of";

const CURRENCIES: &str = "$€£¥";

/// The context of a number.
pub(super) struct NumberContext<'a> {
    /// The end of the last count phrase before it.
    pub(super) count_phrase_end: Option<usize>,
    /// Whether no letter or digit precedes it.
    pub(super) is_first: bool,
    /// Returns the length of the known phrase at a position.
    pub(super) phrase_length_at: &'a dyn Fn(usize) -> Option<usize>,
    /// Whether a phrase stands next to a count.
    pub(super) is_count_phrase: &'a dyn Fn(&str) -> bool,
}

/// Whether the number at this position is a count or a sum.
pub(super) fn is_count_or_sum(
    text: &[char],
    at: usize,
    length: usize,
    mode: Mode,
    context: &NumberContext<'_>,
) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at + length..).unwrap_or_default();
    let has_words = |part: &[char]| part.iter().any(|c| c.is_alphanumeric());
    let is_alone = mode == Mode::Cell && context.is_first && !has_words(after);
    let number = text.get(at..at + length).unwrap_or_default();
    mode == Mode::Counts
        || is_alone
        || is_in_parentheses(before, after)
        || (has_two_decimals(number) && has_currency(before, after))
        || follows_phrase(text, at, context)
        || (context.is_first && is_place_in_queue(text, at + length))
        || precedes_phrase(text, at + length, context)
}

/// Whether nothing but the length of a queue follows a number: `9 of 83`.
fn is_place_in_queue(text: &[char], end: usize) -> bool {
    let rest: String = text.iter().skip(end).take(MAX_QUEUE_CHARS).collect();
    match rest.split_whitespace().collect::<Vec<_>>().as_slice() {
        [of, length] => {
            of.eq_ignore_ascii_case(OF)
                && length.len() <= MAX_COUNT_CHARS
                && length.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

/// Whether parentheses contain only the number, and no words follow them.
fn is_in_parentheses(before: &[char], after: &[char]) -> bool {
    let is_significant = |c: &&char| !c.is_whitespace() && !CURRENCIES.contains(**c) && **c != '-';
    let opens = matches!(before.iter().rev().find(is_significant), Some('(' | '（'));
    let closes = matches!(after.iter().find(is_significant), Some(')' | '）'));
    opens && closes && !after.iter().any(|c| c.is_alphanumeric())
}

fn has_currency(before: &[char], after: &[char]) -> bool {
    let is_sign = |c: Option<&char>| c.is_some_and(|c| CURRENCIES.contains(*c));
    is_sign(before.iter().rev().find(|c| !c.is_whitespace()))
        || is_sign(after.iter().find(|c| !c.is_whitespace()))
}

/// Whether the number follows a phrase: `Total items checked out: 6`.
fn follows_phrase(text: &[char], at: usize, context: &NumberContext<'_>) -> bool {
    context.count_phrase_end.is_some_and(|end| {
        text.get(end..at)
            .is_some_and(|between| !between.iter().any(|c| c.is_alphanumeric()))
    })
}

/// Whether the number precedes a phrase: `6 items`, `9 of 83 holds`.
fn precedes_phrase(text: &[char], end: usize, context: &NumberContext<'_>) -> bool {
    let next_word = |from: usize| {
        let spaces = text
            .get(from..)?
            .iter()
            .take_while(|c| c.is_whitespace())
            .count();
        Some(from + spaces).filter(|at| text.get(*at).is_some_and(|c| c.is_alphanumeric()))
    };
    let phrase_and_end = |at: usize| -> Option<(String, usize)> {
        let end = at + (context.phrase_length_at)(at)?;
        let phrase: String = text.get(at..end)?.iter().collect();
        Some((phrase, end))
    };
    let Some((first, first_end)) = next_word(end).and_then(phrase_and_end) else {
        return false;
    };
    if !first.eq_ignore_ascii_case(OF) {
        return (context.is_count_phrase)(&first);
    }
    next_word(first_end)
        .and_then(|at| Some(at + count_length_at(text, at)?))
        .and_then(next_word)
        .and_then(phrase_and_end)
        .is_some_and(|(phrase, _)| (context.is_count_phrase)(&phrase))
}

/// Whether a number ends with two decimals, like a sum of money.
fn has_two_decimals(number: &[char]) -> bool {
    matches!(number, [.., '.' | ',', a, b] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// A longer text after a number isn't a length of a queue.
const MAX_QUEUE_CHARS: usize = 30;

/// The length of the longest count or sum: `999.999,99`.
const MAX_COUNT_CHARS: usize = 10;

/// Returns the length of the number at a position, if it stands alone and may be a count or a sum: `6`, `83`,
/// `17.25`, `1,204.50`.
pub(super) fn count_length_at(text: &[char], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    if !rest.first()?.is_ascii_digit() {
        return None;
    }
    let is_in_number = |place: usize| {
        let is_digit = |place: usize| rest.get(place).is_some_and(char::is_ascii_digit);
        is_digit(place) || (matches!(rest.get(place), Some('.' | ',')) && is_digit(place + 1))
    };
    let length = (0..rest.len().min(MAX_COUNT_CHARS + 1))
        .take_while(|place| is_in_number(*place))
        .count();
    if length > MAX_COUNT_CHARS {
        return None;
    }
    let number: String = rest.get(..length)?.iter().collect();
    let before = text.get(..at)?;
    let after = rest.get(length..)?;
    // A part of a word, a phone number, a time or a code isn't a count.
    let is_separate =
        !is_joined_before(before) && !is_joined_after(after) && !is_in_digit_group(before, after);
    (is_separate && is_small(&number)).then_some(length)
}

/// Whether the text before a number ends with a character that joins it: `x12`, `555-12`.
fn is_joined_before(before: &[char]) -> bool {
    let is_opening = |c: &char| c.is_whitespace() || "([{（\"'“$€£¥>|".contains(*c);
    match before {
        [] => false,
        ['-' | '−'] => false,
        [.., other, '-' | '−'] => !is_opening(other),
        [.., last] => !is_opening(last),
    }
}

/// Whether the text after a number begins with a character that joins it: `12b`, `23:59`.
fn is_joined_after(after: &[char]) -> bool {
    let is_closing = |c: &char| c.is_whitespace() || ")]}）\"'”.,:;!?%€$£|".contains(*c);
    match after {
        [] => false,
        [sign] => !is_closing(sign),
        [sign, ..] if sign.is_whitespace() => false,
        [sign, next, ..] => !is_closing(sign) || next.is_alphanumeric() || "%&#\\".contains(*next),
    }
}

/// Whether only spaces separate a number from another one: `123 456 789`.
fn is_in_digit_group(before: &[char], after: &[char]) -> bool {
    let is_digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
    is_digit(before.iter().rev().find(|c| !c.is_whitespace()))
        || is_digit(after.iter().find(|c| !c.is_whitespace()))
}

/// Whether a number has up to three digits, digit groups, or two decimals.
fn is_small(number: &str) -> bool {
    let groups: Vec<&str> = number.split(['.', ',']).collect();
    match groups.as_slice() {
        [one] => one.len() <= 3,
        [whole, last] => whole.len() <= 3 && matches!(last.len(), 2 | 3),
        [whole, middle, cents] => whole.len() <= 3 && middle.len() == 3 && cents.len() == 2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    use crate::redact::tests::redactor;

    #[rstest]
    #[case("6 items", "6 items")]
    #[case("9 of 83 holds", "9 of 83 holds")]
    #[case("Renewed 2 times", "Renewed 2")]
    #[case("Bxd Krvts (6)", "(6)")]
    #[case("借出（6）", "6")]
    #[case("Bxd ($17.25)", "($17.25)")]
    #[case("You owe $17.25 now", "$17.25")]
    #[case("Items: 14", "Items: 14")]
    fn count_next_to_its_words_is_kept(#[case] text: &str, #[case] expected: &str) {
        let filled = redactor().redact_text(text, Mode::Words);
        assert!(filled.contains(expected), "{filled}");
    }

    #[rstest]
    #[case("(519) 555-1234 or 12 Elm Street, Apt 34", &["519", "12", "34"])]
    #[case("12 of 34 Elm Street", &["12", "34"])]
    #[case("born 19 of 11", &["19", "11"])]
    #[case("at 43.47, 80.52", &["43", "47", "80", "52"])]
    #[case("12", &["12"])]
    fn number_among_other_words_is_filled(#[case] text: &str, #[case] numbers: &[&str]) {
        let filled = redactor().redact_text(text, Mode::Words);
        let words = |text: &str| -> Vec<String> {
            let words = text.split(|c: char| !c.is_alphanumeric());
            words.map(str::to_owned).collect()
        };
        // The filler of one number may equal another number.
        for (before, after) in words(text).iter().zip(words(&filled)) {
            let is_asked_for = numbers.contains(&before.as_str());
            assert!(!is_asked_for || *before != after, "{filled}");
        }
    }

    #[rstest]
    #[case("<td> 12 </td>", "12")]
    #[case("<td class=x>17.25</td>", "17.25")]
    #[case("<caption>12 Titel</caption>", "12")]
    #[case("<p>Elm <span class=count>12</span> Street", "12")]
    fn number_that_fills_a_cell_is_kept(#[case] page: &str, #[case] expected: &str) {
        let filled = redactor().redact_html(page);
        assert!(filled.contains(expected), "{filled}");
    }

    #[rstest]
    #[case("<td>12<br>Elm Street</td>")]
    #[case("<td><b>12</b> Elm Street</td>")]
    #[case("<td>Elm Street <span>12</span></td>")]
    #[case("<td>12")]
    fn number_in_part_of_a_cell_is_filled(#[case] page: &str) {
        let filled = redactor().redact_html(page);
        assert!(!filled.contains("12"), "{filled}");
    }

    #[rstest]
    #[case("6 items", Some(1))]
    #[case("83", Some(2))]
    #[case("17.25", Some(5))]
    #[case("1.204,50 €", Some(8))]
    #[case("1,204", Some(5))]
    #[case("4711", None)]
    #[case("519-555-1234", None)]
    #[case("123 456 789", None)]
    #[case("12b", None)]
    #[case("23:59", None)]
    #[case("1.2.3.4", None)]
    #[case("32%31%39", None)]
    #[case("90;&#97;", None)]
    fn count_is_a_separate_number(#[case] text: &str, #[case] expected: Option<usize>) {
        let text: Vec<char> = text.chars().collect();
        assert_eq!(count_length_at(&text, 0), expected);
    }
}
