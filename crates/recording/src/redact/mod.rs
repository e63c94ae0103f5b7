//! A session's values, each replaced by a filler; names, structure, counts and moved dates stay.
//!
//! Everything is filled unless a rule here keeps it: what is not understood (a page cut short, a script,
//! an attribute that nobody knows) is filled too.

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

/// What a text may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The words of a page: dates, words by which the readers decide, and counts beside those words.
    Words,
    /// As [`Self::Words`], and a number that is all of the text: a cell of a table.
    Cell,
    /// As [`Self::Words`], and all small numbers: what is said of a whole list.
    Counts,
    /// What a page says of the person: dates, and few words.
    Person,
    /// A work, or what hides in a page: nothing.
    Nothing,
    /// A value that may be a date.
    Value,
    /// A value that may be a date, or name a state or a kind.
    State,
}

impl Mode {
    /// What a text may keep that is all of its element's.
    fn of_cell(self) -> Self {
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
    /// The ids of the page at hand.
    places: HashSet<String>,
    /// Words of the session's texts that are written large, in lower case: a site that makes a name of one
    /// (`bib-the-quiet-wren`) makes it of a title or a person.
    said: HashSet<String>,
    pub(super) kept: KeptValues,
}

/// A word that is shorter is part of many names.
const MIN_SAID_CHARS: usize = 4;

impl Redactor {
    pub(super) fn new(filler: Filler, words: KnownPhrases, dates: Dates) -> Self {
        Self {
            filler,
            words,
            dates,
            hosts: HashMap::new(),
            places: HashSet::new(),
            said: HashSet::new(),
            kept: KeptValues::default(),
        }
    }

    /// Learns the words of a body that no name may be made of.
    pub(super) fn learn_said(&mut self, body: &str) {
        let plain = decode_entities(body);
        let pieces = plain.split(|c: char| !c.is_alphanumeric());
        let large = pieces.filter(|piece| piece.starts_with(char::is_uppercase));
        for word in large.flat_map(allow_list::words) {
            let is_long = word.chars().count() >= MIN_SAID_CHARS;
            if is_long && word.chars().all(char::is_alphabetic) && !allow_list::is_piece(word) {
                self.said.insert(word.to_lowercase());
            }
        }
    }

    /// Whether a name has such a word in it.
    fn is_said(&self, piece: &str) -> bool {
        !self.said.is_empty()
            && std::iter::once(piece)
                .chain(allow_list::words(piece))
                .any(|word| self.said.contains(&word.to_lowercase()))
    }

    /// The body of an answer: a page, or JSON.
    pub(super) fn body(&mut self, body: &str) -> String {
        self.words.leave(0);
        let start = body.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if start.starts_with(['{', '[']) {
            return match serde_json::from_str(start) {
                Ok(value) => self.json_text(value),
                // Cut short, or no JSON after all.
                Err(_) => self.script(start),
            };
        }
        self.html(body)
    }

    /// Learns the places that a page names by ids: an address within it may name them.
    fn learn_places(&mut self, page: &str) {
        self.places.clear();
        let mut rest = page;
        while let Some(at) = rest.find('<') {
            let (_, markup) = rest.split_at(at);
            let inside = markup.get(1..).unwrap_or_default();
            if !inside.starts_with(|c: char| c.is_ascii_alphabetic()) {
                rest = inside;
                continue;
            }
            // On behind it: a page of tags without an end would be looked through from each of them.
            let (tag, after) = markup::tag(markup);
            if let Some(id) = tag.attribute("id") {
                self.places.insert(id.to_owned());
            }
            rest = after;
        }
    }

    /// The name of a place in a page, or a word or several.
    fn place_or_words(&mut self, name: &str) -> String {
        let place = name.strip_prefix('#').unwrap_or(name);
        if self.places.contains(place) {
            self.name(name)
        } else {
            self.name_by_anyone(name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::Phrase;

    #[test]
    fn a_page_of_tags_without_an_end_is_gone_through_once() {
        // Looked through from each, these would take hours.
        let page = "<a id=x ".repeat(200_000);
        assert!(!redactor().html(&page).contains('>'));
    }

    #[test]
    fn a_script_of_quotes_without_an_end_is_gone_through_once() {
        for quote in ["'", "\"", "`"] {
            let script = format!("{quote}{}", format!("\\{quote}").repeat(200_000));
            let filled = redactor().script(&format!("{script}\n'Canary'"));
            assert!(!filled.contains("Canary"));
        }
    }

    #[test]
    fn elements_that_never_end_and_ends_of_none_are_gone_through_once() {
        let page = "<div>".repeat(100_000) + &"</p>".repeat(100_000) + "<li>Canary";
        assert!(!redactor().html(&page).contains("Canary"));
    }

    #[test]
    fn a_tag_with_many_attributes_is_gone_through_once() {
        let page = format!("<input {}>", "value=Canary1 ".repeat(100_000));
        assert!(!redactor().html(&page).contains("Canary"));
    }

    #[test]
    fn a_text_of_signs_or_numbers_is_gone_through_once() {
        let text = " ".repeat(100_000) + &"items ".repeat(50_000);
        assert!(
            redactor()
                .text(&text, super::Mode::Words)
                .contains("items items")
        );
        let text = "1.".repeat(100_000);
        assert_eq!(redactor().text(&text, super::Mode::Words).len(), text.len());
        let text = "!".repeat(100_000) + &" 1a".repeat(50_000);
        assert_eq!(redactor().text(&text, super::Mode::Cell).len(), text.len());
    }

    pub(crate) fn redactor() -> Redactor {
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
            Filler::new(Vec::new()).unwrap(),
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
