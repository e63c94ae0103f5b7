//! `hippo library`: the libraries at which cards are used.

use std::collections::BTreeMap;

use chrono::format::{Item, StrftimeItems};
use chrono_tz::Tz;
use clap::{Args, Subcommand};
use hippo_core::ids::LibraryId;
use hippo_core::library::Library;
use hippo_systems::{SYSTEMS, System};
use url::{Host, Url};

use crate::args::timezone;
use crate::ask::confirm;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::table::{Table, fixed, words};

/// What to do with libraries.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  hippo library add wpl --system bibliocommons --url https://wpl.bibliocommons.com
  hippo library list")]
pub(crate) enum Command {
    Add(Add),
    /// List the libraries.
    #[command(after_help = "Example:\n  hippo library list --json")]
    List,
    Remove(Remove),
}

/// Add a library.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo library add wpl --system bibliocommons --url https://wpl.bibliocommons.com --name Waterloo
  hippo library add kpl --system enterprise --url https://kpl.example.org/client/en_US/default \\
      --date-format %m/%d/%Y --login-host login.example.org")]
pub(crate) struct Add {
    /// A short name of your choice: lower-case letters, digits, hyphens.
    id: LibraryId,
    /// The software behind the site: bibliocommons, enterprise or sierra.
    #[arg(long)]
    system: String,
    /// The site's address, where its paths begin; https, so that a PIN is never readable on its way.
    #[arg(long)]
    url: String,
    /// What mails call the library; by default the id.
    #[arg(long)]
    name: Option<String>,
    /// The zone in which the library's days are counted; by default your own.
    #[arg(long, value_parser = timezone, value_name = "ZONE")]
    timezone: Option<Tz>,
    /// How the site writes dates (strftime), if it prints no machine-readable ones.
    #[arg(long, value_name = "FORMAT")]
    date_format: Option<String>,
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

/// A library as a person wrote it, before it is known to be right.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) system: String,
    pub(crate) url: String,
    pub(crate) name: Option<String>,
    pub(crate) timezone: Option<Tz>,
    pub(crate) date_format: Option<String>,
    pub(crate) login_hosts: Vec<String>,
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) account_url: Option<String>,
}

impl Draft {
    /// The library, or what is wrong with it.
    pub(crate) fn into_library(self, id: LibraryId, zone: Tz) -> Result<Library, String> {
        let system =
            hippo_systems::system(&self.system).ok_or_else(|| unknown_system(&self.system))?;
        let base_url = site_url(&self.url)?;
        let account_url = self.account_url.as_deref().map(web_url).transpose()?;
        if let Some(format) = &self.date_format {
            check_date_format(format)?;
        }
        for name in self.options.keys() {
            if !system.options().iter().any(|(known, _)| known == name) {
                return Err(unknown_option(system, name));
            }
        }
        let mut library = Library {
            name: name_or(self.name, id.as_str()),
            id,
            system: system
                .name()
                .parse()
                .map_err(|_| unknown_system(&self.system))?,
            base_url,
            account_url: None,
            timezone: self.timezone.unwrap_or(zone),
            date_format: self.date_format,
            login_hosts: self
                .login_hosts
                .iter()
                .map(|host| host_name(host))
                .collect::<Result<_, _>>()?,
            options: self.options,
        };
        library.account_url = account_url.or_else(|| system.account_url(&library));
        Ok(library)
    }
}

fn name_or(name: Option<String>, id: &str) -> String {
    let name = name.map(|name| hippo_core::text::clean(&name));
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| id.to_owned())
}

/// The message for a system that nobody knows.
pub(crate) fn unknown_system(name: &str) -> String {
    let known: Vec<&str> = SYSTEMS.iter().map(|system| system.name()).collect();
    format!(
        "There is no system “{name}”; there are {}.",
        known.join(", ")
    )
}

fn unknown_option(system: &dyn System, name: &str) -> String {
    let known: Vec<String> = system
        .options()
        .iter()
        .map(|(name, meaning)| format!("{name} ({meaning})"))
        .collect();
    if known.is_empty() {
        format!("{} has no options, and so no “{name}”.", system.name())
    } else {
        format!(
            "{} has no option “{name}”; it has {}.",
            system.name(),
            known.join(", ")
        )
    }
}

fn site_url(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "“{text}” goes on after the path; give the address up to where the site's paths begin."
        ));
    }
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || is_loopback {
        Ok(url)
    } else {
        Err(format!(
            "“{text}” is not https, and a PIN is sent by https only. Try https://{}.",
            url.host_str().unwrap_or_default()
        ))
    }
}

fn web_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
        .ok_or_else(|| {
            format!("“{text}” is not a web address; write it like https://wpl.example.org.")
        })?;
    if url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        Err("The web address holds a user name or password; leave them out.".to_owned())
    }
}

fn host_name(text: &str) -> Result<String, String> {
    match Host::parse(text.trim()) {
        Ok(host) => Ok(host.to_string()),
        Err(_) => Err(format!(
            "“{text}” is not a host; write it like login.example.org."
        )),
    }
}

/// An error unless every part of a strftime format is known.
pub(crate) fn check_date_format(format: &str) -> Result<(), String> {
    let mut has_field = false;
    for item in StrftimeItems::new(format) {
        match item {
            Item::Error => {
                return Err(format!(
                    "“{format}” is not a date format; write it like %m/%d/%Y (strftime)."
                ));
            }
            Item::Numeric(..) | Item::Fixed(..) => has_field = true,
            _ => {}
        }
    }
    if has_field {
        Ok(())
    } else {
        Err(format!(
            "The date format “{format}” has no day in it; write it like %m/%d/%Y."
        ))
    }
}

/// Does what is asked.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let context = globals.open()?;
    match command {
        Command::Add(add) => add_library(&context, add).await,
        Command::List => list(&context).await,
        Command::Remove(remove) => remove_library(&context, remove).await,
    }
}

async fn add_library(context: &Context, add: Add) -> CommandResult {
    let mut options = BTreeMap::new();
    for option in &add.options {
        let (key, value) = option.split_once('=').ok_or_else(|| {
            CommandError::Usage(format!(
                "“{option}” is not an option; write it like key=value."
            ))
        })?;
        options.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    let draft = Draft {
        system: add.system,
        url: add.url,
        name: add.name,
        timezone: add.timezone,
        date_format: add.date_format,
        login_hosts: add.login_hosts,
        options,
        account_url: add.account_url,
    };
    let library = draft
        .into_library(add.id, context.zone())
        .map_err(CommandError::Usage)?;
    context.store.add_library(&library).await?;
    context.output.document(&library);
    context.output.say(format!(
        "Added the library {} ({}).",
        library.id, library.name
    ));
    Ok(Outcome::Done)
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
    use rstest::rstest;

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

    #[rstest]
    #[case("http://library.example.org", "not https")]
    #[case("ftp://library.example.org", "not a web address")]
    #[case("library.example.org", "not a web address")]
    #[case("https://pat:canary@library.example.org", "user name or password")]
    #[case("https://library.example.org/?a=b", "after the path")]
    fn an_address_that_is_not_safe_or_not_one_is_refused(
        #[case] url: &str,
        #[case] expected: &str,
    ) {
        let message = library(draft(url)).unwrap_err();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("canary"));
    }

    #[test]
    fn plain_http_is_taken_on_loopback_for_the_demo() {
        for url in [
            "http://127.0.0.1:8080",
            "http://[::1]:8080/a",
            "http://localhost",
        ] {
            assert!(library(draft(url)).is_ok(), "{url}");
        }
    }

    #[rstest]
    #[case("%m/%d/%Y", true)]
    #[case("%d.%m.%y", true)]
    #[case("%Q", false)]
    #[case("day", false)]
    fn a_date_format_is_looked_at_before_it_is_needed(#[case] format: &str, #[case] good: bool) {
        let mut draft = draft("https://library.example.org");
        draft.date_format = Some(format.into());
        assert_eq!(library(draft).is_ok(), good);
    }

    #[test]
    fn an_unknown_system_names_the_known_ones() {
        let mut draft = draft("https://library.example.org");
        draft.system = "siera".into();
        let message = library(draft).unwrap_err();
        assert!(
            message.contains("sierra") && message.contains("bibliocommons"),
            "{message}"
        );
    }
}
