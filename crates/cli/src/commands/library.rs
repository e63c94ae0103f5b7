//! `hippo library`: the libraries at which cards are used.

mod detect;
mod draft;
mod hosts;
mod known;

use std::collections::BTreeMap;
use std::ffi::OsStr;

use chrono_tz::Tz;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Args, Subcommand};
use hippo_core::ids::LibraryId;
use hippo_core::library::{CURRENCY_OPTION, Library};
use hippo_core::seal::LoginOrigins;
use hippo_systems::SYSTEMS;

pub(crate) use self::draft::{Draft, check_date_format, unknown_system};
use self::hosts::move_hosts;
use crate::args::timezone;
use crate::ask::confirm;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::table::{Table, fixed, words};

/// What to do with libraries.
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
    Search(known::Search),
    Detect(detect::Detect),
    Remove(Remove),
}

/// Add a library: one that comes with hippo by its id alone, any other by its system and address.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo library add wpl           # one that “hippo library search” knows
  hippo library add mill --system bibliocommons \\
      --url https://mill.example.org --name \"Mill Street\"
  hippo library add kpl --system enterprise \\
      --url https://kpl.example.org/client/en_US/default \\
      --date-format %m/%d/%Y --login-host login.example.org")]
pub(crate) struct Add {
    /// A short name of your choice: lower-case letters, digits, hyphens.
    id: LibraryId,
    /// The software behind the site; “hippo library detect” finds it out.
    #[arg(long, value_parser = SystemNames, requires = "url")]
    system: Option<String>,
    /// The site's address, where its paths begin; https, so that a PIN is never readable on its way.
    #[arg(long, requires = "system")]
    url: Option<String>,
    /// What mails call the library; by default the id.
    #[arg(long)]
    name: Option<String>,
    /// The zone in which the library's days are counted; by default your own.
    #[arg(long, value_parser = timezone, value_name = "ZONE")]
    timezone: Option<Tz>,
    /// How the site writes dates (strftime), if it prints no machine-readable ones.
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// The currency of the sums on the site (ISO 4217, as CAD), if the site does not name it.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Another host to which the number and PIN may be sent; may be given several times.
    #[arg(long = "login-host", value_name = "HOST")]
    login_hosts: Vec<String>,
    /// What else the system wants to know; may be given several times.
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// The page that a person opens to see the account, if not the usual one.
    #[arg(long, value_name = "URL")]
    account_url: Option<String>,
}

/// Change what is known of a library; what is not given stays as it is.
///
/// PINs are sealed for the library's hosts: with other hosts, the PINs of its cards are sealed anew, and
/// you are asked whether they may be sent there. An empty value takes away what was there. Check its cards again after it: “hippo check-cards
/// --library ID”.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo library edit wpl --date-format %m-%d-%y
  hippo library edit kpl --url https://kpl.example.org \\
      --login-host login.example.org")]
pub(crate) struct Edit {
    /// The library.
    id: LibraryId,
    /// The site's address, where its paths begin.
    #[arg(long)]
    url: Option<String>,
    /// What mails call the library.
    #[arg(long)]
    name: Option<String>,
    /// The zone in which the library's days are counted.
    #[arg(long, value_parser = timezone, value_name = "ZONE")]
    timezone: Option<Tz>,
    /// How the site writes dates (strftime).
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
    /// The currency of the sums on the site (ISO 4217, as CAD).
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// The hosts other than the site's to which the number and PIN may be sent: all of them, in
    /// place of those that are there. Name only hosts that you know to be the library's.
    #[arg(long = "login-host", value_name = "HOST")]
    login_hosts: Vec<String>,
    /// What else the system wants to know; may be given several times.
    #[arg(long = "option", value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// The page that a person opens to see the account; empty: the usual one.
    #[arg(long, value_name = "URL")]
    account_url: Option<String>,
    /// Do not ask whether PINs may be sent to other hosts.
    #[arg(long)]
    yes: bool,
}

impl Edit {
    fn is_empty(&self) -> bool {
        let texts = [
            &self.url,
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

/// Remove a library that no card is of.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo library remove wpl --yes")]
pub(crate) struct Remove {
    /// The library.
    id: LibraryId,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// The names of the systems, for completions and the help. Any other is taken too, so that the
/// command can say what there is in its own words.
#[derive(Debug, Clone)]
pub(crate) struct SystemNames;

impl TypedValueParser for SystemNames {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = SYSTEMS
            .iter()
            .map(|system| PossibleValue::new(system.name()));
        Some(Box::new(names))
    }
}

/// Does what is asked.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    // These ask for no home.
    let command = match command {
        Command::Search(search) => return known::search(&search, &globals.output),
        Command::Detect(detect) => return detect::detect(detect, &globals.output).await,
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
    let options = keys_and_values(&add.options)?;
    let known = match (add.system, add.url) {
        (Some(system), Some(url)) => Draft {
            system,
            url,
            ..Draft::default()
        },
        _ => known::draft(add.id.as_str()).ok_or_else(|| not_known(&add.id))?,
    };
    // What is given comes before what is known.
    let mut draft = Draft {
        name: add.name.or(known.name),
        timezone: add.timezone.or(known.timezone),
        date_format: add.date_format.or(known.date_format),
        account_url: add.account_url,
        ..known
    };
    draft.login_hosts.extend(add.login_hosts);
    draft.options.extend(options);
    draft.options.extend(currency_option(add.currency));
    let library = draft
        .into_library(add.id, context.zone())
        .map_err(CommandError::Usage)?;
    context.store.add_library(&library).await?;
    context.output.document(&library);
    context.output.say(format!(
        "Added the library {} ({}). Its site, {}, runs {}.",
        library.id,
        library.name,
        library.base_url.host_str().unwrap_or_default(),
        library.system
    ));
    if library.date_format.is_none()
        && let Some(why) = why_a_date_format(&library)
    {
        context.output.say(why);
        context.output.say_whole(format!(
            "  → hippo library edit {} --date-format FORMAT",
            library.id
        ));
        context
            .output
            .say("where FORMAT is, for 11/21/2026, %m/%d/%Y, and for 21-11-26, %d-%m-%y.");
    }
    say_what_is_next(context, &library).await?;
    Ok(Outcome::Done)
}

/// Says how to add a card there, or first a family.
async fn say_what_is_next(context: &Context, library: &Library) -> Result<(), CommandError> {
    let families = context.store.families().await?;
    let family = match families.as_slice() {
        [] => {
            context.output.say("Next, add the family that is told:");
            context
                .output
                .say_whole("  → hippo family add FAMILY --name NAME --to ADDRESS");
            "FAMILY"
        }
        [one] => one.id.as_str(),
        _ => "FAMILY",
    };
    context.output.say("Then add a card; its PIN is asked for:");
    context.output.say_whole(format!(
        "  → hippo card add --family {family} --library {} --patron NAME --number NUMBER",
        library.id
    ));
    Ok(())
}

fn not_known(id: &LibraryId) -> CommandError {
    CommandError::Usage(format!(
        "“{id}” is none of the libraries that come with hippo (“hippo library search” shows them).{} Or say what \
         its site runs, with --system and --url; “hippo library detect URL” finds it out.",
        known::did_you_mean(id.as_str())
    ))
}

/// Why a library without a date format may need one; none where its system never does.
fn why_a_date_format(library: &Library) -> Option<String> {
    let system = hippo_systems::system(library.system.as_str())?;
    let name = &library.system;
    let why = match (system.needs_date_format(), system.states_date_format()) {
        (false, _) => return None,
        (true, false) => format!(
            "A {name} site writes dates as the library likes, and a date is never guessed: say how with"
        ),
        (true, true) => format!(
            "A {name} site writes dates as the library likes, and its pages tell how. Only if a check says that \
             they do not, say it with"
        ),
    };
    Some(why)
}

fn keys_and_values(options: &[String]) -> Result<BTreeMap<String, String>, CommandError> {
    options
        .iter()
        .map(|option| match option.split_once('=') {
            Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
            None => Err(CommandError::Usage(format!(
                "“{option}” is not an option; write it like key=value."
            ))),
        })
        .collect()
}

/// `--currency CODE` and `currency` of a file, as the option that it is.
pub(crate) fn currency_option(code: Option<String>) -> Option<(String, String)> {
    code.map(|code| (CURRENCY_OPTION.to_owned(), code.trim().to_owned()))
}

async fn edit_library(context: &Context, edit: Edit) -> CommandResult {
    let before = context.library(&edit.id).await?;
    if edit.is_empty() {
        return Err(CommandError::Usage(
            "Say what to change; “hippo library edit --help” lists it.".to_owned(),
        ));
    }
    let options = keys_and_values(&edit.options)?;
    let yes = edit.yes;
    let library = edited(&before, edit, options).map_err(CommandError::Usage)?;
    if LoginOrigins::from_library(&library) != LoginOrigins::from_library(&before) {
        return move_hosts(context, &before, &library, yes).await;
    }
    if library == before {
        context.output.document(&library);
        context
            .output
            .say(format!("The library {} is so already.", library.id));
        return Ok(Outcome::Done);
    }
    context.store.update_library(&library).await?;
    context.output.document(&library);
    context.output.say(format!(
        "Changed the library {}. “hippo check-cards --library {}” checks its cards.",
        library.id, library.id
    ));
    Ok(Outcome::Done)
}

/// The library with what is asked for changed; as sound as a new one.
fn edited(
    before: &Library,
    edit: Edit,
    options: BTreeMap<String, String>,
) -> Result<Library, String> {
    let is_given = |text: &String| !text.trim().is_empty();
    let system = hippo_systems::system(before.system.as_str());
    // What nobody wrote by hand follows the address.
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
    all_options.extend(options);
    all_options.extend(currency_option(edit.currency));
    all_options.retain(|_, value| !value.is_empty());
    let draft = Draft {
        system: before.system.to_string(),
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
    context.output.document(&libraries);
    if libraries.is_empty() {
        context
            .output
            .say("There are no libraries yet; “hippo library add --help” shows how to add one.");
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
    context.output.table(&table);
    Ok(Outcome::Done)
}

async fn remove_library(context: &Context, remove: Remove) -> CommandResult {
    let library = context.library(&remove.id).await?;
    if !confirm(&format!("Remove the library {}?", library.id), remove.yes)? {
        context.output.say("Nothing was changed.");
        return Ok(Outcome::Done);
    }
    context.store.remove_library(&library.id).await?;
    context
        .output
        .document(&serde_json::json!({ "removed": library.id }));
    context
        .output
        .say(format!("Removed the library {}.", library.id));
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(url: &str) -> Draft {
        Draft {
            system: "sierra".into(),
            url: url.into(),
            ..Draft::default()
        }
    }

    fn library(draft: Draft) -> Result<Library, String> {
        draft.into_library("wpl".parse().unwrap(), Tz::UTC)
    }

    fn edit() -> Edit {
        Edit {
            id: "wpl".parse().unwrap(),
            url: None,
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
    fn the_account_page_follows_the_address_unless_it_was_written_by_hand() {
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
        let by_hand = library(Draft {
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
    fn an_edit_changes_what_is_given_and_an_empty_value_takes_away() {
        let before = library(Draft {
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
