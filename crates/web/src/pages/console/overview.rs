//! The console's first page.

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::TimeDelta;
use hippo_core::alerts::{Alert, Confirmation, StoredAlert, confirm_alert};
use hippo_core::run::grid::SIGN_LEGEND;
use hippo_core::schedule::Pause;
use hippo_core::store::StoreResult;
use serde::Deserialize;

use super::coming::{ComingRuns, find_coming_runs};
use super::grid::{GridRowView, build_rows};
use super::late::{LateNotice, find_late_notices};
use super::load::{MAX_FAMILIES, load_month, load_schedules};
use super::rows::{RowsPage, arrange_rows, describe_pause, rows_page};
use super::view::{Times, run_path, sign_class};
use crate::access::operator::Operator;
use crate::error::PageResult;
use crate::page::{Page, html};
use crate::ports::{WebPorts, WebStore};

/// At most this many alerts are read and shown.
const MAX_ALERTS: usize = 20;

/// Older alerts are left out.
const ALERT_WINDOW: TimeDelta = TimeDelta::days(2);

/// At most this many open mails are read.
const MAX_OPEN_MAILS: usize = 200;

/// At most this many late notices are shown.
const MAX_LATE_NOTICES: usize = 20;

#[derive(Template)]
#[template(path = "console/overview.html")]
struct OverviewPage<'a> {
    page: Page,
    now: String,
    /// What became of a run that a person started.
    started: Option<&'static str>,
    alerts: Vec<AlertView>,
    late: Vec<LateNotice>,
    more_late: usize,
    coming: ComingRuns,
    all_paused: Vec<String>,
    rows: Vec<GridRowView>,
    part: RowsPage<'a>,
    from: String,
    to: String,
    /// The class of a sign, and what it means.
    legend: Vec<(&'static str, &'static str)>,
}

/// An alert in words.
struct AlertView {
    sentence: String,
    advice: &'static str,
    since: String,
    /// How often it was raised.
    times: u64,
    /// The page that shows more.
    path: Option<String>,
}

/// What the page's address says.
#[derive(Deserialize)]
pub(crate) struct OverviewQuery {
    /// Present: a run was just started.
    #[serde(default)]
    started: Option<String>,
    /// The number of the grid's first row.
    #[serde(default)]
    from: Option<usize>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Query(query): Query<OverviewQuery>,
) -> PageResult {
    let times = Times::new(&ports);
    let store = &*ports.store;
    let month = load_month(store, times.now, times.zone).await?;
    let schedules = load_schedules(store).await?;
    let pauses = store.pauses().await?;
    let families = store.families_page(None, MAX_FAMILIES).await?;
    let open = store.open_mails(None, MAX_OPEN_MAILS).await?;
    let mut late = find_late_notices(&families, &open, &month.history.newest, times);
    let more_late = late.len().saturating_sub(MAX_LATE_NOTICES);
    late.truncate(MAX_LATE_NOTICES);
    let for_all = |pause: &&Pause| pause.label.is_none() && pause.includes(times.now);
    let all_paused = pauses.iter().filter(for_all);
    let all_rows = arrange_rows(&month, &schedules);
    let part = rows_page(&all_rows, query.from);
    Ok(html(
        StatusCode::OK,
        &OverviewPage {
            page: operator.page("Console"),
            now: times.show(times.now),
            started: query.started.as_deref().map(started_words),
            alerts: load_alerts(store, times).await?,
            late,
            more_late,
            coming: find_coming_runs(&month, &schedules, &pauses, times),
            all_paused: all_paused
                .map(|pause| describe_pause(pause, times))
                .collect(),
            rows: build_rows(&month, &part.rows, &pauses, times),
            part,
            from: month.from.format("%a %-d %b").to_string(),
            to: month.to.format("%a %-d %b").to_string(),
            legend: SIGN_LEGEND
                .iter()
                .map(|(sign, _, words)| (sign_class(sign), *words))
                .collect(),
        },
    )?)
}

/// Says what became of a run that a person started.
fn started_words(started: &str) -> &'static str {
    match started {
        "before" => {
            "This run is going on, or it started less than a minute ago. We didn’t start another."
        }
        _ => "Your run has started. You’ll see it below as “person” as soon as it reports.",
    }
}

/// Loads the alerts of the last two days that are true.
async fn load_alerts(store: &dyn WebStore, times: Times) -> StoreResult<Vec<AlertView>> {
    let since = times.now - ALERT_WINDOW;
    let recent = store.recent_alerts(MAX_ALERTS).await?;
    let mut views = Vec::new();
    for stored in recent.into_iter().filter(|alert| alert.last_seen >= since) {
        // A delivered alert was confirmed; the others may not be true any more.
        let is_true = stored.delivered_at.is_some() || {
            let confirmation = confirm_alert(store, &stored.alert).await?;
            matches!(confirmation, Confirmation::True(_))
        };
        if is_true {
            views.push(alert_view(&stored, times));
        }
    }
    Ok(views)
}

fn alert_view(stored: &StoredAlert, times: Times) -> AlertView {
    let alert = &stored.alert;
    let path = match alert {
        Alert::RunFailed { run, .. } | Alert::RunLost { run } | Alert::RunTooLate { run } => {
            Some(run_path(run))
        }
        Alert::NoNotice { .. }
        | Alert::RecipientUnreached { .. }
        | Alert::NewerNotice { .. }
        | Alert::StoreRestored { .. } => Some("/console/notices".to_owned()),
        Alert::PageChanged { .. } | Alert::LibraryDown { .. } | Alert::WrongDateFormat { .. } => {
            Some("/console/libraries".to_owned())
        }
        _ => None,
    };
    AlertView {
        sentence: alert.sentence(),
        advice: alert.advice(),
        since: times.show(stored.first_seen),
        times: stored.times,
        path,
    }
}
