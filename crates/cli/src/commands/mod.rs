//! The commands, one module each.

#[cfg(feature = "aws")]
pub(crate) mod aws;
pub(crate) mod backup;
pub(crate) mod card;
pub(crate) mod check_cards;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod family;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod library;
pub(crate) mod mail;
pub(crate) mod notices;
pub(crate) mod notify_all;
pub(crate) mod read;
pub(crate) mod restore;
pub(crate) mod run_job;
pub(crate) mod runs;
pub(crate) mod start;
pub(crate) mod status;

use crate::args::{Args, Command};
use crate::commands::completions::Completions;
use crate::context::Globals;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::Output;

/// Does what was asked for.
pub(crate) fn dispatch(args: Args, output: Output) -> CommandResult {
    let globals = Globals {
        home: args.home,
        side: args.on,
        stack: args.stack,
        region: args.region,
        output,
    };
    match args.command {
        // These need neither a home nor a runtime.
        Command::Completions(Completions {
            shell: Some(shell), ..
        }) => {
            completions::run(shell);
            Ok(Outcome::Done)
        }
        Command::Read(read) => read::run(&read),
        command => {
            let runtime = tokio::runtime::Runtime::new().map_err(|error| {
                CommandError::Unusable(format!("Could not start the async runtime: {error}."))
            })?;
            let result = runtime.block_on(run(command, &globals));
            // A look-up of a name or a page that is still being read holds up no end.
            runtime.shutdown_background();
            result
        }
    }
}

async fn run(command: Command, globals: &Globals) -> CommandResult {
    match command {
        Command::Init(init) => init::run(init, globals).await,
        Command::Demo(demo) => demo::run(demo, globals).await,
        Command::Library(command) => library::run(command, globals).await,
        Command::Family(command) => family::run(command, globals).await,
        Command::Card(command) => card::run(command, globals).await,
        Command::Import(import) => import::run(import, globals).await,
        Command::Export(export) => export::run(export, globals).await,
        Command::CheckCards(asked) => check_cards::run(asked, globals).await,
        Command::NotifyAll(asked) => notify_all::run(asked, globals).await,
        Command::Status(asked) => status::run(asked, globals).await,
        Command::Run(asked) => run_job::run(asked, globals).await,
        Command::Notices(asked) => notices::run(asked, globals).await,
        Command::Runs(asked) => runs::run(asked, globals).await,
        Command::Mail(command) => mail::run(command, globals).await,
        Command::Backup(backup) => backup::run(backup, globals).await,
        Command::Restore(asked) => restore::run(asked, globals).await,
        Command::Doctor(asked) => doctor::run(asked, globals).await,
        Command::Key(command) => key::run(command, globals).await,
        #[cfg(feature = "aws")]
        Command::Aws(command) => aws::run(command, globals).await,
        Command::Completions(Completions {
            ids: Some(kind), ..
        }) => completions::print_ids(kind, globals).await,
        Command::Completions(_) | Command::Read(_) => Ok(Outcome::Done),
    }
}
