//! The built-in libraries: `libraries.toml`.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Deserialize;
use url::Url;

const TEXT: &str = include_str!("../libraries.toml");

/// A built-in library.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownLibrary {
    /// The library's short name for itself; `hippo library add` uses it as the id.
    pub id: String,
    /// The name in mails.
    pub name: String,
    /// The city or region, and the country.
    pub place: String,
    /// The system of its site.
    pub system: String,
    /// The URL under which the site's paths begin.
    pub url: String,
    /// The timezone of its days.
    pub timezone: Tz,
    /// The site's date format (strftime), if the system needs it.
    pub date_format: Option<String>,
    /// The ISO 4217 code of the site's amounts.
    pub currency: Option<String>,
    /// The other hosts that may receive a number and PIN.
    pub login_hosts: Vec<String>,
    /// The other options of the system.
    pub options: BTreeMap<String, String>,
    /// Where and when this was observed.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    library: Vec<KnownLibrary>,
}

/// Returns all libraries, by id; none if the file is invalid, which a test would find.
pub fn libraries() -> Vec<KnownLibrary> {
    match toml::from_str::<File>(TEXT) {
        Ok(file) => file.library,
        Err(error) => {
            tracing::error!(%error, "The list of libraries is invalid.");
            Vec::new()
        }
    }
}

/// Finds the libraries whose id, name, place, system and host contain every word of `query`.
pub fn search(query: &str) -> Vec<KnownLibrary> {
    let words = words(query);
    let mut found = libraries();
    found.retain(|library| {
        let text = searchable_text(library).join(" ");
        words.iter().all(|word| text.contains(word))
    });
    found
}

/// Finds the libraries that contain every word of `query`, allowing a typo in each: one letter, or two in a long word.
pub fn search_with_typos(query: &str) -> Vec<KnownLibrary> {
    let query_words = words(query);
    let mut found = libraries();
    found.retain(|library| {
        let library_words = words(&searchable_text(library).join(" "));
        let is_similar = |word: &String| {
            let most = word.chars().count() / 4;
            library_words
                .iter()
                .any(|library_word| edit_distance(word, library_word) <= most.min(2))
        };
        !query_words.is_empty() && query_words.iter().all(is_similar)
    });
    found
}

fn searchable_text(library: &KnownLibrary) -> [String; 5] {
    [
        &library.id,
        &library.name,
        &library.place,
        &library.system,
        &library.url,
    ]
    .map(|part| part.to_lowercase())
}

/// Splits a text into its words, in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Returns how many letters must be inserted, deleted or replaced to turn one word into the other.
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for letter in one.chars() {
        let mut row = Vec::with_capacity(above.len());
        let mut left = above.first().map_or(0, |first| first + 1);
        row.push(left);
        for (pair, with) in above.windows(2).zip(&other) {
            let [before, over] = pair else { continue };
            left = (before + usize::from(letter != *with))
                .min(over + 1)
                .min(left + 1);
            row.push(left);
        }
        above = row;
    }
    above.last().copied().unwrap_or_default()
}

/// Finds the library whose site begins at this URL, with these options.
///
/// If several libraries share a site, an option distinguishes them.
pub fn find_at(
    system: &str,
    url: &Url,
    options: &BTreeMap<String, String>,
) -> Option<KnownLibrary> {
    let address = url.as_str().trim_end_matches('/');
    let is_match = |library: &KnownLibrary| {
        let mut own = options.iter();
        library.system == system
            && library.url == address
            && own.all(|(name, value)| library.options.get(name) == Some(value))
    };
    let mut found = libraries().into_iter().filter(is_match);
    // An ambiguous match is none.
    found.next().filter(|_| found.next().is_none())
}

/// Finds the libraries whose sites have this host.
pub fn find_by_host(host: &str) -> Vec<KnownLibrary> {
    let mut found = libraries();
    found.retain(|library| Url::parse(&library.url).is_ok_and(|url| url.host_str() == Some(host)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::system;

    #[test]
    fn every_library_is_complete_and_sorted() {
        let file = toml::from_str::<File>(TEXT).unwrap();
        let ids: Vec<&str> = file
            .library
            .iter()
            .map(|library| library.id.as_str())
            .collect();
        assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
        for library in &file.library {
            let id = &library.id;
            id.parse::<hippo_core::ids::LibraryId>().unwrap();
            for text in [&library.name, &library.place, &library.source] {
                assert!(!text.trim().is_empty() && text.trim() == text, "{id}");
            }
            let url = Url::parse(&library.url).unwrap();
            assert_eq!((url.scheme(), url.query()), ("https", None), "{id}");
            assert!(!library.url.ends_with('/'), "{id}: {url}");
            let system = system(&library.system).unwrap_or_else(|| panic!("{id}: its system"));
            assert_eq!(
                library.date_format.is_some(),
                system.needs_date_format(),
                "{id}: a date format where the system needs it, and nowhere else"
            );
            // Sites of the United States and Canada print `$` alone.
            assert!(
                matches!(library.currency.as_deref(), Some("CAD" | "USD")),
                "{id}: its currency"
            );
            for host in &library.login_hosts {
                assert!(
                    Url::parse(&format!("https://{host}/")).is_ok(),
                    "{id}: {host}"
                );
                assert_ne!(Some(host.as_str()), url.host_str(), "{id}: its own host");
            }
            let known: Vec<&str> = crate::known_options(system).map(|(name, _)| name).collect();
            for option in library.options.keys() {
                assert!(known.contains(&option.as_str()), "{id}: {option}");
            }
        }
    }

    #[test]
    fn library_is_found_by_its_base_url() {
        let id = |system: &str, url: &str, options: &[(&str, &str)]| {
            let options = options
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            find_at(system, &url.parse().unwrap(), &options.collect()).map(|library| library.id)
        };
        let sierra = |options| id("sierra", "https://books.kpl.org/", options);
        assert_eq!(sierra(&[("scope", "S1")]).as_deref(), Some("kpl"));
        assert_eq!(sierra(&[("scope", "S3")]).as_deref(), Some("wpl"));
        assert_eq!(sierra(&[("scope", "S9")]), None);
        assert_eq!(sierra(&[]), None, "there are two");
        let sfpl = id("bibliocommons", "https://sfpl.bibliocommons.com", &[]);
        assert_eq!(sfpl.as_deref(), Some("sfpl"));
        assert_eq!(id("koha", "https://sfpl.bibliocommons.com", &[]), None);
        let ids = |host: &str| -> Vec<String> {
            find_by_host(host)
                .into_iter()
                .map(|library| library.id)
                .collect()
        };
        assert_eq!(ids("books.kpl.org"), ["kpl", "wpl"]);
        assert!(ids("kpl.org").is_empty());
    }

    #[test]
    fn library_is_found_by_any_of_its_words() {
        let ids = |query: &str| -> Vec<String> {
            search(query)
                .into_iter()
                .map(|library| library.id)
                .collect()
        };
        assert_eq!(ids("kitchener"), ["kpl"]);
        assert_eq!(ids("WATERLOO ontario"), ["rwl", "wpl"]);
        assert_eq!(ids("region waterloo"), ["rwl"]);
        assert_eq!(ids("san francisco"), ["sfpl"]);
        assert_eq!(ids("bibliocommons oregon"), ["wccls"]);
        assert_eq!(ids("Waterloo, (Ontario)"), ["rwl", "wpl"]);
        assert_eq!(ids("san-francisco"), ["sfpl"]);
        assert_eq!(ids("https://books.kpl.org/"), ["kpl", "wpl"]);
        assert!(ids("alexandria").is_empty());
        assert_eq!(ids("").len(), libraries().len());
    }

    #[test]
    fn library_is_found_despite_a_typo() {
        let ids = |query: &str| -> Vec<String> {
            let found = search_with_typos(query).into_iter();
            found.map(|library| library.id).collect()
        };
        assert_eq!(ids("Kitchner"), ["kpl"]);
        assert_eq!(ids("watrloo region"), ["rwl"]);
        assert_eq!(ids("San Fráncisco"), ["sfpl"]);
        for other in ["", "alexandria", "wp", "kitchener oregon"] {
            assert!(ids(other).is_empty(), "{other}");
        }
    }

    #[test]
    fn edit_distance_counts_changed_letters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("oregon", "oregon", 0),
            ("montréal", "montreal", 1),
        ] {
            assert_eq!(edit_distance(one, other), expected, "{one} {other}");
        }
    }
}
