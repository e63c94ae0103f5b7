//! `hippo library detect`: finds out which system a library's site runs.

use std::collections::BTreeMap;

use clap::Args;
use hippo_browser::BrowserOptions;
use hippo_core::ids::LibraryId;
use hippo_core::library::Library;
use hippo_systems::catalogue::{self, KnownLibrary};
use hippo_systems::detect::{self, DetectedSystem, Detection, NoPageReason, RequestedPage};
use hippo_systems::system;
use serde::Serialize;
use url::{Host, Url};

use crate::context::Globals;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::library_draft::is_secure;
use crate::output::Output;
use crate::remedies::DATE_FORMAT_EXAMPLE;
use crate::suggested::{HIPPO, quoted};

/// Find out which system a library's site runs, from its pages.
///
/// It fetches a handful of pages, as any visitor would, and doesn't log in. Give the address of the
/// catalogue, or of a page that links to it. If one of your libraries has that address, it says whether
/// its entry is right.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo library detect https://library.example.org
  hippo library detect wpl")]
pub(crate) struct Detect {
    /// The site's address, or the id of one of your libraries.
    url: String,
}

#[derive(Serialize)]
struct DetectionDocument<'a> {
    found: Vec<View<'a>>,
    asked: Vec<Asked<'a>>,
}

#[derive(Serialize)]
struct View<'a> {
    system: &'a str,
    base_url: &'a str,
    because: &'a [String],
    /// Your library with this site.
    library: Option<&'a LibraryId>,
    /// The command that adds the library or corrects its entry, if that is needed.
    command: Option<String>,
}

#[derive(Serialize)]
struct Asked<'a> {
    url: &'a str,
    failure: Option<&'a str>,
}

/// What to do about a system that was found.
enum NextStep<'a> {
    /// A library of ours already says so.
    Nothing(&'a Library),
    /// The entry of this library says something else.
    Correct(&'a Library),
    /// No library has this site.
    Add,
}

/// Our libraries, and the one that the person asked about.
struct Ours {
    libraries: BTreeMap<LibraryId, Library>,
    asked: Option<LibraryId>,
}

impl Ours {
    /// Loads the libraries. Without a home there are none, and none are needed.
    async fn load(args: &Detect, globals: &Globals) -> Result<Self, CommandError> {
        let libraries = if globals.has_no_home() {
            BTreeMap::new()
        } else {
            globals.open().await?.libraries().await?
        };
        let asked: Option<LibraryId> = args.url.trim().parse().ok();
        let asked = asked.filter(|id| libraries.contains_key(id));
        Ok(Self { libraries, asked })
    }

    fn asked(&self) -> Option<&Library> {
        self.libraries.get(self.asked.as_ref()?)
    }

    fn next_step(&self, found: &DetectedSystem, detection: &Detection) -> NextStep<'_> {
        let (site, all) = (&found.site, || self.libraries.values());
        // A site may run two systems. The entry of one of them is right.
        let is_right = |library: &Library| {
            let mut systems = detection.found.iter();
            systems.any(|found| has_entry_of(library, found))
        };
        if let Some(library) = self.asked() {
            return match has_entry_of(library, found) {
                true => NextStep::Nothing(library),
                false if is_right(library) => NextStep::Add,
                false => NextStep::Correct(library),
            };
        }
        if let Some(library) = all().find(|library| has_entry_of(library, found)) {
            return NextStep::Nothing(library);
        }
        // A vendor's site may have several libraries, but each with the same system and paths of its own.
        let says_otherwise = |library: &&Library| {
            let is_of_site = library.base_url.host() == site.base_url.host()
                && library.base_url.port() == site.base_url.port();
            let has_other_system = library.system.as_str() != found.system;
            let lacks_options = has_same_paths(&library.base_url, &site.base_url);
            is_of_site && (has_other_system || lacks_options) && !is_right(library)
        };
        match all().find(says_otherwise) {
            Some(library) => NextStep::Correct(library),
            None => NextStep::Add,
        }
    }
}

/// Whether a library's entry says what was found.
fn has_entry_of(library: &Library, found: &DetectedSystem) -> bool {
    let site = &found.site;
    let has_option = |(name, value)| library.options.get(name) == Some(value);
    library.system.as_str() == found.system
        && has_same_paths(&library.base_url, &site.base_url)
        && site.options.iter().all(has_option)
}

fn has_same_paths(one: &Url, other: &Url) -> bool {
    let paths = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
    paths(one) == paths(other)
}

/// Detects the site's system, and shows how to add the library or to correct its entry.
pub(super) async fn detect(args: &Detect, globals: &Globals) -> CommandResult {
    let output = &globals.output;
    let ours = Ours::load(args, globals).await?;
    let url = match ours.asked() {
        Some(library) => library.base_url.clone(),
        None => parse_address(&args.url)?,
    };
    let detection = detect::detect(&url, &BrowserOptions::default())
        .await
        .map_err(|failure| CommandError::unusable(failure.to_string()))?;
    output.print_document(&document(&detection, &ours));
    for found in &detection.found {
        output.print_text(format!("The site runs {}:", found.system));
        for sign in &found.evidence {
            output.print_indented("  ", sign);
        }
        let next = ours.next_step(found, &detection);
        output.print_text(match (&next, find_in_catalogue(found)) {
            (NextStep::Nothing(library), _) => {
                format!("Your library {} has this entry already.", library.id)
            }
            (NextStep::Correct(library), _) => format!(
                "The entry of your library {} says something else. To correct it:",
                library.id
            ),
            (NextStep::Add, Some(library)) => format!("{} is built in. To add it:", library.name),
            (NextStep::Add, None) => "To add it, with an id of your choice:".to_owned(),
        });
        let Some(command) = command(found, &next) else {
            continue;
        };
        output.print_line(format!("  → {command}"));
        if !is_secure(&found.site.base_url) {
            output.print_text(
                "This won't work yet: we only found the site by http, and send PINs only by https. Ask the library for \
                 its https address.",
            );
        }
        if command.contains(DATE_FORMAT_OPTION) {
            output.print_text(DATE_FORMAT_EXAMPLE);
        }
    }
    if detection.found.is_empty() {
        print_nothing_found(&detection, output);
    }
    let is_printed = |library: &KnownLibrary| {
        let mut printed = detection.found.iter().filter_map(find_in_catalogue);
        printed.any(|printed| printed.id == library.id)
    };
    let mut others = catalogue::find_by_host(url.host_str().unwrap_or_default());
    let is_ours = |library: &KnownLibrary| {
        let mut ids = ours.libraries.keys();
        ids.any(|id| id.as_str() == library.id)
    };
    others.retain(|library| !is_printed(library) && !is_ours(library));
    if !others.is_empty() {
        output.print_text("Built-in libraries at that address:");
        for library in &others {
            output.print_line(format!(
                "  → {HIPPO} library add {:<8} # {}",
                library.id, library.name
            ));
        }
    }
    Ok(Outcome::failed_if(detection.found.is_empty()))
}

fn print_nothing_found(detection: &Detection, output: &Output) {
    let reason = detection.no_page_reason();
    output.print_text(match reason {
        Some(NoPageReason::NoAnswer) => "The site didn't answer. We tried:",
        Some(NoPageReason::Refused) => "The site turns programs away. We tried:",
        Some(NoPageReason::NoPage) => "The site answers, but has no page there. We tried:",
        None => "Its pages show no system that hippo knows. We tried:",
    });
    for asked in &detection.asked {
        let what = failure_of(asked).unwrap_or("a page of another kind");
        output.print_indented("  ", &format!("{}: {what}", asked.url));
    }
    output.print_text(match reason {
        Some(NoPageReason::NoAnswer) => "Check the address. If it works in a browser, try again later.",
        Some(NoPageReason::Refused) => {
            "Try again later. If this goes on, hippo can't check its cards. Ask the library whether programs may log in."
        }
        Some(NoPageReason::NoPage) => "Open the address in a browser, and copy it from there.",
        None => "Try the address of the catalogue itself, where you log in.",
    });
}

fn failure_of(asked: &RequestedPage) -> Option<&str> {
    asked
        .failure
        .as_ref()
        .map(|failure| failure.detail.as_str())
}

/// Finds the built-in library with this site.
fn find_in_catalogue(found: &DetectedSystem) -> Option<KnownLibrary> {
    let site = &found.site;
    catalogue::find_at(found.system, &site.base_url, &site.options)
}

/// Whether only a person can tell how the site writes dates.
fn needs_date_format(found: &DetectedSystem) -> bool {
    system(found.system)
        .is_some_and(|system| system.needs_date_format() && !system.states_date_format())
}

fn document<'a>(detection: &'a Detection, ours: &'a Ours) -> DetectionDocument<'a> {
    let view = |found: &'a DetectedSystem| {
        let next = ours.next_step(found, detection);
        View {
            system: found.system,
            base_url: found.site.base_url.as_str(),
            because: &found.evidence,
            library: match next {
                NextStep::Nothing(library) | NextStep::Correct(library) => Some(&library.id),
                NextStep::Add => None,
            },
            command: command(found, &next),
        }
    };
    DetectionDocument {
        found: detection.found.iter().map(view).collect(),
        asked: detection
            .asked
            .iter()
            .map(|asked| Asked {
                url: asked.url.as_str(),
                failure: failure_of(asked),
            })
            .collect(),
    }
}

/// Parses a web address; without a scheme it is https.
fn parse_address(text: &str) -> Result<Url, CommandError> {
    let text = text.trim();
    let whole = match text.contains("://") {
        true => text.to_owned(),
        false => format!("https://{text}"),
    };
    Url::parse(&whole)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.username().is_empty() && url.password().is_none())
        // The parser would read a bare number as an IP address.
        .filter(|url| match url.host() {
            Some(url::Host::Ipv4(host)) => whole.contains(&host.to_string()),
            _ => true,
        })
        .ok_or_else(|| {
            CommandError::usage(format!(
                "“{text}” isn't a web address. Write it like https://library.example.org."
            ))
        })
}

/// The option for a date format that only a person knows.
const DATE_FORMAT_OPTION: &str = "--date-format FORMAT";

/// The command line that adds the library or corrects its entry; `None` if there is nothing to do.
fn command(found: &DetectedSystem, next: &NextStep<'_>) -> Option<String> {
    let url = found.site.base_url.as_str().trim_end_matches('/');
    let mut line = match (next, find_in_catalogue(found)) {
        (NextStep::Nothing(_), _) => return None,
        (NextStep::Correct(library), _) => {
            let system = found.system;
            format!("{HIPPO} library edit {} --system {system}", library.id)
        }
        (NextStep::Add, Some(library)) => {
            return Some(format!("{HIPPO} library add {}", library.id));
        }
        (NextStep::Add, None) => format!(
            "{HIPPO} library add {} --system {}",
            short_name(&found.site.base_url),
            found.system,
        ),
    };
    let has_date_format = match next {
        NextStep::Correct(library) => {
            if !has_same_paths(&library.base_url, &found.site.base_url) {
                line.push_str(&format!(" --url {}", quoted(url)));
            }
            library.date_format.is_some()
        }
        _ => {
            line.push_str(&format!(" --url {}", quoted(url)));
            false
        }
    };
    for (name, value) in &found.site.options {
        line.push_str(&format!(" --option {}", quoted(&format!("{name}={value}"))));
    }
    if needs_date_format(found) && !has_date_format {
        line.push_str(&format!(" {DATE_FORMAT_OPTION}"));
    }
    Some(line)
}

/// Derives an id from the host, such as `kpl` from `kpl.bibliocommons.com` or `books.kpl.org`.
fn short_name(url: &Url) -> String {
    const COMMON: [&str; 21] = [
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
        // Vendors that host many libraries.
        "bibliocommons",
        "iii",
        "iiivega",
        "sirsi",
        "sirsidynix",
        // Second-level domains of countries.
        "ac",
        "co",
        "gov",
        "org",
    ];
    let Some(Host::Domain(host)) = url.host() else {
        return "library".to_owned();
    };
    // The top-level domain is never a library's name.
    let Some((names, _)) = host.rsplit_once('.') else {
        return "library".to_owned();
    };
    names
        .split('.')
        .find(|part| !COMMON.contains(part))
        .filter(|part| part.parse::<hippo_core::ids::LibraryId>().is_ok())
        .unwrap_or("library")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_number_is_not_an_address() {
        for text in ["2468", "http://0x7f000001/", "21000000004711"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
        for text in ["127.0.0.1:8080", "http://127.0.0.1/", "opac.example.org"] {
            assert!(parse_address(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn short_name_comes_from_the_host() {
        for (url, expected) in [
            ("https://kpl.bibliocommons.com", "kpl"),
            ("https://books.kpl.org", "kpl"),
            ("https://www.example.org/client", "example"),
            ("https://library.bibliocommons.com", "library"),
            ("https://www.library.org", "library"),
            ("https://opac.library.ac.uk", "library"),
            ("https://catalogue", "library"),
            ("http://127.0.0.1:8080", "library"),
        ] {
            assert_eq!(short_name(&url.parse().unwrap()), expected);
        }
    }

    #[test]
    fn detected_library_gets_the_right_add_command() {
        let found = |system: &'static str, url: &str, options: &[(&str, &str)]| DetectedSystem {
            system,
            site: hippo_systems::SiteLocation {
                base_url: url.parse().unwrap(),
                options: options
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            },
            evidence: Vec::new(),
        };
        for (found, expected) in [
            (
                found("sierra", "https://books.kpl.org/", &[("scope", "S3")]),
                "hippo library add wpl",
            ),
            (
                found("sierra", "https://books.kpl.org/", &[]),
                "hippo library add kpl --system sierra --url https://books.kpl.org --date-format FORMAT",
            ),
            (
                found("koha", "https://opac.mill.example.org", &[]),
                "hippo library add mill --system koha --url https://opac.mill.example.org",
            ),
            (
                found("koha", "https://opac.mill.example.org/a;b'$(c)", &[]),
                r"hippo library add mill --system koha --url 'https://opac.mill.example.org/a;b'\''$(c)'",
            ),
        ] {
            let command = command(&found, &NextStep::Add);
            assert_eq!(command.as_deref(), Some(expected));
        }
    }

    #[test]
    fn existing_library_is_corrected_instead_of_added_again() {
        let library = |id: &str, system: &str, url: &str| Library {
            system: system.parse().unwrap(),
            base_url: url.parse().unwrap(),
            options: BTreeMap::new(),
            date_format: None,
            ..hippo_core::testing::contract::sample::library(id)
        };
        let libraries = [
            library("mill", "koha", "https://opac.mill.example.org"),
            library("east", "sierra", "https://shared.example.org/east"),
        ];
        let ours = |asked: Option<&str>| Ours {
            libraries: libraries
                .iter()
                .map(|library| (library.id.clone(), library.clone()))
                .collect(),
            asked: asked.map(|id| id.parse().unwrap()),
        };
        let commands = |asked: Option<&str>, systems: &[&'static str], url: &str| {
            let found = |system: &&'static str| DetectedSystem {
                system,
                site: hippo_systems::SiteLocation {
                    base_url: url.parse().unwrap(),
                    options: BTreeMap::new(),
                },
                evidence: Vec::new(),
            };
            let detection = Detection {
                found: systems.iter().map(found).collect(),
                asked: Vec::new(),
            };
            let command = |found| super::command(found, &ours(asked).next_step(found, &detection));
            let commands = detection.found.iter().map(command);
            let commands =
                commands.map(|command| command.unwrap_or_else(|| "(nothing)".to_owned()));
            commands.collect::<Vec<_>>().join("\n")
        };
        let command = |asked, system, url: &str| commands(asked, &[system], url);
        let shown = [
            command(None, "koha", "https://opac.mill.example.org/"),
            command(Some("mill"), "koha", "https://opac.mill.example.org/"),
            command(None, "bibliocommons", "https://opac.mill.example.org/"),
            command(Some("mill"), "sierra", "https://opac.mill.example.org/"),
            command(Some("mill"), "bibliocommons", "https://mill.example.org"),
            command(None, "bibliocommons", "https://mill.example.org"),
            // Another library of the same site.
            command(None, "sierra", "https://shared.example.org/west"),
            // A site with two systems, of which one is the library's.
            commands(
                None,
                &["koha", "vufind-de"],
                "https://opac.mill.example.org",
            ),
            commands(
                Some("mill"),
                &["vufind-de", "koha"],
                "https://opac.mill.example.org",
            ),
        ];
        insta::assert_snapshot!(shown.join("\n"), @r"
        (nothing)
        (nothing)
        hippo library edit mill --system bibliocommons
        hippo library edit mill --system sierra --date-format FORMAT
        hippo library edit mill --system bibliocommons --url https://mill.example.org
        hippo library add mill --system bibliocommons --url https://mill.example.org
        hippo library add shared --system sierra --url https://shared.example.org/west --date-format FORMAT
        (nothing)
        hippo library add mill --system vufind-de --url https://opac.mill.example.org --date-format FORMAT
        hippo library add mill --system vufind-de --url https://opac.mill.example.org --date-format FORMAT
        (nothing)
        ");
    }

    #[test]
    fn address_without_a_scheme_is_https() {
        assert_eq!(
            parse_address("wpl.example.org").unwrap().as_str(),
            "https://wpl.example.org/"
        );
        for text in ["https://pat:canary@example.org", "ftp://example.org", "a b"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }
}
