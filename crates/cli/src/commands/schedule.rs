//! `hippo schedule`: when the jobs run.

mod calendar_fields;
mod diagnose;
#[cfg(test)]
mod documented;
mod install;
mod list;
pub(crate) mod next;
mod pause;
mod print;
#[cfg(feature = "aws")]
mod render;
mod status;
mod systemd;
#[cfg(test)]
mod testing;
mod timers;
pub(crate) mod units;

use clap::Subcommand;

pub(crate) use self::diagnose::diagnose;

use crate::context::Globals;
use crate::exit::CommandResult;

/// The subcommands of `hippo schedule`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  hippo schedule list
  hippo schedule next \"cron(0 5 ? * MON-FRI *)\"
  hippo schedule install
  hippo schedule pause --all --until 2026-12-01")]
pub(crate) enum Command {
    List(list::List),
    Next(next::Next),
    Pause(pause::PauseSchedule),
    Resume(pause::Resume),
    Install(install::Install),
    Status(status::Status),
    Remove(install::Remove),
    Print(print::Print),
    #[cfg(feature = "aws")]
    Render(render::Render),
}

/// Runs a subcommand.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    match command {
        Command::List(_) => list::list(globals).await,
        Command::Next(args) => next::next(&args, globals).await,
        Command::Pause(args) => pause::pause(args, globals).await,
        Command::Resume(args) => pause::resume(args, globals).await,
        Command::Install(args) => install::install(&args, globals).await,
        Command::Status(_) => status::status(globals),
        Command::Remove(_) => install::remove(globals),
        Command::Print(args) => print::print(&args, globals),
        #[cfg(feature = "aws")]
        Command::Render(args) => render::run(&args, globals),
    }
}
