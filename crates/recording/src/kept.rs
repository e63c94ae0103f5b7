//! What a recording kept of a session as it was: what a person looks at before sending it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::allow_list;

/// What was kept of a session as it was; all else is filled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeptValues {
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
    /// The names of cookies that are known; others are filled.
    pub cookies: BTreeSet<String>,
    /// The parts of addresses.
    pub addresses: BTreeSet<String>,
    /// The names of classes, ids, fields, headers and keys; `…` stands for what was filled in them.
    pub names: BTreeSet<String>,
}

impl KeptValues {
    /// The names that no reader looks for and not any site has: the site's makers' own, or a person's after all.
    pub fn names_that_nobody_knows(&self) -> Vec<&str> {
        let is_known = |name: &str| {
            let name = name.replace('…', "");
            !name.chars().any(char::is_alphanumeric)
                || allow_list::is_name(&name)
                || allow_list::is_header(&name)
                || allow_list::is_cookie(&name)
        };
        self.names
            .iter()
            .map(String::as_str)
            .filter(|name| !is_known(name))
            .collect()
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_knows_are_told_from_those_that_any_site_has() {
        let mut kept = KeptValues::default();
        for name in [
            "patFuncTitle",
            "x-frame-options",
            "okafor",
            "item-okafor",
            "row…",
            "CGISESSID",
        ] {
            kept.name(name);
        }
        assert_eq!(kept.names_that_nobody_knows(), ["item-okafor", "okafor"]);
    }
}
