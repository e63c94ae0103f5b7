//! The command `hippo`: LibraryHippo on one machine, and the administration of a stack on AWS.

mod ask;
mod audit;
mod card_problem;
mod card_view;
mod check_one_card;
mod commands;
mod config;
mod context;
mod deployment;
mod exit;
mod failure_command;
mod finding;
mod home;
mod key_store;
mod left_out;
mod library_draft;
mod logging;
mod mailer;
mod next_notice;
mod next_run;
mod not_checked;
mod not_started;
mod notice_view;
mod operator_name;
mod output;
mod pauses;
mod problem;
mod remedies;
mod run_history;
mod run_hooks;
mod run_log;
mod run_view;
mod schedule_remarks;
mod sealing;
mod start_options;
mod stop;
mod suggest;
mod suggested;
mod target;
mod text_input;
mod timer_days;
mod timezones;
mod values;

use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::commands::Args;
use crate::exit::CommandError;
use crate::output::{Output, print_to_stderr, stdout};

fn main() -> ExitCode {
    let args = match Args::parse_with_options() {
        Ok((args, given)) => {
            given.remember();
            args
        }
        Err(error) => return show_argument_error(&error),
    };
    let output = Output::new(args.json, args.no_color);
    let logging = logging::begin(args.verbose, output.color, output.json);
    match logging.and_then(|()| commands::dispatch(args, output)) {
        Ok(outcome) => end(outcome.code(), output.json),
        Err(error) => show_error(&error, output.json),
    }
}

/// Returns the command's exit code, or reports that its output couldn't be written.
fn end(code: u8, json: bool) -> ExitCode {
    match stdout::failure_message() {
        Some(sentence) => show_error(&CommandError::unusable(sentence), json),
        None => code.into(),
    }
}

/// Prints the help, the version or an error in the arguments.
fn show_argument_error(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    if !(wants_json && error.use_stderr()) {
        let printed = error.print().and_then(|()| std::io::stdout().flush());
        if !error.use_stderr() {
            stdout::record_fault(printed);
        }
        return end(u8::try_from(error.exit_code()).unwrap_or(2), wants_json);
    }
    let text = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            "A command is missing. --help lists them.".to_owned()
        }
        _ => error.to_string(),
    };
    // Only the first paragraph is the message; the rest is advice for people.
    let text = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let message = words.join(" ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    show_error(&CommandError::usage(message), true)
}

fn show_error(error: &CommandError, json: bool) -> ExitCode {
    if json {
        print_to_stderr(error.to_json());
    } else {
        print_to_stderr(format!("hippo: {error}"));
    }
    error.code().into()
}
