//! `hippo library detect`: which system a library's site runs.

use clap::Args;
use hippo_systems::detect::{self, Detection, Found};
use hippo_systems::{SitesOptions, system};
use serde::Serialize;
use url::{Host, Url};

use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::Output;

/// Find out which system a library's site runs, from its pages.
///
/// A handful of pages is asked for, as any visitor would; no login is tried. Give the address of the
/// catalogue, or of the library's own site if a link on it leads there.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo library detect https://library.example.org")]
pub(crate) struct Detect {
    /// The site's address.
    url: String,
}

#[derive(Serialize)]
struct Document<'a> {
    found: Vec<View<'a>>,
    asked: Vec<Asked<'a>>,
}

#[derive(Serialize)]
struct View<'a> {
    system: &'a str,
    base_url: &'a str,
    because: &'a [String],
    add: String,
}

#[derive(Serialize)]
struct Asked<'a> {
    url: &'a str,
    failure: Option<&'a str>,
}

/// Asks the site, and says what it is.
pub(super) async fn detect(asked: Detect, output: &Output) -> CommandResult {
    let url = address(&asked.url)?;
    let detection = detect::detect(&url, &SitesOptions::default())
        .await
        .map_err(|failure| CommandError::Unusable(failure.to_string()))?;
    output.document(&document(&detection));
    for found in &detection.found {
        output.say(format!("The site runs {}:", found.system));
        for sign in &found.because {
            output.say_folded("  ", sign);
        }
        output.say("To add it, with an id of your choice:");
        output.say_whole(format!("  → {}", command(found)));
        if system(found.system).is_some_and(|system| system.writes_dates_its_own_way()) {
            output.say(
                "FORMAT is how its account pages write dates: for 11/21/2026 %m/%d/%Y, for 21-11-26 %d-%m-%y.",
            );
        }
    }
    if detection.found.is_empty() {
        output.say("Nothing on its pages tells a system that hippo knows. These were asked for:");
        for asked in &detection.asked {
            let what = asked.failure.as_deref().unwrap_or("a page of another kind");
            output.say_folded("  ", &format!("{}: {what}", asked.url));
        }
        output.say("Try the address of the catalogue itself, where you log in.");
    }
    Ok(Outcome::failed_if(detection.found.is_empty()))
}

fn document(detection: &Detection) -> Document<'_> {
    Document {
        found: detection
            .found
            .iter()
            .map(|found| View {
                system: found.system,
                base_url: found.place.base_url.as_str(),
                because: &found.because,
                add: command(found),
            })
            .collect(),
        asked: detection
            .asked
            .iter()
            .map(|asked| Asked {
                url: asked.url.as_str(),
                failure: asked.failure.as_deref(),
            })
            .collect(),
    }
}

/// What a person would type; without a scheme it is https.
fn address(text: &str) -> Result<Url, CommandError> {
    let text = text.trim();
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("https://{text}"),
    };
    Url::parse(&whole)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .ok_or_else(|| {
            CommandError::Usage(format!(
                "“{text}” is not a web address; write it like https://library.example.org."
            ))
        })
}

/// The line that adds the library.
fn command(found: &Found) -> String {
    let url = found.place.base_url.as_str().trim_end_matches('/');
    let mut line = format!(
        "hippo library add {} --system {} --url {url}",
        short_name(&found.place.base_url),
        found.system
    );
    for (name, value) in &found.place.options {
        line.push_str(&format!(" --option {name}={value}"));
    }
    if system(found.system).is_some_and(|system| system.writes_dates_its_own_way()) {
        line.push_str(" --date-format FORMAT");
    }
    line
}

/// A short name from the host: `kpl` of `kpl.bibliocommons.com` and of `books.kpl.org`.
fn short_name(url: &Url) -> String {
    const COMMON: [&str; 12] = [
        "www",
        "books",
        "catalog",
        "catalogue",
        "opac",
        "library",
        "discover",
        "search",
        "my",
        "ent",
        "cat",
        "encore",
    ];
    let Some(Host::Domain(host)) = url.host() else {
        return "library".to_owned();
    };
    host.split('.')
        .find(|part| !COMMON.contains(part))
        .filter(|part| part.parse::<hippo_core::ids::LibraryId>().is_ok())
        .unwrap_or("library")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_a_part_of_the_host() {
        for (url, expected) in [
            ("https://kpl.bibliocommons.com", "kpl"),
            ("https://books.kpl.org", "kpl"),
            ("https://www.example.org/client", "example"),
            ("http://127.0.0.1:8080", "library"),
        ] {
            assert_eq!(short_name(&url.parse().unwrap()), expected);
        }
    }

    #[test]
    fn an_address_without_a_scheme_is_https_and_one_with_a_name_is_refused() {
        assert_eq!(
            address("wpl.example.org").unwrap().as_str(),
            "https://wpl.example.org/"
        );
        for text in ["https://pat:canary@example.org", "ftp://example.org", "a b"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
