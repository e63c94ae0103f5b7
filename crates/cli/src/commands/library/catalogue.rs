//! `hippo library search`: the libraries that come with the program.

use clap::Args;
use hippo_systems::catalogue::{self, KnownLibrary};
use serde::Serialize;

use crate::exit::{CommandResult, Outcome};
use crate::library_draft::{Draft, currency_option};
use crate::output::Output;
use crate::output::table::{Table, fixed, words};
use crate::suggest::nearest;

/// Search the built-in libraries: you add those by their id.
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
}

/// Shows the libraries that are found.
pub(super) fn search(asked: &Search, output: &Output) -> CommandResult {
    let query = asked.words.join(" ");
    let mut found = catalogue::search(&query);
    let is_rough = found.is_empty();
    if is_rough {
        found = catalogue::search_with_typos(&query);
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
        })
        .collect();
    // Who reads it as JSON cannot tell a guess from an answer.
    output.document(&if is_rough { &[] } else { views.as_slice() });
    let Some(first) = found.first() else {
        output.say("No built-in library matches. To find out what a library's site runs:");
        output.say_whole("  → hippo library detect URL");
        return Ok(Outcome::Done);
    };
    if is_rough {
        output.say("No built-in library matches exactly. The closest:");
    }
    let mut table = Table::new([
        fixed("ID"),
        words("NAME"),
        words("PLACE"),
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
    output.table(&table);
    output.say_whole(format!("  → hippo library add {}", first.id));
    Ok(Outcome::Done)
}

/// The library of this id that comes with the program, as a person would have written it.
pub(super) fn draft(id: &str) -> Option<Draft> {
    let known = catalogue::libraries().into_iter();
    known.filter(|library| library.id == id).map(of).next()
}

/// The id of a built-in library that is most like this one.
pub(super) fn nearest_id(id: &str) -> Option<String> {
    let known = catalogue::libraries();
    nearest(id, known.into_iter().map(|library| library.id))
}

fn of(library: KnownLibrary) -> Draft {
    let mut options = library.options;
    options.extend(currency_option(library.currency));
    Draft {
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
            let added = of(library.clone()).into_library(id, Tz::UTC);
            let added = added.unwrap_or_else(|error| panic!("{}: {error}", library.id));
            assert_eq!(added.name, library.name);
            assert_eq!(added.timezone, library.timezone);
            assert!(added.account_url.is_some(), "{}", library.id);
        }
    }
}
