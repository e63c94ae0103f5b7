//! What a recording kept of a session as it was: what a person looks at before sending it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What was kept of a session as it was; all else is filled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// How many requests there were.
    pub requests: usize,
    /// How many hosts were replaced by examples.
    pub hosts: usize,
    /// How many numbers of up to three digits and sums of money stand in it.
    pub counts: usize,
    /// How many dates stand in it, each moved by the same number of days.
    pub dates: usize,
    /// The words of the site's own, with how often they stand there.
    pub words: BTreeMap<String, usize>,
    /// The names of cookies.
    pub cookies: BTreeSet<String>,
    /// The parts of addresses.
    pub addresses: BTreeSet<String>,
    /// The names of classes, ids, fields, headers and keys; numbers in them are filled.
    pub names: BTreeSet<String>,
}

impl Kept {
    pub(super) fn word(&mut self, word: &str) {
        let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
        *self.words.entry(word).or_default() += 1;
    }

    pub(super) fn cookie(&mut self, name: &str) {
        self.cookies.insert(name.to_owned());
    }

    pub(super) fn address(&mut self, part: &str) {
        self.addresses.insert(part.to_owned());
    }

    pub(super) fn name(&mut self, name: &str) {
        for name in name.split_whitespace() {
            self.names.insert(name.to_owned());
        }
    }
}
