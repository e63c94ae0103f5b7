//! Redacts text: replaces words, keeps punctuation.

use super::count::{NumberContext, count_length_at, is_count_or_sum};
use super::{Mode, Redactor};
use crate::phrases::TextKind;

/// Harmless punctuation besides ASCII.
const SIGNS: &str = "“”„‘’‚«»‹›–—‑−…·•€£¥§©®™°×¿¡\u{a0}\u{202f}\u{2009}";

impl Redactor {
    /// Redacts plain text.
    pub(super) fn redact_text(&mut self, text: &str, mode: Mode) -> String {
        self.redact_text_behind(text, mode, false).0
    }

    /// Redacts plain text that may be behind a count phrase. Returns whether it ends with one, too.
    pub(super) fn redact_text_behind(
        &mut self,
        text: &str,
        mode: Mode,
        is_behind_count_phrase: bool,
    ) -> (String, bool) {
        let characters: Vec<char> = text.chars().collect();
        let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        places.push(text.len());
        let mut filled = String::with_capacity(text.len());
        let mut at = 0;
        // The end of the last count phrase.
        let mut count_phrase_end = is_behind_count_phrase.then_some(0);
        // Searched once, because a text may begin with many signs and spaces.
        let is_first_at = |found: fn(char) -> bool| {
            let first = characters.iter().position(|c| found(*c));
            first.unwrap_or(characters.len())
        };
        let first_word = is_first_at(char::is_alphanumeric);
        let first_sign = is_first_at(|c| !c.is_whitespace());
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
            let part = Part {
                text: &characters,
                at,
                rest,
                is_first: at == first_word,
                begins_text: at == first_sign,
            };
            if let Some(kept) = self.kept_at(&part, mode, count_phrase_end) {
                filled.push_str(&kept.text);
                at += kept.length.max(1);
                if kept.is_count_phrase {
                    count_phrase_end = Some(at);
                }
                continue;
            }
            let word: String = characters
                .iter()
                .skip(at)
                .take_while(|c| c.is_alphanumeric())
                .collect();
            at += word.chars().count();
            // Zeros are harmless in ordinary text, but a PIN may be all zeros.
            let is_nothing = mode != Mode::Nothing && word.chars().all(|c| c == '0');
            if is_nothing && !self.filler.is_forbidden(&word) {
                filled.push_str(&word);
            } else {
                filled.push_str(&self.filler.word(&word));
            }
        }
        let rest = count_phrase_end.and_then(|end| characters.get(end..));
        let ends = rest.is_some_and(|rest| !rest.iter().any(|c| c.is_alphanumeric()));
        (filled, mode.is_words() && ends)
    }

    /// The part of the text that is kept from this word on.
    fn kept_at(
        &mut self,
        part: &Part<'_>,
        mode: Mode,
        count_phrase_end: Option<usize>,
    ) -> Option<KeptPart> {
        let Part {
            text,
            at,
            rest,
            is_first,
            begins_text,
        } = *part;
        if mode == Mode::Nothing {
            return None;
        }
        if let Some((bytes, moved)) = self.dates.at(rest, &self.filler) {
            self.kept.dates += 1;
            return Some(KeptPart {
                length: rest.get(..bytes)?.chars().count(),
                text: moved,
                is_count_phrase: false,
            });
        }
        let text_kind = match mode {
            Mode::Words | Mode::Cell | Mode::Counts => TextKind::Words,
            Mode::Person => TextKind::Person,
            _ => TextKind::Values,
        };
        if mode != Mode::Value
            && let Some(length) = self.words.kept_length_at(text, at, begins_text, text_kind)
        {
            let kept: String = text.iter().skip(at).take(length).collect();
            self.kept.add_phrase(&kept);
            return Some(KeptPart {
                length,
                is_count_phrase: self.words.is_count_phrase(&kept),
                text: kept,
            });
        }
        if mode.is_words()
            && let Some(length) = count_length_at(text, at)
        {
            let kept: String = text.iter().skip(at).take(length).collect();
            let words = &self.words;
            let context = NumberContext {
                count_phrase_end,
                is_first,
                phrase_length_at: &|place| {
                    words.kept_length_at(text, place, false, TextKind::Words)
                },
                is_count_phrase: &|phrase| words.is_count_phrase(phrase),
            };
            if is_count_or_sum(text, at, length, mode, &context) && !self.filler.is_forbidden(&kept)
            {
                self.kept.counts_and_sums += 1;
                return Some(KeptPart {
                    length,
                    text: kept,
                    is_count_phrase: false,
                });
            }
        }
        None
    }
}

/// A word of a text, and its context.
struct Part<'a> {
    text: &'a [char],
    at: usize,
    /// The text from this word on.
    rest: &'a str,
    /// Whether no word precedes it.
    is_first: bool,
    /// Whether only spaces precede it.
    begins_text: bool,
}

/// A kept or moved part of a text.
struct KeptPart {
    /// The length of the original, in characters.
    length: usize,
    text: String,
    /// Whether a count may follow it.
    is_count_phrase: bool,
}

/// Keeps a harmless character, and replaces any other.
pub(super) fn sign(character: char) -> char {
    if character.is_ascii() || SIGNS.contains(character) {
        character
    } else if character.is_whitespace() {
        ' '
    } else {
        '□'
    }
}
