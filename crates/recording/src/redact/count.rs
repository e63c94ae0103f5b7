//! Recognises counts and sums: numbers alone in their cell or in parentheses, and numbers next to words that
//! readers count by. Any other number may be an address or a person's data.

use super::Mode;

/// Phrases next to counts.
const COUNTED: [&str; 18] = [
    "checked out",
    "hold",
    "holds",
    "item",
    "items",
    "loan",
    "loans",
    "no holds",
    "of",
    "renewal",
    "renewals",
    "renewed",
    "request",
    "requests",
    "time",
    "times",
    "total items checked out",
    "no requests",
];

/// A word between two numbers. It counts only with another phrase.
const OF: &str = "of";

const CURRENCIES: &str = "$€£¥";

/// The context of a number.
pub(super) struct NumberContext<'a> {
    /// The end of the last phrase that counts something.
    pub(super) counted: Option<usize>,
    /// Whether no letter or digit precedes it.
    pub(super) is_first: bool,
    /// Returns the length of the known phrase at a position.
    pub(super) word_at: &'a dyn Fn(usize) -> Option<usize>,
}

/// Whether a phrase counts something.
pub(super) fn is_counted(words: &str) -> bool {
    let words = words.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    let words = words.join(" ");
    words != OF && COUNTED.contains(&words.as_str())
}

/// Whether the number at this position is a count or a sum.
pub(super) fn is_count(
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
    let is_sum = is_sum(text.get(at..at + length).unwrap_or_default());
    mode == Mode::Counts
        || is_alone
        || is_in_parentheses(before, after)
        || (is_sum && has_currency(before, after))
        || follows(text, at, context)
        || precedes(text, at + length, context)
}

/// Whether parentheses contain only the number, and no words follow them.
fn is_in_parentheses(before: &[char], after: &[char]) -> bool {
    let is_beside = |c: &&char| !c.is_whitespace() && !CURRENCIES.contains(**c) && **c != '-';
    let opens = matches!(before.iter().rev().find(is_beside), Some('(' | '（'));
    let closes = matches!(after.iter().find(is_beside), Some(')' | '）'));
    opens && closes && !after.iter().any(|c| c.is_alphanumeric())
}

fn has_currency(before: &[char], after: &[char]) -> bool {
    let is_sign = |c: Option<&char>| c.is_some_and(|c| CURRENCIES.contains(*c));
    is_sign(before.iter().rev().find(|c| !c.is_whitespace()))
        || is_sign(after.iter().find(|c| !c.is_whitespace()))
}

/// Whether the number follows a phrase: `Total items checked out: 6`.
fn follows(text: &[char], at: usize, context: &NumberContext<'_>) -> bool {
    context.counted.is_some_and(|end| {
        text.get(end..at)
            .is_some_and(|between| !between.iter().any(|c| c.is_alphanumeric()))
    })
}

/// Whether the number precedes a phrase: `6 items`, `9 of 83 holds`.
fn precedes(text: &[char], end: usize, context: &NumberContext<'_>) -> bool {
    let next = |from: usize| {
        let spaces = text
            .get(from..)?
            .iter()
            .take_while(|c| c.is_whitespace())
            .count();
        Some(from + spaces).filter(|place| text.get(*place).is_some_and(|c| c.is_alphanumeric()))
    };
    let words = |place: usize| -> Option<(String, usize)> {
        let length = (context.word_at)(place)?;
        let words: String = text.get(place..place + length)?.iter().collect();
        Some((words, place + length))
    };
    let Some((first, after)) = next(end).and_then(words) else {
        return false;
    };
    if !first.eq_ignore_ascii_case(OF) {
        return is_counted(&first);
    }
    next(after)
        .and_then(|place| Some(place + count(text, place)?))
        .and_then(next)
        .and_then(words)
        .is_some_and(|(words, _)| is_counted(&words))
}

/// Whether a number has two decimals.
fn is_sum(number: &[char]) -> bool {
    matches!(number, [.., '.' | ',', a, b] if a.is_ascii_digit() && b.is_ascii_digit())
}

/// The longest count: `999.999,99`.
const MAX_COUNT_CHARS: usize = 10;

/// The length of a separate count or sum at a position: `6`, `83`, `17.25`, `1,204.50`.
pub(super) fn count(text: &[char], at: usize) -> Option<usize> {
    let from = text.get(at..)?;
    if !from.first()?.is_ascii_digit() {
        return None;
    }
    let is_part = |place: usize| {
        let is_digit = |place: usize| from.get(place).is_some_and(char::is_ascii_digit);
        is_digit(place) || (matches!(from.get(place), Some('.' | ',')) && is_digit(place + 1))
    };
    let length = (0..from.len().min(MAX_COUNT_CHARS + 1))
        .take_while(|place| is_part(*place))
        .count();
    if length > MAX_COUNT_CHARS {
        return None;
    }
    let number: String = from.get(..length)?.iter().collect();
    let before = text.get(..at)?;
    let after = from.get(length..)?;
    // A part of a word, a phone number, a time or a code is no count.
    let opens = |c: &char| c.is_whitespace() || "([{（\"'“$€£¥>|".contains(*c);
    let joined_before = match before {
        [] => false,
        ['-' | '−'] => false,
        [.., other, '-' | '−'] => !opens(other),
        [.., last] => !opens(last),
    };
    let closes = |c: &char| c.is_whitespace() || ")]}）\"'”.,:;!?%€$£|".contains(*c);
    let joined_after = match after {
        [] => false,
        [sign] => !closes(sign),
        [sign, ..] if sign.is_whitespace() => false,
        [sign, next, ..] => !closes(sign) || next.is_alphanumeric() || "%&#\\".contains(*next),
    };
    let is_digit_beside = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
    let in_group = is_digit_beside(before.iter().rev().find(|c| !c.is_whitespace()))
        || is_digit_beside(after.iter().find(|c| !c.is_whitespace()));
    (!joined_before && !joined_after && !in_group && is_small(&number)).then_some(length)
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
        assert_eq!(count(&text, 0), expected);
    }
}
