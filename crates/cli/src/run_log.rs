//! The log lines of each run on one machine, kept with the run.
//!
//! While a run goes, [`CaptureLayer`] writes its lines to the run's own file in the home's `logs/`: those
//! of the level that the run's schedule declares, and above, whatever the command itself logs.

pub(crate) mod read;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use hippo_core::clock::Clock;
use hippo_core::run::RunKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, Layer};

use crate::home::make_private_directory;

/// How long the lines of a run are kept after its last one.
pub(crate) const RETENTION: Duration = Duration::days(14);

/// At most this many lines of a run are kept.
const MAX_LINES: usize = 1_000;

/// At most so many bytes of a run are kept.
const MAX_RUN_LOG_BYTES: usize = 256 * 1024;

/// At most so many bytes of all runs are kept.
const MAX_ALL_LOGS_BYTES: u64 = 200 * 1024 * 1024;

/// Lines and bytes reserved for errors. As many again are reserved for errors and warnings.
/// So a run whose details fill its log still says why it failed.
const RESERVED_LINES: usize = 100;
const RESERVED_BYTES: usize = 32 * 1024;

/// A longer value is cut.
const MAX_VALUE_CHARS: usize = 1_000;

/// A log line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    /// When it was written.
    pub(crate) at: DateTime<Utc>,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub(crate) level: String,
    /// The sentence.
    pub(crate) message: String,
    /// Its values.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) fields: Map<String, Value>,
}

/// The level of a run whose schedule declares none.
pub(crate) const DEFAULT_LEVEL: LevelFilter = LevelFilter::INFO;

/// The run whose lines are written now.
static CURRENT: Mutex<Option<OpenLog>> = Mutex::new(None);

/// The level of that run, as its index in [`LEVELS`].
static CURRENT_LEVEL: AtomicUsize = AtomicUsize::new(0);

const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

fn current_level() -> LevelFilter {
    let index = CURRENT_LEVEL.load(Ordering::Relaxed);
    LEVELS.get(index).copied().unwrap_or(LevelFilter::OFF)
}

fn set_current_level(level: LevelFilter) {
    let index = LEVELS.iter().position(|known| *known == level);
    CURRENT_LEVEL.store(index.unwrap_or_default(), Ordering::Relaxed);
    // Which lines are skipped altogether was decided for the level before.
    tracing::callsite::rebuild_interest_cache();
}

/// Lets the lines of the current run through, at its level.
pub(crate) struct RunLevelFilter;

impl<S: Subscriber> Filter<S> for RunLevelFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        *metadata.level() <= current_level()
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        match *metadata.level() <= current_level() {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(current_level())
    }
}

fn current() -> MutexGuard<'static, Option<OpenLog>> {
    // A panic between two lines leaves a valid log.
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

struct OpenLog {
    file: File,
    clock: Arc<dyn Clock>,
    lines_left: usize,
    bytes_left: usize,
    dropped: usize,
    /// The importance of the most important line that was dropped.
    full_up_to: Option<Importance>,
}

/// How important a line is. The less important ones leave room for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Importance {
    Detail,
    Warning,
    Error,
}

impl Importance {
    fn from_line(line: &LogLine) -> Self {
        match line.level.as_str() {
            "ERROR" => Self::Error,
            "WARN" => Self::Warning,
            _ => Self::Detail,
        }
    }

    /// How many reserves a line of this importance leaves free.
    fn reserves(self) -> usize {
        match self {
            Self::Detail => 2,
            Self::Warning => 1,
            Self::Error => 0,
        }
    }
}

impl OpenLog {
    /// Writes a line if there is room for one of its level. After the first that doesn't fit, those that
    /// aren't more important are only counted.
    fn write(&mut self, line: &LogLine) {
        let Ok(mut text) = serde_json::to_string(line) else {
            return;
        };
        text.push('\n');
        let importance = Importance::from_line(line);
        let reserves = importance.reserves();
        let is_full = self.full_up_to >= Some(importance)
            || self.lines_left <= reserves * RESERVED_LINES
            || self.bytes_left < reserves * RESERVED_BYTES + text.len();
        if is_full {
            self.full_up_to = self.full_up_to.max(Some(importance));
            self.dropped += 1;
            return;
        }
        self.lines_left -= 1;
        self.bytes_left -= text.len();
        self.append(&text);
    }

    fn append(&mut self, text: &str) {
        // There is nowhere to report a failure: a log line about it would come here again.
        let _ = self.file.write_all(text.as_bytes());
    }
}

impl Drop for OpenLog {
    fn drop(&mut self) {
        if self.dropped > 0 {
            self.append_dropped();
        }
        self.stamp();
    }
}

impl OpenLog {
    /// Says how many lines were dropped.
    fn append_dropped(&mut self) {
        let lines = match self.dropped {
            1 => "1 more line was dropped.".to_owned(),
            more => format!("{more} more lines were dropped."),
        };
        let line = LogLine {
            at: self.clock.now(),
            level: "WARN".to_owned(),
            message: lines,
            fields: Map::new(),
        };
        if let Ok(text) = serde_json::to_string(&line) {
            self.append(&format!("{text}\n"));
        }
    }

    /// Sets the time from which the file's age counts, by the clock of the runs.
    fn stamp(&self) {
        // Without it, the system's time counts.
        let _ = self.file.set_modified(self.clock.now().into());
    }
}

/// Keeps a run's lines until it is dropped.
pub(crate) struct RunLog(());

impl RunLog {
    /// Begins to keep the lines of a run at this level, and deletes those of old runs.
    ///
    /// A run without a log is better than none, so an error is only logged.
    pub(crate) fn begin(
        folder: &Path,
        run: &RunKey,
        level: LevelFilter,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        *current() = None;
        match open(folder, run, clock) {
            Ok(log) => {
                *current() = Some(log);
                set_current_level(level);
            }
            Err(error) => {
                tracing::warn!(run.id = %run, %error, "The log of a run can't be kept.");
            }
        }
        Self(())
    }
}

impl Drop for RunLog {
    fn drop(&mut self) {
        *current() = None;
        set_current_level(LevelFilter::OFF);
    }
}

fn open(folder: &Path, run: &RunKey, clock: &Arc<dyn Clock>) -> std::io::Result<OpenLog> {
    make_private_directory(folder).map_err(|error| std::io::Error::other(error.to_string()))?;
    delete_old_logs(folder, clock.now() - RETENTION, MAX_ALL_LOGS_BYTES)?;
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let path = folder.join(file_name(run));
    let file = options.open(&path)?;
    // A run that is started a second time goes on in the same file.
    let kept = std::fs::read(&path)?;
    let lines = kept.iter().filter(|byte| **byte == b'\n').count();
    let log = OpenLog {
        file,
        clock: Arc::clone(clock),
        lines_left: MAX_LINES.saturating_sub(lines),
        bytes_left: MAX_RUN_LOG_BYTES.saturating_sub(kept.len()),
        dropped: 0,
        full_up_to: None,
    };
    log.stamp();
    Ok(log)
}

/// Deletes the logs that were last written before a time, and those that were written first until the others have at
/// most so many bytes. The log of a run that goes on is among the newest.
///
/// The scheduled time doesn't count: a backfilled run may be scheduled for an earlier time than that.
fn delete_old_logs(folder: &Path, before: DateTime<Utc>, max_bytes: u64) -> std::io::Result<()> {
    let mut logs = Vec::new();
    for (_, path) in list(folder)? {
        match path.metadata() {
            Ok(metadata) => logs.push((metadata.modified()?, metadata.len(), path)),
            // Another run deletes the same logs.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    logs.sort();
    let mut bytes: u64 = logs.iter().map(|(_, size, _)| size).sum();
    for (modified, size, path) in logs {
        if DateTime::<Utc>::from(modified) >= before && bytes <= max_bytes {
            break;
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => bytes -= size,
        }
    }
    Ok(())
}

/// The time in a file's name. No colon, which some file systems refuse.
const NAME_TIME: &str = "%Y-%m-%dT%H-%M-%S%.9fZ";

fn file_name(run: &RunKey) -> String {
    let time = run.scheduled_time.format(NAME_TIME);
    format!("{}_{}_{time}.jsonl", run.job, run.label)
}

fn parse_file_name(name: &str) -> Option<RunKey> {
    let mut parts = name.strip_suffix(".jsonl")?.splitn(3, '_');
    let (job, label, time) = (parts.next()?, parts.next()?, parts.next()?);
    Some(RunKey {
        job: job.parse().ok()?,
        label: label.parse().ok()?,
        scheduled_time: NaiveDateTime::parse_from_str(time, NAME_TIME)
            .ok()?
            .and_utc(),
    })
}

/// The runs that have a log, ordered by their scheduled time.
fn list(folder: &Path) -> std::io::Result<Vec<(RunKey, PathBuf)>> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(run) = name.and_then(parse_file_name) {
            found.push((run, path));
        }
    }
    found.sort_by(|(one, _), (other, _)| {
        (one.scheduled_time, one).cmp(&(other.scheduled_time, other))
    });
    Ok(found)
}

/// Writes the lines of the current run to its file.
pub(crate) struct CaptureLayer;

impl<S: Subscriber> Layer<S> for CaptureLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut current = current();
        let Some(log) = current.as_mut() else { return };
        let mut values = Values::default();
        event.record(&mut values);
        let line = LogLine {
            at: log.clock.now(),
            level: event.metadata().level().to_string(),
            message: values.message,
            fields: values.fields,
        };
        log.write(&line);
    }
}

#[derive(Default)]
struct Values {
    message: String,
    fields: Map<String, Value>,
}

impl Values {
    fn add(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name().to_owned(), value);
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_VALUE_CHARS).collect()
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let text = cut(&format!("{value:?}"));
        match field.name() {
            "message" => self.message = text,
            _ => self.add(field, text.into()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = cut(value),
            _ => self.add(field, cut(value).into()),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_local::clock::SystemClock;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn run(text: &str) -> RunKey {
        text.parse().unwrap()
    }

    fn clock() -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    #[test]
    fn file_name_of_a_run_round_trips() {
        for text in [
            "check-cards/all/2026-11-21T10:00:00Z",
            "notify-all/person/2026-11-21T10:00:42.001Z",
        ] {
            assert_eq!(parse_file_name(&file_name(&run(text))), Some(run(text)));
        }
        for name in ["notes.txt", "check-cards_all.jsonl", "x_all_2026.jsonl"] {
            assert_eq!(parse_file_name(name), None, "{name}");
        }
    }

    /// Two tests begin a run's log, which the whole process shares.
    static CURRENT_RUN: Mutex<()> = Mutex::new(());

    fn line(level: &str, message: String) -> LogLine {
        LogLine {
            at: DateTime::UNIX_EPOCH,
            level: level.to_owned(),
            message,
            fields: Map::new(),
        }
    }

    /// Writes lines to the log of a run, and reads all that are kept.
    fn keep(folder: &Path, run: &RunKey, lines: impl IntoIterator<Item = LogLine>) -> Vec<LogLine> {
        let mut log = open(folder, run, &clock()).unwrap();
        for line in lines {
            log.write(&line);
        }
        drop(log);
        read::read_file(&folder.join(file_name(run)), 0).unwrap().0
    }

    #[test]
    fn log_of_a_run_is_bounded_and_counts_dropped_lines() {
        let folder = tempfile::tempdir().unwrap();
        let run = run("check-cards/all/2126-11-21T10:00:00Z");
        let errors = |count| (0..count).map(|number| line("ERROR", format!("Line {number}.")));
        keep(folder.path(), &run, errors(MAX_LINES + 5));
        let lines = keep(folder.path(), &run, errors(3));
        assert_eq!(lines.len(), MAX_LINES + 2);
        assert_eq!(lines[MAX_LINES].message, "5 more lines were dropped.");
        assert_eq!(lines[MAX_LINES + 1].message, "3 more lines were dropped.");

        let other = self::run("check-cards/b/2126-11-21T10:00:00Z");
        let long = || line("ERROR", "x".repeat(MAX_RUN_LOG_BYTES / 2));
        let lines = keep(
            folder.path(),
            &other,
            [long(), long(), line("ERROR", String::new())],
        );
        let sizes: Vec<usize> = lines.iter().map(|line| line.message.len()).collect();
        let dropped = "2 more lines were dropped.";
        assert_eq!(
            sizes,
            [MAX_RUN_LOG_BYTES / 2, dropped.len()],
            "the second no longer fits"
        );
    }

    /// A run that logs details, then warnings, then errors, and so on; a line has `size` characters.
    #[rstest::rstest]
    #[case::few_lines([5, 5, 5], 10, [5, 5, 5])]
    #[case::more_details_than_fit([2_000, 3, 2], 10, [MAX_LINES - 200, 3, 2])]
    #[case::more_warnings_than_fit([0, 2_000, 2], 10, [0, MAX_LINES - 100, 2])]
    #[case::both([2_000, 2_000, 2], 10, [MAX_LINES - 200, 100, 2])]
    #[case::more_errors_than_fit([2_000, 2_000, 2_000], 10, [MAX_LINES - 200, 100, 100])]
    #[case::long_details([2_000, 3, 2], 1_024, [181, 3, 2])]
    #[case::long_lines([2_000, 2_000, 2_000], 1_024, [181, 30, 31])]
    fn lines_of_lower_levels_leave_room_for_warnings_and_errors(
        #[case] written: [usize; 3],
        #[case] size: usize,
        #[case] expected: [usize; 3],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let run = run("check-cards/all/2126-11-21T10:00:00Z");
        let levels = ["DEBUG", "WARN", "ERROR"];
        let lines: Vec<LogLine> = levels
            .into_iter()
            .zip(written)
            .flat_map(|(level, count)| {
                (0..count).map(move |number| line(level, format!("{number:>size$}")))
            })
            .collect();
        let mut kept = keep(folder.path(), &run, lines.clone());
        let dropped = written.iter().sum::<usize>() - expected.iter().sum::<usize>();
        if dropped > 0 {
            let last = kept.pop().unwrap();
            assert_eq!(last.message, format!("{dropped} more lines were dropped."));
        }
        let count = |level| kept.iter().filter(|line| line.level == level).count();
        assert_eq!(levels.map(count), expected);
        // Those of a level are its first, in order.
        for (level, count) in levels.into_iter().zip(expected) {
            let of_level = |lines: &[LogLine]| {
                let lines = lines.iter().filter(|line| line.level == level);
                lines.take(count).cloned().collect::<Vec<_>>()
            };
            assert_eq!(of_level(&kept), of_level(&lines));
        }
    }

    #[test]
    fn old_logs_are_deleted_and_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let now: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        let write = |name: &str, days: i64| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified((now - Duration::days(days)).into())
                .unwrap();
        };
        let old = file_name(&run("check-cards/all/2026-11-06T10:00:00Z"));
        let backfilled = file_name(&run("check-cards/all/2026-11-01T10:00:00Z"));
        write(&old, 15);
        write("mine.txt", 15);
        write(&backfilled, 13);
        delete_old_logs(folder.path(), now - RETENTION, MAX_ALL_LOGS_BYTES).unwrap();
        assert!(!folder.path().join(old).exists());
        assert!(folder.path().join(backfilled).exists());
        assert!(folder.path().join("mine.txt").exists());
    }

    #[test]
    fn logs_that_were_written_first_make_room_for_others() {
        let folder = tempfile::tempdir().unwrap();
        let now: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        let write = |name: &str, minutes: i64| {
            let path = folder.path().join(name);
            std::fs::write(&path, [b'x'; 100]).unwrap();
            let file = File::options().append(true).open(path).unwrap();
            let time = now - Duration::minutes(minutes);
            file.set_modified(time.into()).unwrap();
        };
        let names = ["a", "b", "c", "d"]
            .map(|label| file_name(&run(&format!("check-cards/{label}/2026-11-06T10:00:00Z"))));
        // The order of their names doesn't count.
        for (name, minutes) in names.iter().zip([1, 4, 2, 3]) {
            write(name, minutes);
        }
        write("mine.txt", 9);
        let kept = |max_bytes| {
            delete_old_logs(folder.path(), now - RETENTION, max_bytes).unwrap();
            let names = names.iter().map(|name| folder.path().join(name).exists());
            names.collect::<Vec<_>>()
        };
        assert_eq!(kept(400), [true, true, true, true]);
        assert_eq!(kept(399), [true, false, true, true]);
        assert_eq!(kept(200), [true, false, true, false]);
        assert_eq!(kept(0), [false, false, false, false]);
        assert!(folder.path().join("mine.txt").exists());
    }

    #[test]
    fn run_keeps_lines_of_its_own_level() {
        let _alone = CURRENT_RUN.lock();
        let folder = tempfile::tempdir().unwrap();
        let layer = CaptureLayer.with_filter(RunLevelFilter);
        let subscriber = tracing_subscriber::registry().with(layer);
        let levels = [
            ("a", LevelFilter::ERROR, vec!["ERROR"]),
            ("b", LevelFilter::DEBUG, vec!["ERROR", "INFO", "DEBUG"]),
            ("c", LevelFilter::OFF, vec![]),
            ("d", LevelFilter::INFO, vec!["ERROR", "INFO"]),
        ];
        tracing::subscriber::with_default(subscriber, || {
            for (label, level, expected) in levels {
                let run = run(&format!("check-cards/{label}/2126-11-21T10:00:00Z"));
                let log = RunLog::begin(folder.path(), &run, level, &clock());
                // The same lines each time, so that their first level isn't remembered.
                log_at_each_level();
                drop(log);
                let path = folder.path().join(file_name(&run));
                let lines = read::read_file(&path, 0).unwrap().0;
                let levels: Vec<&str> = lines.iter().map(|line| line.level.as_str()).collect();
                assert_eq!(levels, expected, "{label}");
            }
        });
    }

    fn log_at_each_level() {
        tracing::error!("An error.");
        tracing::info!("Information.");
        tracing::debug!("A detail.");
    }

    #[test]
    fn lines_are_kept_only_while_a_run_goes() {
        let _alone = CURRENT_RUN.lock();
        let folder = tempfile::tempdir().unwrap();
        let run = run("check-cards/all/2126-11-21T10:00:00Z");
        let layer = CaptureLayer.with_filter(RunLevelFilter);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("Before.");
            let log = RunLog::begin(folder.path(), &run, LevelFilter::INFO, &clock());
            tracing::debug!("Too detailed.");
            tracing::warn!(run.id = %run, cards = 3, "During.");
            drop(log);
            tracing::info!("After.");
        });
        let path = folder.path().join(file_name(&run));
        let lines = read::read_file(&path, 0).unwrap().0;
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].level.as_str(), lines[0].message.as_str()),
            ("WARN", "During.")
        );
        assert_eq!(lines[0].fields["run.id"], run.to_string());
        assert_eq!(lines[0].fields["cards"], 3);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
