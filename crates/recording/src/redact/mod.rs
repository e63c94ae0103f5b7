//! Replaces a session's values with fillers. Keeps names, structure, counts and shifted dates.
//!
//! Every value is replaced unless a rule keeps it, including everything that isn't understood: a truncated
//! page, a script, an unknown attribute.

mod attributes;
mod count;
mod headers;
mod html;
mod json;
mod markup;
mod names;
mod script;
mod text;
mod url;

use std::collections::{HashMap, HashSet};

use hippo_browser::reading::decode_entities;

use super::allow_list;
use super::dates::Dates;
use super::filler::Filler;
use super::kept::KeptValues;
use super::phrases::KnownPhrases;

pub(super) use self::headers::{cookies_of_answer, cookies_of_request};

/// What is kept of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Text of a page: keeps dates, readers' phrases, and counts next to those phrases.
    Words,
    /// Text of a table cell: like [`Self::Words`], and keeps a number that is the whole text.
    Cell,
    /// Text about a whole list: like [`Self::Words`], and keeps all small numbers.
    Counts,
    /// Text about the person: keeps dates and a few phrases.
    Person,
    /// Data of a work, or hidden data: keeps nothing.
    Nothing,
    /// A value: keeps dates.
    Value,
    /// A value that may name a state or a kind: keeps dates and whole phrases.
    State,
}

impl Mode {
    /// The mode for a text that is its element's whole text.
    fn in_cell(self) -> Self {
        match self {
            Self::Words => Self::Cell,
            other => other,
        }
    }

    fn is_words(self) -> bool {
        matches!(self, Self::Words | Self::Cell | Self::Counts)
    }
}

/// Replaces the values of one session, consistently.
pub(super) struct Redactor {
    filler: Filler,
    words: KnownPhrases,
    dates: Dates,
    hosts: HashMap<String, String>,
    /// The ids of the current page.
    page_ids: HashSet<String>,
    /// Capitalised words of the session's texts, in lower case. A name that contains one (`bib-the-quiet-wren`)
    /// may be made from a title or a person's name.
    page_words: HashSet<String>,
    pub(super) kept: KeptValues,
}

/// A shorter word is part of many names.
const MIN_PAGE_WORD_CHARS: usize = 4;

impl Redactor {
    pub(super) fn new(filler: Filler, words: KnownPhrases, dates: Dates) -> Self {
        Self {
            filler,
            words,
            dates,
            hosts: HashMap::new(),
            page_ids: HashSet::new(),
            page_words: HashSet::new(),
            kept: KeptValues::default(),
        }
    }

    /// Learns the words of a body that no kept name may contain.
    pub(super) fn learn_page_words(&mut self, body: &str) {
        let plain = decode_entities(body);
        let pieces = plain.split(|c: char| !c.is_alphanumeric());
        let large = pieces.filter(|piece| piece.starts_with(char::is_uppercase));
        for word in large.flat_map(allow_list::words) {
            let is_long = word.chars().count() >= MIN_PAGE_WORD_CHARS;
            if is_long && word.chars().all(char::is_alphabetic) && !allow_list::is_common_word(word)
            {
                self.page_words.insert(word.to_lowercase());
            }
        }
    }

    /// Whether a name contains such a word.
    fn is_page_word(&self, piece: &str) -> bool {
        !self.page_words.is_empty()
            && std::iter::once(piece)
                .chain(allow_list::words(piece))
                .any(|word| self.page_words.contains(&word.to_lowercase()))
    }

    /// Redacts the body of an answer: a page, or JSON.
    pub(super) fn redact_body(&mut self, body: &str) -> String {
        self.words.leave(0);
        let start = body.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if start.starts_with(['{', '[']) {
            return match serde_json::from_str(start) {
                Ok(value) => self.redact_json(value),
                // Truncated or invalid JSON.
                Err(_) => self.redact_script(start),
            };
        }
        self.redact_html(body)
    }

    /// Learns the ids of a page, because links within it refer to them.
    fn learn_page_ids(&mut self, page: &str) {
        self.page_ids.clear();
        let mut rest = page;
        while let Some(at) = rest.find('<') {
            let (_, markup) = rest.split_at(at);
            let inside = markup.get(1..).unwrap_or_default();
            if !inside.starts_with(|c: char| c.is_ascii_alphabetic()) {
                rest = inside;
                continue;
            }
            // Continues after the tag, so that unclosed tags take linear time.
            let (tag, after) = markup::parse_tag(markup);
            if let Some(id) = tag.attribute("id") {
                self.page_ids.insert(id.to_owned());
            }
            rest = after;
        }
    }

    /// Redacts a reference to an id of the page, or other words.
    fn id_or_known_words(&mut self, name: &str) -> String {
        let place = name.strip_prefix('#').unwrap_or(name);
        if self.page_ids.contains(place) {
            self.name(name)
        } else {
            self.name_with_known_words(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::Phrase;

    #[test]
    fn unclosed_tags_take_linear_time() {
        // In quadratic time this would take hours.
        let page = "<a id=x ".repeat(200_000);
        assert!(!redactor().redact_html(&page).contains('>'));
    }

    #[test]
    fn unclosed_quotes_take_linear_time() {
        for quote in ["'", "\"", "`"] {
            let script = format!("{quote}{}", format!("\\{quote}").repeat(200_000));
            let filled = redactor().redact_script(&format!("{script}\n'Canary'"));
            assert!(!filled.contains("Canary"));
        }
    }

    #[test]
    fn unmatched_elements_take_linear_time() {
        let page = "<div>".repeat(100_000) + &"</p>".repeat(100_000) + "<li>Canary";
        assert!(!redactor().redact_html(&page).contains("Canary"));
    }

    #[test]
    fn many_attributes_take_linear_time() {
        let page = format!("<input {}>", "value=Canary1 ".repeat(100_000));
        assert!(!redactor().redact_html(&page).contains("Canary"));
    }

    #[test]
    fn signs_and_numbers_take_linear_time() {
        let text = " ".repeat(100_000) + &"items ".repeat(50_000);
        assert!(
            redactor()
                .redact_text(&text, super::Mode::Words)
                .contains("items items")
        );
        let text = "1.".repeat(100_000);
        assert_eq!(
            redactor().redact_text(&text, super::Mode::Words).len(),
            text.len()
        );
        let text = "!".repeat(100_000) + &" 1a".repeat(50_000);
        assert_eq!(
            redactor().redact_text(&text, super::Mode::Cell).len(),
            text.len()
        );
    }

    #[test]
    fn known_part_of_an_address_that_is_the_pin_is_replaced() {
        for (pin, is_kept) in [("4711", true), ("Opac-Detail", false)] {
            let mut redactor = redactor_without(vec![pin.to_owned()]);
            for url in [
                "/opac-detail",
                "/opac-detail_12",
                "/x?opac-detail=1",
                "/x?y=opac-detail",
            ] {
                let filled = redactor.redact_url(url);
                assert_eq!(filled.contains("opac-detail"), is_kept, "{filled}");
            }
        }
    }

    pub(crate) fn redactor() -> Redactor {
        redactor_without(Vec::new())
    }

    fn redactor_without(forbidden: Vec<String>) -> Redactor {
        let words = [
            Phrase::Beginning("ready"),
            Phrase::Address("opac-detail"),
            Phrase::OfPerson("exp date"),
            Phrase::Anywhere("items"),
            Phrase::Anywhere("of"),
            Phrase::Anywhere("holds"),
            Phrase::Anywhere("renewed"),
        ];
        Redactor::new(
            Filler::new(forbidden).unwrap(),
            KnownPhrases::new(&words),
            Dates::new(
                &["%m-%d-%y"],
                1,
                chrono_tz::America::Toronto,
                "2026-11-21".parse().unwrap(),
            ),
        )
    }
}
