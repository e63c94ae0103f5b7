//! The command `hippo`: LibraryHippo on one machine.

mod args;
mod ask;
mod checking;
mod commands;
mod config;
mod context;
mod exit;
mod home;
mod logging;
mod output;
mod post;
mod stop;
mod view;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};
use crate::output::{Output, note};

fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.json, args.no_color);
    let is_demo = matches!(args.command, Command::Demo(_));
    let logging = logging::begin(args.verbose, output.color, is_demo);
    match logging.and_then(|()| commands::dispatch(args, output)) {
        Ok(outcome) => outcome.code().into(),
        Err(error) if output.json => {
            note(error.to_json());
            error.code().into()
        }
        Err(error) => {
            note(format!("hippo: {error}"));
            error.code().into()
        }
    }
}
