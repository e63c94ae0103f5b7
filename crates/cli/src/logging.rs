//! The command's log on standard error.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::exit::CommandError;
use crate::run_log::{CaptureLayer, RunLevelFilter};

/// Starts logging.
///
/// The level comes from the number of `-v`, or else from `HIPPO_LOG` or `RUST_LOG`. By default, only
/// errors are logged, because the command reports failures itself. With `--json`, nothing is logged by
/// default, because a machine reads standard error too.
pub(crate) fn begin(verbose: u8, color: bool, json: bool) -> Result<(), CommandError> {
    let is_terminal = std::io::stderr().is_terminal();
    let named = ["HIPPO_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let directives = match (verbose, named) {
        (0, Some(named)) => named,
        (0, None) if json => "off".to_owned(),
        (0, None) => "error".to_owned(),
        (1, _) => "info".to_owned(),
        (2, _) => "debug".to_owned(),
        _ => "trace".to_owned(),
    };
    let filter = EnvFilter::try_new(&directives).map_err(|_| {
        CommandError::usage(
            "HIPPO_LOG or RUST_LOG is malformed. Write it like “info” or “hippo_core=debug”."
                .to_owned(),
        )
    })?;
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal && color)
        .with_filter(filter.and(filter_fn(may_be_logged)));
    // Lines of a run are kept whatever is logged here.
    let may_be_kept = filter_fn(may_be_logged).with_max_level_hint(LevelFilter::TRACE);
    let kept = CaptureLayer.with_filter(RunLevelFilter.and(may_be_kept));
    // Only the first call in a process has an effect; only tests call it twice.
    let _ = tracing_subscriber::registry()
        .with(log)
        .with(kept)
        .try_init();
    Ok(())
}

/// Drops debug and trace events of other crates, which may hold cookies and PINs.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("hippo") || *metadata.level() <= Level::INFO
}
