//! A session's values, each replaced by a filler; names, structure, counts and moved dates stay.
//!
//! Everything is filled unless a rule here keeps it: what is not understood (a page cut short, a script,
//! an attribute that nobody knows) is filled too.

mod headers;
mod html;
mod json;
mod script;
mod text;
mod url;

use std::collections::HashMap;

use chrono::NaiveDate;

use super::dates::Dates;
use super::filler::Filler;
use super::kept::Kept;
use super::words::Words;

pub(super) use self::headers::{cookies_of_answer, cookies_of_request};

/// A name that is longer than this is more likely a value.
const LONGEST_NAME: usize = 40;

/// What a text may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The words of a page: dates, counts, and words by which the readers decide.
    Words,
    /// What a page says of the person: dates, and few words.
    Person,
    /// A work, or what hides in a page: nothing.
    Nothing,
    /// A value that may be a date.
    Value,
    /// A value that may be a date, or name a state or a kind.
    State,
}

/// Replaces the values of one session, consistently.
pub(super) struct Redactor {
    filler: Filler,
    words: Words,
    dates: Dates,
    hosts: HashMap<String, String>,
    pub(super) kept: Kept,
}

impl Redactor {
    pub(super) fn new(filler: Filler, words: Words, dates: Dates) -> Self {
        Self {
            filler,
            words,
            dates,
            hosts: HashMap::new(),
            kept: Kept::default(),
        }
    }

    /// A day, moved as all days are.
    pub(super) fn day(&self, date: NaiveDate) -> NaiveDate {
        self.dates.moved(date)
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

    /// A name: a class, an id, a field. Numbers in it are filled, and what is no name.
    pub(super) fn name(&mut self, name: &str) -> String {
        let filled = self.name_of_pieces(name);
        if !filled.is_empty() {
            self.kept.name(&filled);
        }
        filled
    }

    fn name_of_pieces(&mut self, name: &str) -> String {
        let mut filled = String::new();
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            if first.is_alphanumeric() {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric())
                    .unwrap_or(rest.len());
                let (piece, after) = rest.split_at(end);
                filled.push_str(&self.piece(piece));
                rest = after;
            } else {
                filled.push(if first.is_ascii_graphic() || first == ' ' {
                    first
                } else {
                    '_'
                });
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
        filled
    }

    /// A run of letters and digits within a name.
    fn piece(&mut self, piece: &str) -> String {
        let digits = piece.bytes().filter(u8::is_ascii_digit).count();
        let is_plain =
            piece.is_ascii() && piece.len() <= LONGEST_NAME && !self.filler.is_barred(piece);
        if !is_plain {
            return self.filler.word(piece);
        }
        let letters = piece
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(piece.len());
        let (before, from) = piece.split_at(letters);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        // `col2`, `h1`; a longer mixture is more likely a token.
        let is_name = digits <= 2 && (after.is_empty() || piece.len() <= 12);
        if is_name {
            return piece.to_owned();
        }
        // `cancelb1234567x00`: the number alone is a value.
        let is_numbered =
            after.len() <= 4 && after.bytes().filter(u8::is_ascii_alphabetic).count() <= 1;
        if !before.is_empty() && is_numbered {
            return format!("{before}{}{after}", self.filler.word(number));
        }
        self.filler.word(piece)
    }
}
