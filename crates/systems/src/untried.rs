//! Libraries that public lists name, and that nobody has tried: `untried.tsv`.
//!
//! They make a library findable by its name. Its system may have changed since, so “library add” doesn't take them: only
//! the search reads the file.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use url::Url;

use crate::catalogue::{find_by_host, words};
use crate::registry::system;

const TEXT: &str = include_str!("../untried.tsv");

/// A library that nobody has tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntriedLibrary {
    /// A proposal for its id.
    pub id: String,
    /// The system that its site ran.
    pub system: String,
    /// The URL under which the site's paths began.
    pub url: Url,
    /// The timezone of its days.
    pub timezone: Tz,
    /// Its name.
    pub name: String,
    /// The city or region, and the country.
    pub place: String,
    /// Where this is written: a public repository, and the file in it.
    pub source: String,
    /// The commit of that file.
    pub commit: String,
    /// When the source was written, or else the row.
    pub written: NaiveDate,
    /// The options of its system that its site needs.
    pub options: BTreeMap<String, String>,
}

/// Finds the untried libraries whose id, name, place, system and address contain every word of `query`.
///
/// One of a system that LibraryHippo can't read isn't found, and neither is one at the host of a built-in library.
pub fn search(query: &str) -> Vec<UntriedLibrary> {
    let query_words = words(query);
    let is_match = |line: &&str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [id, system, url, _timezone, name, place, ..] = columns.as_slice() else {
            return false;
        };
        let text = [*id, *system, *url, *name, *place].join(" ").to_lowercase();
        query_words.iter().all(|word| text.contains(word))
    };
    let is_new = |library: &UntriedLibrary| {
        let host = library.url.host_str().unwrap_or_default();
        system(&library.system).is_some() && find_by_host(host).is_empty()
    };
    rows()
        .filter(is_match)
        .filter_map(parse_row)
        .filter(is_new)
        .collect()
}

/// Returns the lines of the file that are rows.
fn rows() -> impl Iterator<Item = &'static str> {
    TEXT.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn parse_row(line: &str) -> Option<UntriedLibrary> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [
        id,
        system,
        url,
        timezone,
        name,
        place,
        source,
        commit,
        written,
        options @ ..,
    ] = columns.as_slice()
    else {
        return None;
    };
    let option = |option: &&str| {
        let (name, value) = option.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    Some(UntriedLibrary {
        id: (*id).to_owned(),
        system: (*system).to_owned(),
        url: url.parse().ok()?,
        timezone: timezone.parse().ok()?,
        name: (*name).to_owned(),
        place: (*place).to_owned(),
        source: (*source).to_owned(),
        commit: (*commit).to_owned(),
        written: written.parse().ok()?,
        options: options.iter().map(option).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::libraries;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_is_complete_sorted_and_names_its_source() {
        let built_in: BTreeSet<String> =
            libraries().into_iter().map(|library| library.id).collect();
        let mut last = String::new();
        for line in rows() {
            let row = parse_row(line).unwrap_or_else(|| panic!("{line}"));
            let id = row.id.as_str();
            id.parse::<hippo_core::ids::LibraryId>().unwrap();
            assert!(last.as_str() < id, "{last} {id}");
            last = id.to_owned();
            assert!(!built_in.contains(id), "{id} is built in");
            row.system.parse::<hippo_core::ids::SystemName>().unwrap();
            for text in [&row.name, &row.place, &row.source] {
                assert!(!text.is_empty() && text.trim() == text, "{id}");
            }
            assert_eq!((row.url.scheme(), row.url.query()), ("https", None), "{id}");
            assert!(
                !line.contains("/\t"),
                "{id}: an address without a slash at its end"
            );
            let (repository, file) = row.source.split_once(' ').unwrap();
            assert_eq!(repository.split('/').count(), 2, "{id}: {repository}");
            assert!(!file.is_empty(), "{id}");
            let is_commit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
            assert!(
                row.commit.len() == 40 && row.commit.chars().all(is_commit),
                "{id}"
            );
            assert!(row.written.to_string().starts_with("20"), "{id}");
            if let Some(system) = system(&row.system) {
                let known: Vec<&str> = crate::known_options(system).map(|(name, _)| name).collect();
                for option in row.options.keys() {
                    assert!(known.contains(&option.as_str()), "{id}: {option}");
                }
            }
        }
        assert!(rows().count() >= 60);
    }

    #[test]
    fn no_two_rows_are_the_same_site_with_the_same_options() {
        let built_in = libraries().into_iter();
        let built_in =
            built_in.map(|library| (library.id, library.system, library.url, library.options));
        let untried = rows().filter_map(parse_row).map(|row| {
            let url = row.url.as_str().trim_end_matches('/').to_owned();
            (row.id, row.system, url, row.options)
        });
        let mut sites = BTreeMap::new();
        for (id, system, url, options) in built_in.chain(untried) {
            if let Some(other) = sites.insert((system, url, options), id.clone()) {
                panic!("{id} and {other} are the same site with the same options");
            }
        }
    }

    #[test]
    fn untried_library_is_found_by_its_words() {
        let ids = |query: &str| -> Vec<String> {
            search(query)
                .into_iter()
                .map(|library| library.id)
                .collect()
        };
        assert_eq!(ids("Leeds"), ["leeds"]);
        assert_eq!(ids("koha tyne"), ["newcastle-upon-tyne"]);
        assert_eq!(ids("https://catalogue.exploreyork.org.uk/"), ["york-city"]);
        assert!(
            ids("data.json").is_empty(),
            "the source is no part of a library"
        );
        assert!(ids("alexandria").is_empty());
        assert!(ids("new york").is_empty(), "only its zone is of New York");
    }

    #[test]
    fn only_libraries_of_known_systems_are_found() {
        let known = search("");
        assert!(
            known
                .iter()
                .all(|library| system(&library.system).is_some())
        );
        assert!(!known.is_empty() && known.len() <= rows().count());
    }
}
