//! `hippo read`: reads saved pages of one account, without a network.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use clap::Args;
use hippo_browser::saved_page::{check_file, unwrap_source_view};
use hippo_browser::{ReadContext, SavedPage, decode};
use hippo_core::clock::local_date;
use hippo_core::failure::Failure;
use hippo_recording::har::Har;
use serde::Serialize;
use url::Url;

use crate::context::clock;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::library_draft::{check_date_format, unknown_system_message};
use crate::output::print_json_for_people;
use crate::timezones::parse_timezone;
use crate::values::SystemName;

/// The size limit of a page, the same as for fetched pages.
const MAX_PAGE_BYTES: u64 = 8 << 20;

/// The size limit of a recording, which has about a dozen pages.
const MAX_RECORDING_BYTES: u64 = 64 << 20;

/// The base URL of a site whose address is unknown.
const PLACEHOLDER_URL: &str = "https://library.invalid/";

/// Read saved pages of one account, without a network.
///
/// Prints what a check would store, as JSON. If it can't read the pages, it prints {"failure":{"kind":"…",
/// "detail":"…"}} and exits with code 1. Send what it prints when you report a page that is read wrongly.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo read sierra items.html holds.html --date-format %m-%d-%y
  hippo read bibliocommons checkedout.html \\
      --base-url https://wpl.example.org
  hippo read koha session.har    # from “hippo card record”")]
pub(crate) struct Read {
    /// The software behind the site.
    #[arg(value_parser = SystemName)]
    system: String,
    /// The saved pages of one account, in any order, or one recorded session (HAR).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The site's address, for relative links. By default the recording's.
    #[arg(long, value_name = "URL")]
    base_url: Option<Url>,
    /// How the site writes dates (strftime), if they aren't machine-readable. By default the recording's.
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// The library's time zone. By default the recording's, or else UTC.
    #[arg(long, value_parser = parse_timezone, value_name = "ZONE")]
    timezone: Option<Tz>,
}

#[derive(Serialize)]
struct Failed<'a> {
    failure: &'a Failure,
}

/// Reads the pages and prints the account.
pub(crate) fn run(read: &Read) -> CommandResult {
    let system = hippo_systems::system(&read.system)
        .ok_or_else(|| CommandError::usage(unknown_system_message(&read.system)))?;
    let reader = system
        .offline_reader()
        .ok_or_else(|| CommandError::usage(format!("{} has no pages to save.", system.name())))?;
    if let Some(format) = &read.date_format {
        check_date_format(format).map_err(CommandError::usage)?;
    }
    let pages = read
        .files
        .iter()
        .map(|file| load_page(file))
        .collect::<Result<Vec<SavedPage>, CommandError>>()?;
    let recordings = pages
        .iter()
        .filter_map(|page| parse_recording(page).transpose())
        .collect::<Result<Vec<Har>, CommandError>>()?;
    let recording = match recordings.as_slice() {
        [] => None,
        [recording] if pages.len() == 1 => Some(recording),
        _ => {
            return Err(CommandError::usage(
                "A recording is a whole session. Name only one, and no pages.",
            ));
        }
    };
    let library = recording.and_then(|recording| recording.log.library.as_ref());
    if let Some(library) = library
        && library.system != system.name()
    {
        return Err(CommandError::usage(other_system_message(
            read,
            &library.system,
        )));
    }
    let base_url = read
        .base_url
        .clone()
        .map_or_else(
            || Url::parse(library.map_or(PLACEHOLDER_URL, |library| &library.base_url)),
            Ok,
        )
        .map_err(|_| {
            CommandError::usage(
                "The recording's address isn't a URL. Give the site's with --base-url.",
            )
        })?;
    let context = ReadContext {
        base_url: &base_url,
        date_format: read
            .date_format
            .as_deref()
            .or_else(|| library?.date_format.as_deref()),
        timezone: read
            .timezone
            .or_else(|| Some(library?.timezone))
            .unwrap_or(Tz::UTC),
        card_number: None,
    };
    let account = match recording {
        Some(recording) => hippo_recording::read(recording, &|pages| reader.read(pages, &context)),
        None => reader.read(&pages, &context),
    };
    match account {
        Ok(mut account) => {
            account.drop_endless_dates(local_date(clock()?.now(), context.timezone));
            print_json_for_people(&account);
            Ok(Outcome::Done)
        }
        Err(failure) => {
            print_json_for_people(&Failed { failure: &failure });
            Ok(Outcome::SomeFailed)
        }
    }
}

/// The message for a recording from another system.
fn other_system_message(read: &Read, recorded: &str) -> String {
    let files: Vec<String> = read
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    match hippo_systems::system(recorded) {
        Some(recorded) => format!(
            "The recording is from a {0} library, not {1}. Run “hippo read {0} {2}”.",
            recorded.name(),
            read.system,
            files.join(" ")
        ),
        None => "This version doesn't know the recording's system. A newer one may.".to_owned(),
    }
}

/// Parses a recording; returns `None` for a page.
fn parse_recording(page: &SavedPage) -> Result<Option<Har>, CommandError> {
    let has_extension = page.name.to_ascii_lowercase().ends_with(".har");
    let text = page
        .body
        .trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    // A page may be JSON too, but only a recording has these keys.
    let has_entries = ["\"log\"", "\"entries\""]
        .iter()
        .all(|part| text.contains(part));
    let is_recording = has_extension || (text.starts_with('{') && has_entries);
    if !is_recording {
        return Ok(None);
    }
    match serde_json::from_str(text) {
        Ok(recording) => Ok(Some(recording)),
        Err(_) if !has_extension => Ok(None),
        // The parser's message may quote the file.
        Err(error) => Err(CommandError::usage(format!(
            "{} isn't a HAR 1.2 file. The first error is at line {}, column {}.",
            page.name,
            error.line(),
            error.column()
        ))),
    }
}

fn load_page(path: &Path) -> Result<SavedPage, CommandError> {
    let name = path.display();
    let cannot_read =
        |error: std::io::Error| CommandError::usage(format!("Can't read {name}.")).caused_by(error);
    let file = std::fs::File::open(path).map_err(cannot_read)?;
    if file.metadata().map_err(cannot_read)?.is_dir() {
        return Err(CommandError::usage(format!(
            "{name} is a directory. Name the saved pages."
        )));
    }
    let is_recording = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("har"));
    let (limit, what) = if is_recording {
        (MAX_RECORDING_BYTES, "64 MiB, too large for a recording")
    } else {
        (MAX_PAGE_BYTES, "8 MiB, too large for an account page")
    };
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot_read)?;
    if bytes.len() as u64 > limit {
        return Err(CommandError::usage(format!(
            "{name} is larger than {what}."
        )));
    }
    check_file(&bytes).map_err(|kind| CommandError::usage(format!("{name}: {kind}")))?;
    Ok(SavedPage {
        name: path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned(),
        body: unwrap_source_view(&decode(&bytes, None)).into_owned(),
    })
}
