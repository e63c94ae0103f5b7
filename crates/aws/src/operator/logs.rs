//! Reads the functions' log lines from CloudWatch Logs, oldest first.

mod client;
mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::run::{JobName, RunKey};

use self::client::{LogEvent, LogPage, LogPageRequest, LogsClient};
pub use self::line::FunctionLine;

/// The most events that are read of a group at a time.
pub const MAX_EVENTS_PER_READ: usize = 10_000;

/// The most pages that are read of a group at a time. A page may be empty although more follow.
const MAX_PAGES_PER_READ: usize = 100;

/// An event may become visible so much later than a newer one of another stream.
const MAX_EVENT_DELAY: TimeDelta = TimeDelta::seconds(60);

/// The time between two reads in follow mode. An account may make five requests a second.
pub const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// Why log lines can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Couldn't read the log group {group}: {reason}. Does your AWS user (AWS_PROFILE) have the stack's OperatorPolicy?"
)]
pub struct LogsError {
    group: String,
    reason: String,
    /// Whether the service refused a token, so that the next read can't go on at its page.
    is_token_invalid: bool,
}

/// Which lines to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Only lines of this job's functions.
    pub job: Option<JobName>,
    /// Only this run's lines.
    pub run: Option<RunKey>,
    /// Only lines since this time.
    pub since: DateTime<Utc>,
    /// Only lines until this time; `None`: also those to come.
    pub until: Option<DateTime<Utc>>,
}

/// How far the groups were read.
#[derive(Debug, Clone, Default)]
pub struct LogCursor {
    /// By the function and the number of the search.
    groups: BTreeMap<(&'static str, usize), GroupCursor>,
    /// The invocations that worked for the wanted run, by their request ids.
    requests: BTreeSet<String>,
}

/// How far a group was read.
#[derive(Debug, Clone, Default)]
struct GroupCursor {
    /// Where the next read begins.
    next: Option<DateTime<Utc>>,
    /// The events from there on that were read already.
    seen: BTreeMap<String, DateTime<Utc>>,
    /// The page at which the last read stopped. The next one goes on there: there may be so many empty
    /// pages that it would never get further from the beginning.
    stopped_at: Option<PageToken>,
}

/// A page of a search, which is known only to a request with the same start.
#[derive(Debug, Clone)]
struct PageToken {
    since: DateTime<Utc>,
    token: String,
}

/// Log lines, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogBatch {
    /// The lines.
    pub lines: Vec<FunctionLine>,
    /// Whether a limit was reached, so that the next read finds more.
    pub has_more: bool,
}

/// The log groups of a stack's functions.
pub struct FunctionLogs {
    client: LogsClient,
    stack: String,
    /// The jobs whose function has the name of the job.
    other_jobs: Vec<JobName>,
}

impl FunctionLogs {
    /// Uses the region and the credentials of this configuration. `jobs` are those with a function.
    pub fn new(config: &SdkConfig, stack: &str, jobs: impl IntoIterator<Item = JobName>) -> Self {
        let with_workers = [JobName::CHECK_CARDS, JobName::NOTIFY_ALL];
        let jobs = jobs.into_iter();
        Self {
            client: LogsClient::new(config),
            stack: stack.to_owned(),
            other_jobs: jobs.filter(|job| !with_workers.contains(job)).collect(),
        }
    }

    /// Reads the lines that were written since the cursor's last use.
    ///
    /// If a group can't be read, the cursor stays where it is, so that the next read misses nothing.
    pub async fn read_new(
        &self,
        query: &LogQuery,
        cursor: &mut LogCursor,
    ) -> Result<LogBatch, LogsError> {
        let wanted_run = query.run.as_ref().map(RunKey::to_string);
        let mut batch = LogBatch::default();
        let mut groups = BTreeMap::new();
        let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let patterns = patterns_of(query);
        let functions = self.functions_of(query);
        let searches = functions
            .iter()
            .flat_map(|function| patterns.iter().enumerate().map(move |one| (*function, one)));
        for (function, (number, pattern)) in searches {
            let key = (function, number);
            let mut group = cursor.groups.get(&key).cloned().unwrap_or_default();
            let read = self.read_group(function, query, pattern.clone(), &mut group);
            let events = match read.await {
                Ok(events) => events,
                Err(error) => {
                    // The token is a day old. The next read begins after the newest event.
                    let stopped = cursor.groups.get_mut(&key);
                    if let Some(group) = stopped.filter(|_| error.is_token_invalid) {
                        group.stopped_at = None;
                    }
                    return Err(error);
                }
            };
            batch.has_more |= group.stopped_at.is_some();
            groups.insert(key, group);
            // A line that two of a group's searches find is shown once.
            let found = found.entry(function).or_default();
            let new: Vec<&LogEvent> = events
                .iter()
                .filter(|event| !found.contains(&event.id))
                .collect();
            found.extend(new.iter().map(|event| event.id.clone()));
            let lines = new
                .into_iter()
                .filter_map(|event| FunctionLine::parse(function, event.at, &event.message));
            batch.lines.extend(lines);
        }
        cursor.groups.extend(groups);
        if let Some(run) = wanted_run {
            keep_lines_of_run(&run, &mut batch.lines, &mut cursor.requests);
        }
        // The events of a group are in order. Lines of the same moment keep theirs.
        batch.lines.sort_by_key(|line| line.at);
        Ok(batch)
    }

    /// The functions whose lines are wanted.
    fn functions_of(&self, query: &LogQuery) -> Vec<&'static str> {
        let job_of_run = query.run.as_ref().map(|run| run.job);
        match query.job.or(job_of_run) {
            job if job_of_run.is_some() && job != job_of_run => Vec::new(),
            None => [
                "check-cards",
                "check-card",
                "notify-all",
                "notify-family",
                "mail-events",
            ]
            .into_iter()
            .chain(self.other_jobs.iter().map(|job| job.as_str()))
            .collect(),
            Some(JobName::CHECK_CARDS) => vec!["check-cards", "check-card"],
            Some(JobName::NOTIFY_ALL) => vec!["notify-all", "notify-family", "mail-events"],
            Some(other) => vec![other.as_str()],
        }
    }

    /// Reads a group's new events, up to the limits.
    async fn read_group(
        &self,
        function: &'static str,
        query: &LogQuery,
        pattern: Option<String>,
        cursor: &mut GroupCursor,
    ) -> Result<Vec<LogEvent>, LogsError> {
        let (since, token) = match cursor.stopped_at.clone() {
            Some(page) => (page.since, Some(page.token)),
            None => (cursor.next.unwrap_or(query.since).max(query.since), None),
        };
        let mut request = LogPageRequest {
            group: format!("/libraryhippo/{}/{function}", self.stack),
            since,
            until: query.until,
            pattern,
            token,
        };
        let mut events = Vec::new();
        let mut read = 0;
        for _ in 0..MAX_PAGES_PER_READ {
            let page = self.client.read_page(request.clone()).await;
            let LogPage {
                events: found,
                next,
            } = page.map_err(|error| LogsError {
                group: request.group.clone(),
                reason: error.reason.trim_end_matches('.').to_owned(),
                is_token_invalid: error.is_invalid_request && request.token.is_some(),
            })?;
            read += found.len();
            events.extend(
                found
                    .into_iter()
                    .filter(|event| !cursor.seen.contains_key(&event.id)),
            );
            request.token = next;
            if request.token.is_none() || read >= MAX_EVENTS_PER_READ {
                break;
            }
        }
        cursor.stopped_at = request.token.map(|token| PageToken { since, token });
        cursor.advance(&events);
        Ok(events)
    }
}

/// The filter patterns with which a group is searched, one after the other.
///
/// The log of a run is made of the lines with its id and of Lambda's reports about invocations that
/// ran out of time or failed, which name no run. Each pattern is one word, which every emulator of
/// the tests knows. Other lines have these words too; [`keep_lines_of_run`] leaves them out.
fn patterns_of(query: &LogQuery) -> Vec<Option<String>> {
    let Some(run) = &query.run else {
        return vec![None];
    };
    [&*format!(r#""{run}""#), r#""timeout""#, r#""errorType""#]
        .map(|pattern| Some(pattern.to_owned()))
        .into()
}

/// Keeps the lines of a run, and Lambda's reports about the invocations that worked for it.
///
/// `requests` are the invocations that were found before; new ones are added.
fn keep_lines_of_run(run: &str, lines: &mut Vec<FunctionLine>, requests: &mut BTreeSet<String>) {
    let of_run = |line: &&FunctionLine| line.run.as_deref() == Some(run);
    requests.extend(
        lines
            .iter()
            .filter(of_run)
            .filter_map(|line| line.request.clone()),
    );
    for line in lines.iter_mut().filter(|line| line.is_report) {
        let is_ours = line
            .request
            .as_ref()
            .is_some_and(|id| requests.contains(id));
        line.run = is_ours.then(|| run.to_owned());
    }
    lines.retain(|line| of_run(&line));
}

impl GroupCursor {
    /// Moves on after these events; those that are older by up to [`MAX_EVENT_DELAY`] may still come.
    fn advance(&mut self, events: &[LogEvent]) {
        let Some(newest) = events.iter().map(|event| event.at).max() else {
            return;
        };
        let next = self.next.max(Some(newest - MAX_EVENT_DELAY));
        self.next = next;
        self.seen
            .extend(events.iter().map(|event| (event.id.clone(), event.at)));
        self.seen.retain(|_, at| Some(*at) >= next);
    }
}

#[cfg(test)]
mod tests;
