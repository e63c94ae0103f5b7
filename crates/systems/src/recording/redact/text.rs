//! Text: words become fillers, signs stay.

use super::{Mode, Redactor};
use crate::recording::words::Among;

/// Signs beside those of ASCII that say nothing.
const SIGNS: &str = "“”„‘’‚«»‹›–—‑−…·•€£¥§©®™°×¿¡\u{a0}\u{202f}\u{2009}";

impl Redactor {
    /// Replaces the words of a text that is not written in any code.
    pub(super) fn text(&mut self, text: &str, mode: Mode) -> String {
        let characters: Vec<char> = text.chars().collect();
        let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        places.push(text.len());
        let mut filled = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(character) = characters.get(at).copied() {
            if !character.is_alphanumeric() {
                filled.push(sign(character));
                at += 1;
                continue;
            }
            let rest = places
                .get(at)
                .and_then(|place| text.get(*place..))
                .unwrap_or_default();
            if let Some((length, kept)) = self.kept_at(&characters, at, rest, mode) {
                filled.push_str(&kept);
                at += length.max(1);
                continue;
            }
            let word: String = characters
                .iter()
                .skip(at)
                .take_while(|c| c.is_alphanumeric())
                .collect();
            at += word.chars().count();
            filled.push_str(&self.filler.word(&word));
        }
        filled
    }

    /// What is kept of the text from this word on: how many characters, and what is written for them.
    fn kept_at(
        &mut self,
        text: &[char],
        at: usize,
        rest: &str,
        mode: Mode,
    ) -> Option<(usize, String)> {
        if mode == Mode::Nothing {
            return None;
        }
        if let Some((bytes, moved)) = self.dates.at(rest) {
            self.kept.dates += 1;
            return Some((rest.get(..bytes)?.chars().count(), moved));
        }
        let among = match mode {
            Mode::Words => Among::Words,
            Mode::Person => Among::Person,
            _ => Among::Values,
        };
        if mode != Mode::Value
            && let Some(length) = self.words.at(text, at, among)
        {
            let kept: String = text.iter().skip(at).take(length).collect();
            self.kept.word(&kept);
            return Some((length, kept));
        }
        if mode == Mode::Words
            && let Some(length) = count(text, at)
        {
            let kept: String = text.iter().skip(at).take(length).collect();
            if !self.filler.is_barred(&kept) {
                self.kept.counts += 1;
                return Some((length, kept));
            }
        }
        None
    }
}

/// A sign as it is, or another one for one that could say something.
pub(super) fn sign(character: char) -> char {
    if character.is_ascii() || SIGNS.contains(character) {
        character
    } else if character.is_whitespace() {
        ' '
    } else {
        '□'
    }
}

/// The characters of a count or a sum of money that stands alone: `6`, `83`, `17.25`, `1,204.50`.
fn count(text: &[char], at: usize) -> Option<usize> {
    let from = text.get(at..)?;
    if !from.first()?.is_ascii_digit() {
        return None;
    }
    let is_part = |place: usize| {
        let is_digit = |place: usize| from.get(place).is_some_and(char::is_ascii_digit);
        is_digit(place) || (matches!(from.get(place), Some('.' | ',')) && is_digit(place + 1))
    };
    let length = (0..from.len()).take_while(|place| is_part(*place)).count();
    let number: String = from.get(..length)?.iter().collect();
    let before = text.get(..at)?;
    let after = from.get(length..)?;
    // Part of something longer: of a word, a telephone number, a time, a code.
    let opens = |c: &char| c.is_whitespace() || "([{\"'“$€£¥>|".contains(*c);
    let joined_before = match before {
        [] => false,
        ['-' | '−'] => false,
        [.., other, '-' | '−'] => !opens(other),
        [.., last] => !opens(last),
    };
    let closes = |c: &char| c.is_whitespace() || ")]}\"'”.,:;!?%€$£|".contains(*c);
    let joined_after = match after {
        [] => false,
        [sign] => !closes(sign),
        [sign, ..] if sign.is_whitespace() => false,
        [sign, next, ..] => !closes(sign) || next.is_alphanumeric() || "%&#\\".contains(*next),
    };
    let beside = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
    let in_group = beside(before.iter().rev().find(|c| !c.is_whitespace()))
        || beside(after.iter().find(|c| !c.is_whitespace()));
    (!joined_before && !joined_after && !in_group && is_small(&number)).then_some(length)
}

/// Up to three digits, thousands in groups, or a sum with two decimals.
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
    fn a_count_stands_alone(#[case] text: &str, #[case] expected: Option<usize>) {
        let text: Vec<char> = text.chars().collect();
        assert_eq!(count(&text, 0), expected);
    }
}
