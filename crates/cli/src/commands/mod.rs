//! The command tree, its help and the dispatch.

#[cfg(feature = "aws")]
mod aws;
mod backup;
mod card;
mod check_cards;
mod completions;
mod demo;
mod doctor;
mod enqueued_run;
mod export;
mod family;
mod feed;
mod import;
mod init;
mod key;
mod library;
mod logs;
mod mail;
mod notices;
mod notify_all;
#[cfg(feature = "web")]
mod open;
mod read;
mod restore;
mod run_job;
mod runs;
pub(crate) mod schedule;
#[cfg(feature = "web")]
mod serve;
mod status;

use std::path::PathBuf;

use clap::builder::{Resettable, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::context::Globals;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::home::Home;
use crate::output::{Output, print};
use crate::suggested::{self, GivenOptions};
use crate::target::{DEFAULT_STACK, Target};

/// The heading of the options that every command takes.
const GLOBAL_OPTIONS: &str = "Global options";

/// Checks every library card of a family and emails one short notice a day.
#[derive(Debug, Parser)]
#[command(
    name = "hippo",
    version,
    after_help = "\
Examples:
  hippo demo        # see it work, with made-up libraries on this machine
  hippo init        # get started
  hippo status      # how every card is doing
  hippo --target aws status --stack libraryhippo

Environment: HIPPO_HOME for --home; HIPPO_TARGET for --target and HIPPO_STACK for --stack;
HIPPO_LOG or RUST_LOG for what to log to standard error (such as info; errors by default, and
nothing with --json); HIPPO_NOW for a frozen clock (RFC 3339); NO_COLOR for --no-color.

Exit codes: 0 done; 1 done, but a card or an email failed, or the command was interrupted;
2 wrong usage; 3 the configuration or the store can't be used, or the output can't be written.
With --json an error is a document on standard error: {\"error\":{\"kind\":\"usage\",\"message\":\"…\"}}.
Its kinds are usage and unusable; its hints are names and command lines that may help."
)]
pub(crate) struct Args {
    /// Where everything is kept. By default the platform's data directory.
    #[arg(
        long,
        global = true,
        env = "HIPPO_HOME",
        hide_env_values = true,
        value_name = "DIR",
        value_parser = clap::builder::OsStringValueParser::new().map(PathBuf::from),
        help_heading = GLOBAL_OPTIONS
    )]
    home: Option<PathBuf>,
    /// Work on a home on this machine, or on a stack on AWS.
    #[arg(
        long,
        global = true,
        value_enum,
        env = "HIPPO_TARGET",
        default_value = "local",
        hide_env_values = true,
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "local|aws",
        help_heading = GLOBAL_OPTIONS
    )]
    target: Target,
    /// The stack's name. By default “libraryhippo”.
    #[arg(
        long,
        global = true,
        env = "HIPPO_STACK",
        default_value = DEFAULT_STACK,
        hide_env_values = true,
        hide_default_value = true,
        value_name = "NAME",
        help_heading = GLOBAL_OPTIONS
    )]
    stack: String,
    /// The stack's AWS region. By default from AWS_REGION or the profile.
    #[arg(long, global = true, value_name = "REGION", help_heading = GLOBAL_OPTIONS)]
    region: Option<String>,
    /// Print one JSON document instead of tables.
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    pub(crate) json: bool,
    /// Log more to standard error. Repeat it for still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = GLOBAL_OPTIONS)]
    pub(crate) verbose: u8,
    /// Never print in colors, like NO_COLOR.
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Args {
    /// Parses this process's arguments; also returns the options that suggested commands repeat.
    pub(crate) fn parse_with_options() -> Result<(Self, GivenOptions), clap::Error> {
        let matches = command_with_home().try_get_matches();
        let matches = matches.map_err(without_environment)?;
        let given = GivenOptions::from_matches(&matches);
        let args = Self::from_arg_matches(&matches);
        let args = args.map_err(|error| error.format(&mut Self::command()))?;
        Ok((args, given))
    }
}

/// The same error as if no option came from the environment: its usage would name them as if they were
/// required.
fn without_environment(error: clap::Error) -> clap::Error {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_help || !error.use_stderr() {
        return error;
    }
    let command = command_with_home().mut_args(|argument| argument.env(Resettable::Reset));
    command.try_get_matches().err().unwrap_or(error)
}

/// The command, whose help says which home or stack the commands work on.
fn command_with_home() -> clap::Command {
    let command = Args::command();
    let rest = command.get_after_help().map(ToString::to_string);
    let rest = rest.unwrap_or_default();
    match describe_target() {
        Some(target) => command.after_help(format!("{target}\n\n{rest}")),
        None => command,
    }
}

/// Says which home or stack the commands work on; `None` if that isn't known.
fn describe_target() -> Option<String> {
    // The help is asked for before the options are parsed.
    let home = suggested::find_home_option(std::env::args_os());
    let target = std::env::var("HIPPO_TARGET").is_ok_and(|target| target == "aws");
    if target && home.is_none() {
        return Some("Your commands work on a stack on AWS, as HIPPO_TARGET says.".to_owned());
    }
    let home = home.or_else(|| std::env::var_os("HIPPO_HOME"));
    Some(Home::locate(home.map(PathBuf::from)).ok()?.describe())
}

/// The commands; each one's help is beside its options.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Demo(demo::Demo),
    /// Manage libraries: where cards are used.
    #[command(subcommand)]
    Library(library::Command),
    /// Manage families: who gets one notice a day.
    #[command(subcommand)]
    Family(family::Command),
    /// Manage feeds: a family's calendar for a phone, and numbers for Home Assistant.
    #[command(subcommand)]
    Feed(feed::Command),
    /// Manage cards and their PINs.
    #[command(subcommand)]
    Card(card::Command),
    Import(import::Import),
    Export(export::Export),
    CheckCards(check_cards::CheckCards),
    NotifyAll(notify_all::NotifyAll),
    Status(status::Status),
    Notices(notices::Notices),
    Runs(runs::Runs),
    Logs(logs::Logs),
    Run(run_job::RunJob),
    /// Manage schedules: when the jobs run.
    #[command(subcommand)]
    Schedule(schedule::Command),
    Read(read::Read),
    /// Test sending email.
    #[command(subcommand)]
    Mail(mail::Command),
    #[cfg(feature = "web")]
    Serve(serve::Serve),
    #[cfg(feature = "web")]
    Open(open::Open),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Doctor(doctor::Doctor),
    /// Manage the key that seals numbers and PINs.
    #[command(subcommand)]
    Key(key::Command),
    /// Manage a stack on AWS.
    #[cfg(feature = "aws")]
    #[command(subcommand)]
    Aws(aws::Command),
    Completions(completions::Completions),
}

/// Runs the command that was asked for; without one, prints the help.
pub(crate) fn dispatch(args: Args, output: Output) -> CommandResult {
    let globals = Globals {
        home: args.home,
        target: args.target,
        stack: args.stack,
        region: args.region,
        output,
    };
    match args.command {
        None if output.json => {
            Err(CommandError::usage("A command is missing.").try_command("hippo --help"))
        }
        None => {
            let help = command_with_home().render_help();
            print(&if output.color {
                help.ansi().to_string()
            } else {
                help.to_string()
            });
            Ok(Outcome::Done)
        }
        // These need neither a home nor a runtime.
        Some(Command::Completions(completions::Completions {
            shell: Some(shell), ..
        })) => {
            completions::run(shell, Args::command());
            Ok(Outcome::Done)
        }
        Some(Command::Read(read)) => read::run(&read),
        Some(command) => {
            let runtime = tokio::runtime::Runtime::new().map_err(|error| {
                CommandError::unusable("Couldn't start the async runtime.").caused_by(error)
            })?;
            let result = runtime.block_on(run(command, &globals));
            // A DNS lookup or a page that is still being read must not delay the exit.
            runtime.shutdown_background();
            result
        }
    }
}

async fn run(command: Command, globals: &Globals) -> CommandResult {
    match command {
        Command::Init(args) => init::run(args, globals).await,
        Command::Demo(args) => demo::run(args, globals).await,
        Command::Library(command) => library::run(command, globals).await,
        Command::Family(command) => family::run(command, globals).await,
        Command::Feed(command) => feed::run(command, globals).await,
        Command::Card(command) => card::run(command, globals).await,
        Command::Import(args) => import::run(args, globals).await,
        Command::Export(args) => export::run(args, globals).await,
        Command::CheckCards(args) => check_cards::run(args, globals).await,
        Command::NotifyAll(args) => notify_all::run(args, globals).await,
        Command::Status(args) => status::run(args, globals).await,
        Command::Schedule(command) => schedule::run(command, globals).await,
        Command::Run(args) => run_job::run(args, globals).await,
        Command::Notices(args) => notices::run(args, globals).await,
        Command::Runs(args) => runs::run(args, globals).await,
        Command::Logs(args) => logs::run(args, globals).await,
        Command::Mail(command) => mail::run(command, globals).await,
        #[cfg(feature = "web")]
        Command::Serve(args) => serve::run(args, globals).await,
        #[cfg(feature = "web")]
        Command::Open(args) => open::run(args, globals).await,
        Command::Backup(args) => backup::run(args, globals).await,
        Command::Restore(args) => restore::run(args, globals).await,
        Command::Doctor(args) => doctor::run(args, globals).await,
        Command::Key(command) => key::run(command, globals).await,
        #[cfg(feature = "aws")]
        Command::Aws(command) => aws::run(command, globals).await,
        Command::Completions(completions::Completions {
            ids: Some(kind), ..
        }) => completions::print_ids(kind, globals).await,
        Command::Completions(_) | Command::Read(_) => Ok(Outcome::Done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(command: &clap::Command, path: &str, check: &mut dyn FnMut(&clap::Command, &str)) {
        check(command, path);
        for sub in command.get_subcommands() {
            walk(sub, &format!("{path} {}", sub.get_name()), check);
        }
    }

    #[test]
    fn command_definitions_are_valid() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_help_has_examples_that_parse() {
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
                // Two spaces start a comment; pipes and redirections belong to the shell.
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

    /// Splits a line into words; quoted parts stay whole.
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
    fn no_argument_takes_a_pin_or_password() {
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

    #[test]
    fn commands_with_id_completion_take_an_id() {
        let root = Args::command();
        for (path, kind) in completions::ID_ARGUMENTS {
            let mut command = &root;
            for name in path.split(' ') {
                let found = command.find_subcommand(name);
                command = found.unwrap_or_else(|| panic!("there is no {path}"));
            }
            assert!(command.get_positionals().next().is_some(), "{path}");
            assert!(
                <completions::IdKind as clap::ValueEnum>::from_str(kind, false).is_ok(),
                "{kind}"
            );
        }
    }

    #[test]
    fn completion_scripts_complete_ids() {
        use clap_complete::Shell;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completions::script(shell, Args::command());
            for (path, _) in completions::ID_ARGUMENTS {
                assert!(script.contains(path), "{shell}: {path}");
            }
            assert!(!script.contains("ARGUMENTS\n"), "{shell}");
            if shell == Shell::Zsh {
                assert_eq!(script.matches("\n_hippo() {").count(), 1);
            }
        }
    }
}
