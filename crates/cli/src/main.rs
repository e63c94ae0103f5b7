//! The command `hippo`: LibraryHippo on one machine, and the administration of a stack on AWS.

mod args;
mod ask;
#[cfg(feature = "aws")]
mod aws;
#[cfg(not(feature = "aws"))]
#[path = "aws/absent.rs"]
mod aws;
mod checking;
mod commands;
mod config;
mod context;
mod exit;
mod following;
mod home;
mod keys;
mod logging;
mod mailer;
mod next_notice;
mod output;
mod remedies;
mod stop;
mod suggest;
mod text_input;
mod timezones;
mod view;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::args::Args;
use crate::exit::CommandError;
use crate::output::{Output, note, stdout};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return not_understood(&error),
    };
    let output = Output::new(args.json, args.no_color);
    let logging = logging::begin(args.verbose, output.color, output.json);
    match logging.and_then(|()| commands::dispatch(args, output)) {
        Ok(outcome) => end(outcome.code(), output.json),
        Err(error) => say_error(&error, output.json),
    }
}

/// The exit code of a command that did its work, unless its answer could not be printed.
fn end(code: u8, json: bool) -> ExitCode {
    match stdout::failure() {
        Some(sentence) => say_error(&CommandError::Unusable(sentence), json),
        None => code.into(),
    }
}

/// The help or the version, or what is wrong with the arguments.
fn not_understood(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    if !(wants_json && error.use_stderr()) {
        let printed = error.print().and_then(|()| std::io::stdout().flush());
        if !error.use_stderr() {
            stdout::note_fault(printed);
        }
        return end(u8::try_from(error.exit_code()).unwrap_or(2), wants_json);
    }
    let text = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "A command is missing; --help lists them.".to_owned()
        }
        _ => error.to_string(),
    };
    // What follows the first paragraph is advice for a person.
    let text = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let message = words.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    say_error(&CommandError::Usage(message.to_owned()), true)
}

fn say_error(error: &CommandError, json: bool) -> ExitCode {
    if json {
        note(error.to_json());
    } else {
        note(format!("hippo: {error}"));
    }
    error.code().into()
}
