//! Text: words become fillers, signs stay.

use super::count::{Beside, is_count};
use super::{Mode, Redactor};
use crate::phrases::Among;

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
        // Where words that are counted with ended last.
        let mut counted = None;
        // Looked for once: a text may begin with many signs and spaces.
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
            if let Some(kept) = self.kept_at(&part, mode, counted) {
                filled.push_str(&kept.text);
                at += kept.length.max(1);
                if kept.is_counted {
                    counted = Some(at);
                }
                continue;
            }
            let word: String = characters
                .iter()
                .skip(at)
                .take_while(|c| c.is_alphanumeric())
                .collect();
            at += word.chars().count();
            // Zeros alone say nothing where nothing was meant by them; a PIN may be some.
            let is_nothing = mode != Mode::Nothing && word.chars().all(|c| c == '0');
            if is_nothing && !self.filler.is_barred(&word) {
                filled.push_str(&word);
            } else {
                filled.push_str(&self.filler.word(&word));
            }
        }
        filled
    }

    /// What is kept of the text from this word on.
    fn kept_at(&mut self, part: &Part<'_>, mode: Mode, counted: Option<usize>) -> Option<KeptPart> {
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
                is_counted: false,
            });
        }
        let among = match mode {
            Mode::Words | Mode::Cell | Mode::Counts => Among::Words,
            Mode::Person => Among::Person,
            _ => Among::Values,
        };
        if mode != Mode::Value
            && let Some(length) = self.words.at(text, at, begins_text, among)
        {
            let kept: String = text.iter().skip(at).take(length).collect();
            self.kept.word(&kept);
            return Some(KeptPart {
                length,
                is_counted: super::count::is_counted(&kept),
                text: kept,
            });
        }
        if mode.is_words()
            && let Some(length) = super::count::count(text, at)
        {
            let kept: String = text.iter().skip(at).take(length).collect();
            let words = &self.words;
            let beside = Beside {
                counted,
                is_first,
                word_at: &|place| words.at(text, place, false, Among::Words),
            };
            if is_count(text, at, length, mode, &beside) && !self.filler.is_barred(&kept) {
                self.kept.counts += 1;
                return Some(KeptPart {
                    length,
                    text: kept,
                    is_counted: false,
                });
            }
        }
        None
    }
}

/// A word of a text, and what stands around it.
struct Part<'a> {
    text: &'a [char],
    at: usize,
    /// The text from this word on.
    rest: &'a str,
    /// No word stands before it.
    is_first: bool,
    /// Nothing but spaces stands before it.
    begins_text: bool,
}

/// What stays of a text, or stands for it.
struct KeptPart {
    /// Of how many characters.
    length: usize,
    text: String,
    /// They are words that are counted with.
    is_counted: bool,
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
