//! `hippo read`: saved pages of one account, without a network.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use clap::Args;
use hippo_core::failure::Failure;
use hippo_systems::browser::decode;
use hippo_systems::{ReadContext, SavedPage};
use serde::Serialize;
use url::Url;

use crate::args::timezone;
use crate::commands::library::{SystemNames, check_date_format, unknown_system};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::print_json;

/// The largest page that is read, as it is for a page that is fetched.
const LIMIT: u64 = 8 << 20;

/// Read saved pages of one account, without a network.
///
/// Prints as JSON what a check would store; where the pages cannot be read, {"failure":{"kind":"…",
/// "detail":"…"}}, with exit code 1. A page that is read wrongly is reported with what this prints.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo read sierra items.html holds.html --date-format %m-%d-%y
  hippo read bibliocommons checkedout.html \\
      --base-url https://wpl.example.org")]
pub(crate) struct Read {
    /// The software behind the site.
    #[arg(value_parser = SystemNames)]
    system: String,
    /// The saved pages, of one account, in any order.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the site's paths begin; relative links are resolved against it.
    #[arg(long, value_name = "URL", default_value = "https://library.invalid/")]
    base_url: Url,
    /// How the site writes dates (strftime), if it prints no machine-readable ones.
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// The zone in which the library's days are counted.
    #[arg(long, value_parser = timezone, value_name = "ZONE", default_value = "UTC")]
    timezone: Tz,
}

#[derive(Serialize)]
struct Failed<'a> {
    failure: &'a Failure,
}

/// Reads the pages and prints the account.
pub(crate) fn run(read: &Read) -> CommandResult {
    let system = hippo_systems::system(&read.system)
        .ok_or_else(|| CommandError::Usage(unknown_system(&read.system)))?;
    if let Some(format) = &read.date_format {
        check_date_format(format).map_err(CommandError::Usage)?;
    }
    let pages = read
        .files
        .iter()
        .map(|file| page(file))
        .collect::<Result<Vec<SavedPage>, CommandError>>()?;
    let context = ReadContext {
        base_url: &read.base_url,
        date_format: read.date_format.as_deref(),
        timezone: read.timezone,
        card_number: None,
    };
    match system.read(&pages, &context) {
        Ok(account) => {
            print_json(&account);
            Ok(Outcome::Done)
        }
        Err(failure) => {
            print_json(&Failed { failure: &failure });
            Ok(Outcome::SomeFailed)
        }
    }
}

fn page(path: &Path) -> Result<SavedPage, CommandError> {
    let shown = path.display();
    let cannot =
        |error: std::io::Error| CommandError::Usage(format!("{shown} cannot be read: {error}."));
    let file = std::fs::File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.is_dir() {
        return Err(CommandError::Usage(format!(
            "{shown} is a directory; name the saved pages."
        )));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > LIMIT {
        return Err(CommandError::Usage(format!(
            "{shown} is larger than 8 MiB; no account page is."
        )));
    }
    Ok(SavedPage {
        name: path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned(),
        body: decode(&bytes, None),
    })
}
