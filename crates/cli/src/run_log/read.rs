//! Reads the lines of runs.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::run::{JobName, RunKey};
use serde::Serialize;

use super::{LogLine, MAX_RUN_LOG_BYTES, list};

/// Which lines to read.
#[derive(Debug, Clone)]
pub(crate) struct LogQuery {
    /// Only this job's lines.
    pub(crate) job: Option<JobName>,
    /// Only this run's lines.
    pub(crate) run: Option<RunKey>,
    /// Only lines since this time.
    pub(crate) since: DateTime<Utc>,
    /// Only lines until this time; `None`: also those to come.
    pub(crate) until: Option<DateTime<Utc>>,
}

/// How far the lines were read.
#[derive(Debug, Default)]
pub(crate) struct LogCursor {
    /// The offset in each file.
    offsets: BTreeMap<PathBuf, u64>,
    /// The position in each log group.
    #[cfg(feature = "aws")]
    pub(crate) groups: hippo_aws::operator::logs::LogCursor,
}

/// Lines that weren't read before, oldest first.
#[derive(Debug, Default)]
pub(crate) struct NewLines {
    /// The lines.
    pub(crate) lines: Vec<SourcedLine>,
    /// Whether a limit was reached, so that the next read finds more.
    pub(crate) has_more: bool,
}

/// A line with the run or function that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SourcedLine {
    /// The run's id, or the function's name.
    pub(crate) source: String,
    #[serde(flatten)]
    pub(crate) line: LogLine,
}

/// Reads the lines that were written since the cursor's last use, oldest first.
pub(crate) fn read_new(
    folder: &Path,
    query: &LogQuery,
    cursor: &mut LogCursor,
) -> std::io::Result<NewLines> {
    let mut found = Vec::new();
    for (run, path) in list(folder)? {
        let is_wanted = query.job.is_none_or(|job| job == run.job)
            && query.run.as_ref().is_none_or(|wanted| *wanted == run);
        if !is_wanted {
            continue;
        }
        let offset = cursor.offsets.get(&path).copied().unwrap_or_default();
        let (lines, end) = match read_changed(&path, offset, query.since) {
            // Another run deleted it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            read => match read? {
                Some(read) => read,
                None => continue,
            },
        };
        cursor.offsets.insert(path, end);
        found.extend(
            lines
                .into_iter()
                .filter(|line| line.at >= query.since)
                .filter(|line| query.until.is_none_or(|until| line.at <= until))
                .map(|line| SourcedLine {
                    source: run.to_string(),
                    line,
                }),
        );
    }
    // Runs may overlap. Lines of the same moment keep their order.
    found.sort_by_key(|line| line.line.at);
    Ok(NewLines {
        lines: found,
        has_more: false,
    })
}

/// Reads a file like [`read_file`]; `None`: it has no new line since this time, so it isn't opened.
fn read_changed(
    path: &Path,
    offset: u64,
    since: DateTime<Utc>,
) -> std::io::Result<Option<(Vec<LogLine>, u64)>> {
    let metadata = path.metadata()?;
    // Some file systems keep only every other second.
    let written_at = DateTime::<Utc>::from(metadata.modified()?) + TimeDelta::seconds(2);
    if written_at < since || metadata.len() == offset {
        return Ok(None);
    }
    read_file(path, offset).map(Some)
}

/// Reads the whole lines of a file from an offset, and returns the offset after them.
///
/// A line that can't be read is left out.
pub(super) fn read_file(path: &Path, offset: u64) -> std::io::Result<(Vec<LogLine>, u64)> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    // A file has one line more than its limit for each time that its run was started.
    file.take(2 * MAX_RUN_LOG_BYTES as u64)
        .read_to_end(&mut bytes)?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    let lines = bytes
        .get(..whole)
        .unwrap_or_default()
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok());
    Ok((lines.collect(), offset + whole as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    use crate::run_log::file_name;

    const LINE: &str = r#"{"at":"2026-11-21T10:00:00Z","level":"INFO","message":"A line."}"#;

    #[test]
    fn files_without_new_lines_are_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let run = "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap();
        let mut file = std::fs::File::create(folder.path().join(file_name(&run))).unwrap();
        writeln!(file, "{LINE}").unwrap();
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let mut query = LogQuery {
            job: None,
            run: None,
            since: time("2026-11-21T09:00:00Z"),
            until: None,
        };
        let read = |query: &LogQuery, cursor: &mut LogCursor| {
            let new = read_new(folder.path(), query, cursor).unwrap();
            (new.lines.len(), cursor.offsets.len())
        };
        file.set_modified(time("2026-11-21T10:00:00Z").into())
            .unwrap();
        let mut cursor = LogCursor::default();
        assert_eq!(read(&query, &mut cursor), (1, 1));
        assert_eq!(read(&query, &mut cursor), (0, 1));
        writeln!(file, "{LINE}").unwrap();
        assert_eq!(read(&query, &mut cursor), (1, 1));
        // It was last written before the time that is asked for.
        file.set_modified(time("2026-11-21T10:00:00Z").into())
            .unwrap();
        query.since = time("2026-11-21T10:00:10Z");
        assert_eq!(read(&query, &mut LogCursor::default()), (0, 0));
    }
}
