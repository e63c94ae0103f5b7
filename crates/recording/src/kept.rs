//! The values that a recording keeps unchanged, for a person to review before sending it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::allow_list;

/// The values that were kept unchanged. All others are replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KeptValues {
    /// The number of requests.
    pub requests: usize,
    /// The number of hosts, each replaced with an example.
    pub hosts: usize,
    /// How many numbers of up to three digits and sums of money were kept.
    #[serde(rename = "counts")]
    pub counts_and_sums: usize,
    /// How many dates were shifted, all by the same number of days.
    pub dates: usize,
    /// The site's phrases, with their number of occurrences.
    #[serde(rename = "words")]
    pub phrases: BTreeMap<String, usize>,
    /// The names of known cookies. Others are replaced.
    pub cookies: BTreeSet<String>,
    /// The kept parts of URLs.
    #[serde(rename = "addresses")]
    pub url_parts: BTreeSet<String>,
    /// The names of classes, ids, fields, headers and keys. `…` marks replaced parts.
    pub names: BTreeSet<String>,
}

impl KeptValues {
    /// The names that aren't on an allow list. They may come from the site's makers, or contain a person's name.
    pub fn unrecognised_names(&self) -> Vec<&str> {
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

    pub(super) fn add_phrase(&mut self, phrase: &str) {
        let phrase = phrase.split_whitespace().collect::<Vec<_>>().join(" ");
        *self.phrases.entry(phrase).or_default() += 1;
    }

    pub(super) fn add_cookie(&mut self, name: &str) {
        self.cookies.insert(name.to_owned());
    }

    pub(super) fn add_url_part(&mut self, part: &str) {
        self.url_parts.insert(part.to_owned());
    }

    pub(super) fn add_name(&mut self, name: &str) {
        for name in name.split_whitespace() {
            self.names.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unrecognised_names_differ_from_common_ones() {
        let mut kept = KeptValues::default();
        for name in [
            "patFuncTitle",
            "x-frame-options",
            "okafor",
            "item-okafor",
            "row…",
            "CGISESSID",
        ] {
            kept.add_name(name);
        }
        assert_eq!(kept.unrecognised_names(), ["item-okafor", "okafor"]);
    }
}
