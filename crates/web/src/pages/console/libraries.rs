//! The failures of each library by kind and day, as the newest runs reported them.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::NaiveDate;
use hippo_core::clock::local_date;
use hippo_core::ids::LibraryId;
use hippo_core::run::JobName;
use hippo_core::run::work::count_failures;

use super::view::{Times, failure_words};
use crate::access::operator::Operator;
use crate::error::PageResult;
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// How many runs are read, each with its work items in one read.
const MAX_RUNS: usize = 40;

/// How many days are shown: the newest ones.
const DAYS_SHOWN: usize = 14;

#[derive(Template)]
#[template(path = "console/libraries.html")]
struct LibrariesPage {
    page: Page,
    zone: &'static str,
    /// How many runs were read.
    runs: usize,
    since: Option<String>,
    days: Vec<String>,
    libraries: Vec<LibraryView>,
}

/// A library, and what failed there.
struct LibraryView {
    id: LibraryId,
    name: Option<String>,
    system: Option<String>,
    failures: Vec<FailureRow>,
}

/// The failures of one kind, by day.
struct FailureRow {
    words: String,
    /// How many on each of the page's days.
    days: Vec<usize>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
) -> PageResult {
    let times = Times::new(&ports);
    let store = &*ports.store;
    let mut views: BTreeMap<LibraryId, LibraryView> = BTreeMap::new();
    for library in store.libraries().await? {
        let view = LibraryView {
            id: library.id.clone(),
            name: Some(library.name),
            system: Some(library.system.to_string()),
            failures: Vec::new(),
        };
        views.insert(library.id, view);
    }
    let runs = store
        .recent_runs(Some(JobName::CHECK_CARDS), None, MAX_RUNS)
        .await?;
    let mut counts: BTreeMap<(LibraryId, String), BTreeMap<NaiveDate, usize>> = BTreeMap::new();
    let mut dates: Vec<NaiveDate> = Vec::new();
    for run in &runs {
        let date = local_date(run.key.scheduled_time, times.zone);
        dates.push(date);
        for failure in count_failures(&store.work_items(&run.key).await?) {
            if let Some(library) = failure.library {
                let days = counts.entry((library, failure.kind)).or_default();
                *days.entry(date).or_default() += failure.count;
            }
        }
    }
    dates.sort_unstable();
    dates.dedup();
    let left_out = dates.len().saturating_sub(DAYS_SHOWN);
    // The newest day is first, where a narrow screen shows it.
    let dates: Vec<NaiveDate> = dates.split_off(left_out).into_iter().rev().collect();
    for ((library, kind), by_date) in counts {
        let on = |date: &NaiveDate| by_date.get(date).copied().unwrap_or_default();
        let days: Vec<usize> = dates.iter().map(on).collect();
        if days.iter().all(|count| *count == 0) {
            continue;
        }
        let view = views.entry(library.clone()).or_insert(LibraryView {
            id: library,
            name: None,
            system: None,
            failures: Vec::new(),
        });
        view.failures.push(FailureRow {
            words: failure_words(&kind),
            days,
        });
    }
    let first = runs.iter().map(|run| run.key.scheduled_time).min();
    Ok(html(
        StatusCode::OK,
        &LibrariesPage {
            page: operator.page("Libraries"),
            zone: times.zone.name(),
            runs: runs.len(),
            since: first.map(|first| times.show(first)),
            days: dates
                .iter()
                .map(|date| date.format("%-d %b").to_string())
                .collect(),
            libraries: views.into_values().collect(),
        },
    )?)
}
