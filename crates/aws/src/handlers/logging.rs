//! Logs JSON lines to standard output, where CloudWatch reads them.

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::environment::LogLevel;

/// Sets up logging. A second call changes nothing.
pub fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_filter(filter_fn(move |metadata| is_logged(metadata, level)));
    // An error means that logging is already set up.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(LevelFilter::from_level(level.max(Level::INFO)))
        .try_init();
}

/// Logs our own events, the request id in the span of Lambda's runtime, and other crates' warnings.
/// Leaves out the runtime's line about an error, since the handler has logged it.
fn is_logged(metadata: &Metadata<'_>, level: Level) -> bool {
    let target = metadata.target();
    if target.starts_with("hippo") {
        *metadata.level() <= level
    } else if target.starts_with("lambda_runtime") {
        metadata.is_span() && *metadata.level() <= Level::INFO
    } else {
        *metadata.level() <= Level::WARN
    }
}
