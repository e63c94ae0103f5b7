//! `hippo library`: manages libraries.

mod catalogue;
mod detect;
mod hosts;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use clap::{Args, Subcommand};
use hippo_core::alerts::withdraw_library_alerts;
use hippo_core::ids::LibraryId;
use hippo_core::library::Library;
use hippo_core::seal::LoginOrigins;
use hippo_systems::known_options;

use self::hosts::move_hosts;
use crate::ask::confirm;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::library_draft::{LibraryDraft, currency_option};
use crate::output::table::{Table, fixed, words};
use crate::remedies::DATE_FORMAT_EXAMPLE;
use crate::schedule_remarks::show_unknown_names;
use crate::suggested::HIPPO;
use crate::timezones::parse_timezone;
use crate::values::SystemName;

/// The subcommands of `hippo library`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  hippo library search kitchener
  hippo library add kpl
  hippo library detect https://library.example.org
  hippo library list
  hippo library edit wpl --date-format %m-%d-%y")]
pub(crate) enum Command {
    Add(Add),
    Edit(Edit),
    /// List the libraries.
    #[command(after_help = "Example:\n  hippo library list --json")]
    List,
    Search(catalogue::Search),
    Detect(detect::Detect),
    Remove(Remove),
}

/// Add a library: a built-in one by its id, any other one by its system and address.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo library add wpl           # one of “hippo library search”
  hippo library add mill --system bibliocommons \\
      --url https://mill.example.org --name \"Mill Street\"
  hippo library add kpl --system enterprise \\
      --url https://kpl.example.org/client/en_US/default \\
      --date-format %m/%d/%Y --login-host login.example.org")]
pub(crate) struct Add {
    /// A short name of your choice: lower-case letters, digits and hyphens.
    id: LibraryId,
    /// The software behind the site. “hippo library detect” finds out.
    #[arg(long, value_parser = SystemName, requires = "url")]
    system: Option<String>,
    /// The site's address, up to where its paths begin. It must be https, to keep the PIN secret.
    #[arg(long, requires = "system")]
    url: Option<String>,
    /// The name in emails. By default the id.
    #[arg(long)]
    name: Option<String>,
    /// The library's time zone. By default your own.
    #[arg(long, value_parser = parse_timezone, value_name = "ZONE")]
    timezone: Option<Tz>,
    /// How the site writes dates (strftime), if they aren't machine-readable.
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// The currency on the site (ISO 4217, such as CAD), if the site doesn't name it.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Another host that may get the number and PIN. Repeat it for several hosts.
    #[arg(long = "login-host", value_name = "HOST")]
    login_hosts: Vec<String>,
    /// An option of the system. Repeat it for several options.
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// The account page that emails link to, if it isn't the usual one.
    #[arg(long, value_name = "URL")]
    account_url: Option<String>,
}

/// Change a library.
///
/// Options that you leave out stay as they are; an empty value removes a setting. PINs are sealed for
/// the library's hosts: if the hosts change, we ask you whether the new hosts are right, and seal the
/// PINs again. Afterwards, check its cards: “hippo check-cards --library ID”.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo library edit wpl --date-format %m-%d-%y
  hippo library edit kpl --system sierra
  hippo library edit kpl --url https://kpl.example.org \\
      --login-host login.example.org")]
pub(crate) struct Edit {
    /// The library.
    id: LibraryId,
    /// The site's address, up to where its paths begin.
    #[arg(long)]
    url: Option<String>,
    /// The software behind the site. Options that only the old one has are dropped.
    #[arg(long, value_parser = SystemName)]
    system: Option<String>,
    /// The name in emails.
    #[arg(long)]
    name: Option<String>,
    /// The library's time zone.
    #[arg(long, value_parser = parse_timezone, value_name = "ZONE")]
    timezone: Option<Tz>,
    /// How the site writes dates (strftime).
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// The currency on the site (ISO 4217, such as CAD).
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Another host that may get the number and PIN. Repeat it for several hosts; they replace the current
    /// ones. Name only hosts that you know to be the library's.
    #[arg(long = "login-host", value_name = "HOST")]
    login_hosts: Vec<String>,
    /// An option of the system. Repeat it for several options.
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// The account page that emails link to. Empty: the usual one.
    #[arg(long, value_name = "URL")]
    account_url: Option<String>,
    /// Don't ask whether PINs may go to the new hosts.
    #[arg(long)]
    yes: bool,
}

impl Edit {
    fn is_empty(&self) -> bool {
        let texts = [
            &self.url,
            &self.system,
            &self.name,
            &self.date_format,
            &self.currency,
            &self.account_url,
        ];
        texts.into_iter().all(Option::is_none)
            && self.timezone.is_none()
            && self.login_hosts.is_empty()
            && self.options.is_empty()
    }
}

/// Remove a library that has no cards.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo library remove wpl --yes")]
pub(crate) struct Remove {
    /// The library.
    id: LibraryId,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
}

/// Runs the subcommand.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    // These need no home.
    let command = match command {
        Command::Search(search) => return catalogue::search(&search, &globals.output),
        Command::Detect(detect) => return detect::detect(&detect, globals).await,
        command => command,
    };
    let context = globals.open().await?;
    match command {
        Command::Search(_) | Command::Detect(_) => Ok(Outcome::Done),
        Command::Add(add) => add_library(&context, add).await,
        Command::Edit(edit) => edit_library(&context, edit).await,
        Command::List => list(&context).await,
        Command::Remove(remove) => remove_library(&context, remove).await,
    }
}

async fn add_library(context: &Context, add: Add) -> CommandResult {
    let options = parse_options(&add.options)?;
    let known = match (add.system, add.url) {
        (Some(system), Some(url)) => LibraryDraft {
            system,
            url,
            ..LibraryDraft::default()
        },
        _ => catalogue::find_draft(add.id.as_str()).ok_or_else(|| not_known(&add.id))?,
    };
    // Options take precedence over the catalogue.
    let mut draft = LibraryDraft {
        name: add.name.or(known.name),
        timezone: add.timezone.or(known.timezone),
        date_format: add.date_format.or(known.date_format),
        account_url: add.account_url,
        ..known
    };
    draft.login_hosts.extend(add.login_hosts);
    draft.options.extend(options);
    draft.options.extend(currency_option(add.currency));
    draft.options.retain(|_, value| !value.is_empty());
    let library = draft
        .into_library(add.id, context.zone())
        .map_err(CommandError::usage)?;
    context.store.add_library(&library).await?;
    context.output.print_document(&library);
    context.output.print_text(format!(
        "Added the library {} ({}). We'll read its site, {}, as {}.",
        library.id,
        library.name,
        library.base_url.host_str().unwrap_or_default(),
        library.system
    ));
    if library.date_format.is_none()
        && let Some(why) = date_format_reason(&library)
    {
        context.output.print_text(why);
        context.output.print_line(format!(
            "  → {HIPPO} library edit {} --date-format FORMAT",
            library.id
        ));
        context.output.print_text(DATE_FORMAT_EXAMPLE);
    }
    print_next_steps(context, &library).await?;
    Ok(Outcome::Done)
}

/// Prints how to add a card there, and a family if there is none.
async fn print_next_steps(context: &Context, library: &Library) -> Result<(), CommandError> {
    let families = context.store.families().await?;
    let family = match families.as_slice() {
        [] => {
            context
                .output
                .print_text("Next, add the family that gets the notices:");
            context.output.print_line(format!(
                "  → {HIPPO} family add FAMILY --name NAME --to ADDRESS"
            ));
            "FAMILY"
        }
        [one] => one.id.as_str(),
        _ => "FAMILY",
    };
    let then = match families.is_empty() {
        true => "Then",
        false => "Next,",
    };
    context
        .output
        .print_text(format!("{then} add a card. We'll ask for its PIN:"));
    context.output.print_line(format!(
        "  → {HIPPO} card add --family {family} --library {} --patron NAME --number NUMBER",
        library.id
    ));
    Ok(())
}

fn not_known(id: &LibraryId) -> CommandError {
    CommandError::usage(format!("There is no built-in library “{id}”."))
        .did_you_mean(catalogue::nearest_library_id(id.as_str()))
        .advice(format!(
            "Add any other with --system and --url; “{HIPPO} library detect URL” finds them."
        ))
        .try_command(format!("{HIPPO} library search"))
}

/// Explains why a library may need a date format; `None` if its system never does.
fn date_format_reason(library: &Library) -> Option<String> {
    let system = hippo_systems::system(library.system.as_str())?;
    let name = &library.system;
    let why = match (system.needs_date_format(), system.states_date_format()) {
        (false, _) => return None,
        (true, false) => {
            format!("Every {name} site has its own date format, and we don't guess dates. Set it:")
        }
        (true, true) => format!(
            "Every {name} site has its own date format, and usually states it. If a check can't find it, set it:"
        ),
    };
    Some(why)
}

fn parse_options(options: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    options
        .iter()
        .map(|option| match option.split_once('=') {
            Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
            None => Err(CommandError::usage(format!(
                "“{option}” has no value. Write it like --option {option}=VALUE."
            ))),
        })
        .collect()
}

async fn edit_library(context: &Context, edit: Edit) -> CommandResult {
    let before = context.library(&edit.id).await?;
    if edit.is_empty() {
        return Err(CommandError::usage(
            "Say what to change. “hippo library edit --help” lists the options.",
        ));
    }
    let options = parse_options(&edit.options)?;
    let yes = edit.yes;
    let library = edited(&before, edit, options).map_err(CommandError::usage)?;
    if LoginOrigins::from_library(&library) != LoginOrigins::from_library(&before) {
        return move_hosts(context, &before, &library, yes).await;
    }
    if library == before {
        context.output.print_document(&library);
        context.output.print_text(format!(
            "The library {} already has these settings. Nothing was changed.",
            library.id
        ));
        return Ok(Outcome::Done);
    }
    context.store.update_library(&library).await?;
    context.output.print_document(&library);
    context.output.print_text(format!(
        "Changed the library {}. “{HIPPO} check-cards --library {}” checks its cards.",
        library.id, library.id
    ));
    Ok(Outcome::Done)
}

/// Applies an edit and validates the result like a new library.
fn edited(
    before: &Library,
    edit: Edit,
    options: BTreeMap<String, String>,
) -> Result<Library, String> {
    let is_given = |text: &String| !text.trim().is_empty();
    let system = hippo_systems::system(before.system.as_str());
    // The account URL follows the base URL unless a person set it.
    let plain = Library {
        account_url: None,
        ..before.clone()
    };
    let usual = system.and_then(|system| system.account_url(&plain));
    let by_hand = before
        .account_url
        .clone()
        .filter(|url| Some(url) != usual.as_ref());
    let mut all_options = before.options.clone();
    if let Some(new) = edit.system.as_deref().and_then(hippo_systems::system) {
        all_options.retain(|name, _| known_options(new).any(|(known, _)| known == name));
    }
    all_options.extend(options);
    all_options.extend(currency_option(edit.currency));
    all_options.retain(|_, value| !value.is_empty());
    let draft = LibraryDraft {
        system: edit.system.unwrap_or_else(|| before.system.to_string()),
        url: edit.url.unwrap_or_else(|| before.base_url.to_string()),
        name: edit.name.or_else(|| Some(before.name.clone())),
        timezone: edit.timezone,
        date_format: match edit.date_format {
            Some(format) => Some(format).filter(is_given),
            None => before.date_format.clone(),
        },
        login_hosts: if edit.login_hosts.is_empty() {
            before.login_hosts.clone()
        } else {
            edit.login_hosts.into_iter().filter(is_given).collect()
        },
        options: all_options,
        account_url: match edit.account_url {
            Some(url) => Some(url).filter(is_given),
            None => by_hand.map(|url| url.to_string()),
        },
    };
    draft.into_library(before.id.clone(), before.timezone)
}

async fn list(context: &Context) -> CommandResult {
    let libraries = context.store.libraries().await?;
    context.output.print_document(&libraries);
    if libraries.is_empty() {
        context.output.print_text(
            "There are no libraries yet. “hippo library add --help” shows how to add one.",
        );
        return Ok(Outcome::Done);
    }
    let mut table = Table::new([
        fixed("ID"),
        words("NAME"),
        fixed("SYSTEM"),
        words("ADDRESS"),
        words("ZONE"),
    ]);
    for library in &libraries {
        table.row([
            library.id.as_str().into(),
            library.name.as_str().into(),
            library.system.as_str().into(),
            library.base_url.as_str().into(),
            library.timezone.name().into(),
        ]);
    }
    context.output.print_table(&table);
    Ok(Outcome::Done)
}

async fn remove_library(context: &Context, remove: Remove) -> CommandResult {
    let library = match context.library(&remove.id).await {
        Ok(library) => library,
        Err(error) => {
            // A removal that stopped between the two steps below can be repeated.
            withdraw_library_alerts(&*context.store, &remove.id).await?;
            return Err(error);
        }
    };
    if !confirm(&format!("Remove the library {}?", library.id), remove.yes)? {
        context.output.print_text("Nothing was changed.");
        return Ok(Outcome::Done);
    }
    // The store refuses a library with cards, whose alerts stay.
    context.store.remove_library(&library.id).await?;
    withdraw_library_alerts(&*context.store, &library.id).await?;
    context
        .output
        .print_document(&serde_json::json!({ "removed": library.id }));
    context
        .output
        .print_text(format!("Removed the library {}.", library.id));
    let schedules = context.deployment.saved_schedules().await?;
    show_unknown_names(context, &schedules).await?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(url: &str) -> LibraryDraft {
        LibraryDraft {
            system: "sierra".into(),
            url: url.into(),
            ..LibraryDraft::default()
        }
    }

    fn library(draft: LibraryDraft) -> Result<Library, String> {
        draft.into_library("wpl".parse().unwrap(), Tz::UTC)
    }

    fn edit() -> Edit {
        Edit {
            id: "wpl".parse().unwrap(),
            url: None,
            system: None,
            name: None,
            timezone: None,
            date_format: None,
            currency: None,
            login_hosts: Vec::new(),
            options: Vec::new(),
            account_url: None,
            yes: false,
        }
    }

    #[test]
    fn other_system_drops_the_options_of_the_old_one() {
        let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let before = library(LibraryDraft {
            system: "sierra".to_owned(),
            url: "https://books.example.org".to_owned(),
            options: BTreeMap::from([option("scope", "S3"), option("currency", "CAD")]),
            ..LibraryDraft::default()
        })
        .unwrap();
        let other = Edit {
            system: Some("koha".to_owned()),
            ..edit()
        };
        let after = edited(&before, other, BTreeMap::new()).unwrap();
        assert_eq!(after.system.as_str(), "koha");
        assert_eq!(after.options, BTreeMap::from([option("currency", "CAD")]));
        let wrong = edited(&after, edit(), BTreeMap::from([option("scope", "S3")]));
        assert!(wrong.unwrap_err().contains("no option “scope”"));
    }

    #[test]
    fn account_url_follows_the_base_url_unless_set() {
        let moved = |before: &Library| {
            let url = Some("https://elsewhere.example.org".to_owned());
            edited(before, Edit { url, ..edit() }, BTreeMap::new()).unwrap()
        };
        let usual = library(draft("https://library.example.org")).unwrap();
        let host = |library: &Library| {
            library
                .account_url
                .as_ref()
                .unwrap()
                .host_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(host(&moved(&usual)), "elsewhere.example.org");
        let by_hand = library(LibraryDraft {
            account_url: Some("https://account.example.org".to_owned()),
            ..draft("https://library.example.org")
        })
        .unwrap();
        assert_eq!(host(&moved(&by_hand)), "account.example.org");
        let account_url = Some(String::new());
        let back = edited(
            &by_hand,
            Edit {
                account_url,
                ..edit()
            },
            BTreeMap::new(),
        )
        .unwrap();
        assert_eq!(back, usual);
    }

    #[test]
    fn library_edit_changes_given_values_and_clears_empty_ones() {
        let before = library(LibraryDraft {
            date_format: Some("%m-%d-%y".to_owned()),
            login_hosts: vec!["login.example.org".to_owned()],
            options: BTreeMap::from([("scope".to_owned(), "9".to_owned())]),
            ..draft("https://library.example.org")
        })
        .unwrap();
        assert_eq!(edited(&before, edit(), BTreeMap::new()).unwrap(), before);
        let empty = Edit {
            date_format: Some(String::new()),
            login_hosts: vec![String::new()],
            ..edit()
        };
        let options = BTreeMap::from([("scope".to_owned(), String::new())]);
        let after = edited(&before, empty, options).unwrap();
        assert_eq!(
            after,
            library(draft("https://library.example.org")).unwrap()
        );
    }
}
