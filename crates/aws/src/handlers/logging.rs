//! Logs JSON lines to standard output, where CloudWatch reads them.
//!
//! Each line names the spans that it is in: Lambda's request, and the run.

use std::collections::BTreeMap;
use std::fmt::Debug;

use hippo_core::ids::Label;
use hippo_core::run::RunKey;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::environment::LogLevel;
use crate::schedules::ScheduleList;

/// The name of the span of a run.
const RUN_SPAN: &str = "run";

/// The log levels that schedules declare, by label.
type Levels = BTreeMap<Label, Level>;

/// Sets up logging. A second call changes nothing.
pub fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let schedules = ScheduleList::compiled_in().unwrap_or_default();
    // An error means that logging is already set up.
    let _ = subscriber(std::io::stdout, level, declared_levels(&schedules)).try_init();
}

/// Opens a run's span. Lines in it have the run's id, and the log level of its schedule.
pub fn run_span(run: &RunKey) -> Span {
    tracing::info_span!("run", run.id = %run)
}

/// Lists the levels that schedules declare.
fn declared_levels(schedules: &ScheduleList) -> Levels {
    let tables = schedules.schedules.iter();
    let levels = tables.filter_map(|table| {
        let level = table.log_level.as_ref()?.parse().ok()?;
        Some((table.label.parse().ok()?, level))
    });
    levels.collect()
}

/// Builds the subscriber. `level` applies outside of runs, and to runs whose schedule declares none.
fn subscriber<W>(writer: W, level: Level, levels: Levels) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let most_verbose = levels.values().copied().max().unwrap_or(level).max(level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(writer)
        .with_filter(dynamic_filter_fn(move |metadata, context| {
            is_logged(metadata, run_level(context).unwrap_or(level))
        }));
    tracing_subscriber::registry()
        .with(RunLevels(levels))
        .with(lines)
        .with(LevelFilter::from_level(most_verbose.max(Level::INFO)))
}

/// Logs our own events, Lambda's request and the run as spans, and other crates' warnings. Leaves out
/// the runtime's line about an error, since the handler has logged it.
fn is_logged(metadata: &Metadata<'_>, level: Level) -> bool {
    let target = metadata.target();
    if metadata.is_span() {
        let is_known = target.starts_with("hippo") || target.starts_with("lambda_runtime");
        return is_known && *metadata.level() <= Level::INFO;
    }
    if target.starts_with("hippo") {
        *metadata.level() <= level
    } else if target.starts_with("lambda_runtime") {
        false
    } else {
        *metadata.level() <= Level::WARN
    }
}

/// The level of the innermost run, if its schedule declares one.
fn run_level<S>(context: &Context<'_, S>) -> Option<Level>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let spans = context.lookup_current()?;
    let mut levels = spans
        .scope()
        .filter_map(|span| span.extensions().get::<RunLevel>().map(|level| level.0));
    levels.next()
}

/// The level that the schedule of a run's span declares.
struct RunLevel(Level);

/// Keeps with each run's span the level that its label's schedule declares.
struct RunLevels(Levels);

impl<S> Layer<S> for RunLevels
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.0.is_empty() || attributes.metadata().name() != RUN_SPAN {
            return;
        }
        let mut run = RunOfSpan(None);
        attributes.record(&mut run);
        let level = run.0.and_then(|run| self.0.get(&run.label).copied());
        if let (Some(level), Some(span)) = (level, context.span(id)) {
            span.extensions_mut().insert(RunLevel(level));
        }
    }
}

/// The run that a span names.
struct RunOfSpan(Option<RunKey>);

impl Visit for RunOfSpan {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "run.id" {
            self.0 = format!("{value:?}").parse().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    /// The bytes that were logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn lines(&self) -> Vec<Value> {
            let bytes = self.0.lock().unwrap().clone();
            let text = String::from_utf8(bytes).unwrap();
            text.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        }
    }

    fn levels(tables: Value) -> Levels {
        let list = json!({"schedules": tables, "closed_days": {}});
        declared_levels(&serde_json::from_value(list).unwrap())
    }

    /// Logs a line of each level in runs of these labels and outside of any; returns the messages.
    fn logged(level: Level, levels: Levels, labels: &[&str]) -> Vec<(String, Value)> {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = subscriber(move || writer.clone(), level, levels);
        tracing::subscriber::with_default(subscriber, || {
            let lines = |name: &str| {
                tracing::error!("{name} error");
                tracing::info!("{name} info");
                tracing::debug!("{name} debug");
                tracing::debug!(target: "reqwest", "A cookie.");
            };
            lines("no");
            for label in labels {
                let run = format!("check-cards/{label}/2026-11-21T10:00:00Z");
                run_span(&run.parse().unwrap()).in_scope(|| lines(label));
            }
        });
        let lines = log.lines().into_iter();
        lines
            .map(|line| {
                let message = line["message"].as_str().unwrap().to_owned();
                (message, line["spans"][0]["run.id"].clone())
            })
            .collect()
    }

    fn messages(logged: &[(String, Value)]) -> Vec<&str> {
        logged.iter().map(|(message, _)| message.as_str()).collect()
    }

    #[test]
    fn run_logs_at_the_level_of_its_schedule() {
        let levels = levels(json!([
            {"job": "check-cards", "label": "loud", "when": "rate(1 hour)", "log_level": "debug"},
            {"job": "check-cards", "label": "quiet", "when": "rate(1 hour)", "log_level": "error"},
            {"job": "check-cards", "label": "plain", "when": "rate(1 hour)"},
        ]));
        let logged = logged(Level::INFO, levels, &["loud", "quiet", "plain"]);
        let expected = [
            "no error",
            "no info",
            "loud error",
            "loud info",
            "loud debug",
            "quiet error",
            "plain error",
            "plain info",
        ];
        assert_eq!(messages(&logged), expected);
    }

    #[test]
    fn every_line_of_a_run_has_its_id_at_any_level() {
        for level in [Level::ERROR, Level::INFO] {
            let logged = logged(level, Levels::new(), &["all"]);
            let (of_runs, others): (Vec<_>, Vec<_>) = logged
                .into_iter()
                .partition(|(message, _)| message.starts_with("all "));
            assert!(!of_runs.is_empty());
            for (_, run) in of_runs {
                assert_eq!(run, "check-cards/all/2026-11-21T10:00:00Z");
            }
            assert!(others.iter().all(|(_, run)| run.is_null()));
        }
    }
}
