//! One run: what it did, and what failed.

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use chrono::TimeDelta;
use hippo_core::run::grid::{SLOW_FACTOR, is_slow, median_seconds, seconds_words};
use hippo_core::run::history::arrange_by_label;
use hippo_core::run::work::count_failures;
use hippo_core::run::{Run, RunKey, RunOutcome, Trigger};
use hippo_core::schedule::pause::find_pause;
use hippo_core::time_format::duration;

use super::load::{month_dates, utc_dates};
use super::rows::describe_pause;
use super::view::{Times, failure_words, run_path, token_of, tone_class};
use crate::access::form_token::form_page;
use crate::access::operator::Operator;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::Page;
use crate::ports::WebPorts;

/// A page of a run that was silent for longer isn't refreshed any more.
const MAX_SILENCE: TimeDelta = TimeDelta::minutes(10);

/// How often the page of a running run is refreshed, in seconds.
const REFRESH_SECONDS: u32 = 5;

#[derive(Template)]
#[template(path = "console/run.html")]
struct RunPage {
    page: Page,
    key: RunKey,
    path: String,
    /// In how many seconds the browser loads the page again.
    refresh: Option<u32>,
    outcome: String,
    class: &'static str,
    pause: Option<String>,
    /// A name, and what it says.
    facts: Vec<(&'static str, String)>,
    counts: Vec<(String, u32)>,
    failures: Vec<FailureView>,
    form_token: String,
    /// Whether it can be run again.
    can_repeat: bool,
    has_failures: bool,
}

/// The failures of one kind at one library.
struct FailureView {
    kind: String,
    words: String,
    library: Option<String>,
    count: usize,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    Path((job, label, time)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> PageResult {
    let times = Times::new(&ports);
    let store = &*ports.store;
    let key: RunKey = format!("{job}/{label}/{time}")
        .parse()
        .map_err(|_| PageError::not_found())?;
    let stored = store.run(&key).await?.ok_or_else(PageError::not_found)?;
    let work = store.work_items(&key).await?;
    let pauses = match stored.outcome {
        RunOutcome::SkippedPaused => store.pauses().await?,
        _ => Vec::new(),
    };
    let run = stored.with_work(&work, times.now);
    let (from, to) = utc_dates(month_dates(times.now, times.zone));
    let days = store.days_of_label(key.job, &key.label, from, to).await?;
    let histories = arrange_by_label(days.into_iter().collect());
    let runs = histories.iter().flat_map(|history| &history.runs);
    let median = median_seconds(runs);
    let failures = count_failures(&work).into_iter().map(|one| FailureView {
        words: failure_words(&one.kind),
        kind: one.kind,
        library: one.library.map(|library| library.to_string()),
        count: one.count,
    });
    let is_live = run.outcome == RunOutcome::Running && times.now - run.reported_at <= MAX_SILENCE;
    let token = token_of(&headers, &origin)?;
    let page = RunPage {
        page: operator.page(format!("Run {key}")),
        refresh: is_live.then_some(REFRESH_SECONDS),
        outcome: run.outcome_words(&[], times.now, |at| times.show(at)),
        class: tone_class(run.outcome.sign().1),
        pause: find_pause(&run, &pauses).map(|pause| describe_pause(pause, times)),
        facts: facts(&run, median, times),
        counts: counts(&run),
        failures: failures.collect(),
        form_token: token.field.clone(),
        can_repeat: ports.jobs.is_some() && run.outcome != RunOutcome::Running,
        has_failures: run.counts.failures() > 0,
        path: run_path(&key),
        key,
    };
    form_page(StatusCode::OK, &page, token)
}

fn facts(run: &Run, median: Option<u32>, times: Times) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Started by", trigger_words(run.trigger).to_owned()),
        ("Input", input_words(&run.input)),
        ("Scheduled for", times.show(run.key.scheduled_time)),
    ];
    if run.outcome.has_started() {
        let ended = run.finished_at.map(|at| times.show(at));
        let took = run.duration(times.now);
        facts.extend([
            ("Started", times.show(run.started_at)),
            ("Last report", times.show(run.reported_at)),
            ("Ended", ended.unwrap_or_else(|| "not yet".to_owned())),
            ("Took", duration(took)),
        ]);
        let median_words = match median {
            Some(median) => format!("{} (runs of the last 30 days)", seconds_words(median)),
            None => "too few runs to tell".to_owned(),
        };
        facts.push(("Median of its label", median_words));
        let seconds = u32::try_from(took.num_seconds()).ok();
        if is_slow(seconds, median) {
            let slow = format!("It took more than {SLOW_FACTOR} times the median.");
            facts.push(("Slow", slow));
        }
    }
    facts
}

fn trigger_words(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "a schedule",
        Trigger::Retry => "a schedule that retries what failed",
        Trigger::Person => "a person",
        Trigger::Newer => "something that this version doesn’t know",
    }
}

/// The fields of an input that are set.
fn input_words(input: &serde_json::Value) -> String {
    let fields = input.as_object().into_iter().flatten();
    let set: Vec<String> = fields
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value.as_str() {
            Some(text) => format!("{name}: {text}"),
            None => format!("{name}: {value}"),
        })
        .collect();
    match set.is_empty() {
        true => "none".to_owned(),
        false => set.join(", "),
    }
}

fn counts(run: &Run) -> Vec<(String, u32)> {
    let counts = &run.counts;
    let mut rows = vec![
        ("Planned".to_owned(), counts.planned),
        ("Done".to_owned(), counts.done),
        ("Skipped".to_owned(), counts.skipped),
    ];
    let failed = counts.failed.iter();
    rows.extend(failed.map(|(kind, count)| (format!("Failed: {}", failure_words(kind)), *count)));
    rows
}
