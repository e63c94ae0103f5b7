//! `hippo library search`: the built-in libraries, and those that public lists name.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use clap::Args;
use hippo_systems::catalogue::{self, KnownLibrary};
use hippo_systems::untried::{self, UntriedLibrary};
use serde::Serialize;

use crate::exit::{CommandResult, Outcome};
use crate::library_draft::{LibraryDraft, currency_option};
use crate::output::Output;
use crate::output::table::{Table, fixed, sentences, words};
use crate::suggest::find_nearest;
use crate::suggested::{HIPPO, quoted};

/// Search the built-in libraries, which you add by their id, and those of public lists, which nobody has tried.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo library search kitchener
  hippo library search            # all of them

For any other: “hippo library detect URL” finds out what its site runs.")]
pub(crate) struct Search {
    /// Words from its name, place, system or address.
    words: Vec<String>,
}

#[derive(Serialize)]
struct View<'a> {
    id: &'a str,
    name: &'a str,
    place: &'a str,
    system: &'a str,
    url: &'a str,
    timezone: &'a str,
    /// The options of its system.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    options: &'a BTreeMap<String, String>,
    /// Whether it comes with LibraryHippo. Nobody has tried one of a public list.
    built_in: bool,
    /// The public list and its commit, for one that is not built in.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// When the list says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<NaiveDate>,
}

/// Shows the matching libraries.
pub(super) fn search(args: &Search, output: &Output) -> CommandResult {
    let query = args.words.join(" ");
    let mut found = catalogue::search(&query);
    let untried = untried::search(&query);
    let is_rough = found.is_empty();
    let mut similar = Vec::new();
    if is_rough {
        found = catalogue::search_with_typos(&query);
        if untried.is_empty() {
            similar = search_untried_with_typos(&query);
        }
    }
    let views: Vec<View<'_>> = found
        .iter()
        .map(|library| View {
            id: &library.id,
            name: &library.name,
            place: &library.place,
            system: &library.system,
            url: &library.url,
            timezone: library.timezone.name(),
            options: &library.options,
            built_in: true,
            source: None,
            written: None,
        })
        // JSON has no inexact matches, because a machine can't tell them from exact ones.
        .filter(|_| !is_rough)
        .chain(untried.iter().map(view_untried))
        .collect();
    output.print_document(&views);
    let Some(first) = found.first().filter(|_| !is_rough || untried.is_empty()) else {
        if !similar.is_empty() {
            output.print_text("No library matches exactly.");
        }
        if !print_untried(&untried, output) && !print_untried(&similar, output) {
            output
                .print_text("No built-in library matches. To find out what a library's site runs:");
            output.print_line(format!("  → {HIPPO} library detect URL"));
        }
        return Ok(Outcome::Done);
    };
    if is_rough {
        output.print_text("No built-in library matches exactly. The closest:");
    }
    let mut table = Table::new([
        fixed("ID"),
        sentences("NAME"),
        sentences("PLACE"),
        fixed("SYSTEM"),
        words("ADDRESS"),
    ]);
    for library in &found {
        table.row([
            library.id.as_str().into(),
            library.name.as_str().into(),
            library.place.as_str().into(),
            library.system.as_str().into(),
            library.url.as_str().into(),
        ]);
    }
    output.print_table(&table);
    output.print_line(format!("  → {HIPPO} library add {}", first.id));
    print_untried(&untried, output);
    print_untried(&similar, output);
    Ok(Outcome::Done)
}

/// Finds the untried libraries that contain every word of `query`, allowing a typo in each, as the search of the
/// built-in ones does: one letter, or two in a long word.
fn search_untried_with_typos(query: &str) -> Vec<UntriedLibrary> {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let query_words = words(query);
    if query_words.is_empty() {
        return Vec::new();
    }
    let mut found = untried::search("");
    found.retain(|library| {
        let UntriedLibrary {
            id, name, place, ..
        } = library;
        let library_words = words(&format!("{id} {name} {place} {}", library.url));
        query_words.iter().all(|word| {
            let most = (word.chars().count() / 4).min(2);
            let mut library_words = library_words.iter();
            library_words.any(|known| strsim::levenshtein(word, known) <= most)
        })
    });
    found
}

fn view_untried(library: &UntriedLibrary) -> View<'_> {
    View {
        id: &library.id,
        name: &library.name,
        place: &library.place,
        system: &library.system,
        url: library.url.as_str().trim_end_matches('/'),
        timezone: library.timezone.name(),
        options: &library.options,
        built_in: false,
        source: Some(format!("{} at {}", library.source, library.commit)),
        written: Some(library.written),
    }
}

/// Shows the libraries that nobody has tried; returns whether there are any.
fn print_untried(untried: &[UntriedLibrary], output: &Output) -> bool {
    let Some(first) = untried.first() else {
        return false;
    };
    output.print_text(
        "Public lists name these. Nobody has tried them with LibraryHippo, and their sites may have changed:",
    );
    let mut table = Table::new([
        sentences("NAME"),
        sentences("PLACE"),
        fixed("SYSTEM"),
        words("ADDRESS"),
        words("LISTED IN"),
        fixed("WRITTEN").dispensable(),
        fixed("TIMEZONE").dispensable(),
    ]);
    for library in untried {
        let (repository, _) = library.source.split_once(' ').unwrap_or_default();
        let options = library.options.iter();
        let options: String = options
            .map(|(name, value)| format!(" --option {name}={value}"))
            .collect();
        table.row([
            library.name.as_str().into(),
            library.place.as_str().into(),
            library.system.as_str().into(),
            format!("{}{options}", library.url.as_str().trim_end_matches('/')).into(),
            repository.into(),
            library.written.to_string().into(),
            library.timezone.name().into(),
        ]);
    }
    output.print_table(&table);
    output.print_text("To find out what a site runs today, and add the library:");
    output.print_line(format!(
        "  → {HIPPO} library detect {}",
        quoted(first.url.as_str())
    ));
    true
}

/// Finds a built-in library by its id.
pub(super) fn find_draft(id: &str) -> Option<LibraryDraft> {
    let known = catalogue::libraries().into_iter();
    known
        .filter(|library| library.id == id)
        .map(draft_from_catalogue)
        .next()
}

/// Finds the built-in library whose id is closest to this one.
pub(super) fn nearest_library_id(id: &str) -> Option<String> {
    let known = catalogue::libraries();
    find_nearest(id, known.into_iter().map(|library| library.id))
}

fn draft_from_catalogue(library: KnownLibrary) -> LibraryDraft {
    let mut options = library.options;
    options.extend(currency_option(library.currency));
    LibraryDraft {
        system: library.system,
        url: library.url,
        name: Some(library.name),
        timezone: Some(library.timezone),
        date_format: library.date_format,
        login_hosts: library.login_hosts,
        options,
        account_url: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;

    #[test]
    fn every_built_in_library_can_be_added() {
        for library in catalogue::libraries() {
            let id = library.id.parse().unwrap();
            let added = draft_from_catalogue(library.clone()).into_library(id, Tz::UTC);
            let added = added.unwrap_or_else(|error| panic!("{}: {error}", library.id));
            assert_eq!(added.name, library.name);
            assert_eq!(added.timezone, library.timezone);
            assert!(added.account_url.is_some(), "{}", library.id);
        }
    }
}
