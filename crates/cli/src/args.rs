//! The tree of commands. What each command takes stands beside it.

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use clap::builder::TypedValueParser as _;
use clap::{Parser, Subcommand, ValueEnum};
use hippo_core::ids::CardId;

use crate::commands;
use crate::timezones::parse_timezone;

/// The head over what every command takes.
const EVERYWHERE: &str = "Everywhere";

/// The name of the stack unless a person names another; `samconfig.toml.example` has the same.
pub(crate) const DEFAULT_STACK: &str = "libraryhippo";

/// Which side a command works on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// A home on this machine.
    #[default]
    Here,
    /// A stack on AWS.
    Aws,
}

/// Logs in to each library card of a family, remembers what it saw, and mails one short note a day.
#[derive(Debug, Parser)]
#[command(
    name = "hippo",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  hippo demo        # see it all work, with invented libraries on this machine
  hippo init        # begin
  hippo status      # how every card is doing
  hippo --on aws status --stack libraryhippo

Environment: HIPPO_HOME as --home; HIPPO_ON as --on and HIPPO_STACK as --stack; HIPPO_LOG or
RUST_LOG what is logged to standard error (such as info; by default errors, and nothing with
--json); HIPPO_NOW a clock that stands still at this time (RFC 3339); NO_COLOR as --no-color.

Exit codes: 0 done; 1 done, but a card or a mail failed, or it was interrupted; 2 wrong usage;
3 configuration or store unusable, or no room for the output. With --json an error is a document on
standard error: {\"error\":{\"kind\":\"usage\",\"message\":\"…\"}}; its kinds are usage and unusable."
)]
pub(crate) struct Args {
    /// Where everything is kept; by default the platform's directory for data.
    #[arg(
        long,
        global = true,
        env = "HIPPO_HOME",
        hide_env_values = true,
        value_name = "DIR",
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        help_heading = EVERYWHERE
    )]
    pub(crate) home: Option<PathBuf>,
    /// Work on a home on this machine, or on a deployed stack.
    #[arg(
        long,
        global = true,
        value_enum,
        env = "HIPPO_ON",
        default_value = "here",
        hide_env_values = true,
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "here|aws",
        help_heading = EVERYWHERE
    )]
    pub(crate) on: Side,
    /// The stack's name; “libraryhippo” unless it is given.
    #[arg(
        long,
        global = true,
        env = "HIPPO_STACK",
        default_value = DEFAULT_STACK,
        hide_env_values = true,
        hide_default_value = true,
        value_name = "NAME",
        help_heading = EVERYWHERE
    )]
    pub(crate) stack: String,
    /// The stack's AWS region; by default as AWS_REGION or the profile say.
    #[arg(long, global = true, value_name = "REGION", help_heading = EVERYWHERE)]
    pub(crate) region: Option<String>,
    /// Print one JSON document instead of tables.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// Log more to standard error; twice and three times for still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    pub(crate) verbose: u8,
    /// Never print in colours (NO_COLOR does the same).
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) no_color: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do. What a command does is said beside what it takes.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(commands::init::Init),
    Demo(commands::demo::Demo),
    /// Libraries: where cards are used.
    #[command(subcommand)]
    Library(commands::library::Command),
    /// Families: who gets one notice a day.
    #[command(subcommand)]
    Family(commands::family::Command),
    /// Cards: whose, where, and their PINs.
    #[command(subcommand)]
    Card(commands::card::Command),
    Import(commands::import::Import),
    Export(commands::export::Export),
    CheckCards(commands::check_cards::CheckCards),
    NotifyAll(commands::notify_all::NotifyAll),
    Status(commands::status::Status),
    Notices(commands::notices::Notices),
    Runs(commands::runs::Runs),
    Run(commands::run_job::RunJob),
    Read(commands::read::Read),
    /// Mail.
    #[command(subcommand)]
    Mail(commands::mail::Command),
    Backup(commands::backup::Backup),
    Restore(commands::restore::Restore),
    Doctor(commands::doctor::Doctor),
    /// The key that seals numbers and PINs.
    #[command(subcommand)]
    Key(commands::key::Command),
    /// What only a stack on AWS has.
    #[cfg(feature = "aws")]
    #[command(subcommand)]
    Aws(commands::aws::Command),
    Completions(commands::completions::Completions),
}

/// A time zone by its IANA name.
pub(crate) fn timezone(text: &str) -> Result<Tz, String> {
    parse_timezone(text)
}

/// A time of day.
pub(crate) fn time_of_day(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| format!("“{text}” is not a time of day; write it like 06:30."))
}

/// A calendar date.
pub(crate) fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse()
        .map_err(|_| format!("“{text}” is not a date; write it like 2026-11-21."))
}

/// An instant with its offset.
pub(crate) fn instant(text: &str) -> Result<DateTime<FixedOffset>, String> {
    DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("“{text}” is not a time; write it like 2026-11-21T05:00:00-05:00."))
}

/// A card as a person names it: by its id, or by the end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CardName {
    /// The whole id.
    Id(CardId),
    /// The last letters of it, at least four.
    Ending(String),
}

/// A card's id, or the end of one.
pub(crate) fn card_name(text: &str) -> Result<CardName, String> {
    let text = text.trim();
    if let Ok(id) = text.parse() {
        return Ok(CardName::Id(id));
    }
    let is_part = text.len() >= 4 && text.len() < 26;
    if is_part && text.chars().all(|c| c.is_ascii_alphanumeric()) {
        Ok(CardName::Ending(text.to_owned()))
    } else {
        Err(format!(
            "“{text}” is not a card's id, nor the last four letters or more of one; “hippo card list” shows \
             them."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn walk(command: &clap::Command, path: &str, check: &mut dyn FnMut(&clap::Command, &str)) {
        check(command, path);
        for sub in command.get_subcommands() {
            walk(sub, &format!("{path} {}", sub.get_name()), check);
        }
    }

    #[test]
    fn the_tree_of_commands_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_has_an_example_that_is_understood() {
        let mut examples = 0;
        walk(&Args::command(), "hippo", &mut |command, path| {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_else(|| panic!("{path} has no example"));
            for line in help.lines().filter(|line| line.starts_with("  ")) {
                assert!(line.len() <= 80, "a terminal breaks {line}");
            }
            let help = help.replace("\\\n      ", "");
            let lines: Vec<&str> = help
                .lines()
                .filter_map(|line| line.trim().get(line.trim().find("hippo ")?..))
                .filter(|line| line.starts_with(path))
                .collect();
            assert!(!lines.is_empty(), "{path} has no example of itself");
            for line in lines {
                // What stands two spaces further is a comment; a pipe and a redirection are the shell's.
                let line = line.split("  ").next().unwrap();
                let line = line.split([';', '|', '<', '>', '&']).next().unwrap();
                let words = words(line);
                if let Err(error) = Args::try_parse_from(words) {
                    panic!("{line}: {error}");
                }
                examples += 1;
            }
        });
        assert!(examples > 30, "{examples}");
    }

    /// The words of a line, quotes of either kind kept together.
    fn words(line: &str) -> Vec<String> {
        let quote = if line.contains('\'') { '\'' } else { '"' };
        line.split(quote)
            .enumerate()
            .flat_map(|(index, part)| match index % 2 {
                0 => part.split_whitespace().map(str::to_owned).collect(),
                _ => vec![part.to_owned()],
            })
            .collect()
    }

    #[test]
    fn no_command_takes_a_pin_or_a_password_as_an_argument() {
        walk(&Args::command(), "hippo", &mut |command, path| {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let takes_value = argument.get_action().takes_values();
                let is_secret =
                    name == "pin" || name.contains("password") || name.contains("secret");
                assert!(!(takes_value && is_secret), "{path} takes {name}");
            }
        });
    }
}
