//! The schedules: when each runs, and the switch that pauses it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use hippo_core::audit::{Actor, Change};
use hippo_core::ids::Label;
use hippo_core::schedule::change_pause::{
    ChangePauseError, MAX_REASON_LENGTH, begin_pause, end_pauses, read_reason,
};
use hippo_core::schedule::declaration::table::parse_instant;
use hippo_core::schedule::{Pause, Schedule};
use serde::Deserialize;

use super::load::{load_month, load_schedules};
use super::rows::{Row, RowView, RowsPage, arrange_rows, pause_words, rows_page};
use super::view::{Times, token_of};
use crate::access::form_token::{FormToken, check_form_token, form_page};
use crate::access::operator::Operator;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::Page;
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "console/schedules.html")]
struct SchedulesPage<'a> {
    page: Page,
    form_token: String,
    problem: Option<String>,
    zone: &'static str,
    all_paused: Vec<String>,
    schedules: Vec<ScheduleView>,
    part: RowsPage<'a>,
    max_reason: usize,
    can_start: bool,
}

/// A schedule with its switch.
struct ScheduleView {
    row: RowView,
    /// Whether a pause of its own is active; that of all schedules ends elsewhere.
    has_own_pause: bool,
}

/// What the page's address says.
#[derive(Deserialize)]
pub(crate) struct SchedulesQuery {
    /// The number of the first schedule.
    #[serde(default)]
    from: Option<usize>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    Query(query): Query<SchedulesQuery>,
    headers: HeaderMap,
) -> PageResult {
    let token = token_of(&headers, &origin)?;
    show_page(&ports, &operator, token, query.from, None).await
}

async fn show_page(
    ports: &WebPorts,
    operator: &Operator,
    token: FormToken,
    first: Option<usize>,
    problem: Option<String>,
) -> PageResult {
    let status = match &problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let times = Times::new(ports);
    let store = &*ports.store;
    let schedules = load_schedules(store).await?;
    let month = load_month(store, times.now, times.zone).await?;
    let pauses = store.pauses().await?;
    let active: Vec<&Pause> = pauses
        .iter()
        .filter(|pause| pause.includes(times.now))
        .collect();
    let has_own_pause = |label: &Label| {
        let mut own = active.iter();
        own.any(|pause| pause.label.as_ref() == Some(label))
    };
    let mut rows = arrange_rows(&month, &schedules);
    rows.retain(|row: &Row<'_>| row.schedule.is_some() || has_own_pause(row.label));
    let part = rows_page(&rows, first);
    let shown = part.rows.iter().map(|row| ScheduleView {
        has_own_pause: has_own_pause(row.label),
        row: row.describe(&pauses, times),
    });
    let for_all = active.iter().filter(|pause| pause.label.is_none());
    let page = SchedulesPage {
        page: operator.page("Schedules"),
        form_token: token.field.clone(),
        problem,
        zone: times.zone.name(),
        all_paused: for_all.map(|pause| pause_words(pause, times)).collect(),
        schedules: shown.collect(),
        part,
        max_reason: MAX_REASON_LENGTH,
        can_start: ports.jobs.is_some(),
    };
    form_page(status, &page, token)
}

/// The form of a pause.
#[derive(Deserialize)]
pub(crate) struct PauseForm {
    form_token: String,
    /// The schedule; empty: all of them.
    label: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    why: String,
}

/// The form that ends a pause.
#[derive(Deserialize)]
pub(crate) struct ResumeForm {
    form_token: String,
    /// The schedule; empty: the pause of all of them.
    label: String,
}

/// Pauses a schedule, or all.
pub(crate) async fn pause(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    Form(form): Form<PauseForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    let schedules = load_schedules(&*ports.store).await?;
    let target = find_target(&schedules, &form.label)?;
    let pause = match read_pause(&form, target, &ports) {
        Ok(pause) => pause,
        Err(problem) => {
            let token = token_of(&headers, &origin)?;
            let problem = format!("{problem} Nothing was changed.");
            return show_page(&ports, &operator, token, None, Some(problem)).await;
        }
    };
    begin_pause(&*ports.store, &pause).await.map_err(refuse)?;
    log_change(pause.label.as_ref(), "A schedule was paused.");
    let change = match pause.label {
        Some(label) => Change::SchedulePaused { label },
        None => Change::AllSchedulesPaused,
    };
    record_change(&ports, Actor::Operator, None, change).await;
    Ok(Redirect::to("/console/schedules").into_response())
}

/// Resumes a schedule, or ends the pause of all.
pub(crate) async fn resume(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    Form(form): Form<ResumeForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    let label: Option<Label> = match form.label.as_str() {
        "" => None,
        // A schedule may be paused that is no longer declared.
        label => Some(label.parse().map_err(|_| PageError::not_found())?),
    };
    let now = ports.clock.now();
    let ended = end_pauses(&*ports.store, label.as_ref(), now).await;
    let ended = ended.map_err(refuse)?;
    log_change(label.as_ref(), "A schedule was resumed.");
    if !ended.ended.is_empty() {
        let change = match label {
            Some(label) => Change::ScheduleResumed { label },
            None => Change::AllSchedulesResumed,
        };
        record_change(&ports, Actor::Operator, None, change).await;
    }
    Ok(Redirect::to("/console/schedules").into_response())
}

/// Finds the schedule that a form names; `None`: all.
fn find_target<'a>(
    schedules: &'a [Schedule],
    label: &str,
) -> Result<Option<&'a Schedule>, PageError> {
    if label.is_empty() {
        return Ok(None);
    }
    let found = schedules.iter().find(|one| one.label.as_str() == label);
    found.map(Some).ok_or_else(PageError::not_found)
}

/// Reads a pause, or says what is wrong with it.
fn read_pause(
    form: &PauseForm,
    target: Option<&Schedule>,
    ports: &WebPorts,
) -> Result<Pause, String> {
    let now = ports.clock.now();
    let zone = target.map_or(ports.settings.timezone, |one| one.recurrence.zone);
    let until = match form.until.trim() {
        "" => None,
        text => Some(parse_instant(text, zone)?),
    };
    if until.is_some_and(|until| until <= now) {
        return Err("The end of the pause has passed. Give a later time.".to_owned());
    }
    Ok(Pause {
        label: target.map(|schedule| schedule.label.clone()),
        since: now,
        until,
        by: ports.settings.operator_name.clone(),
        why: read_reason(&form.why).map_err(|error| error.to_string())?,
    })
}

fn refuse(error: ChangePauseError) -> PageError {
    match error {
        ChangePauseError::Store(error) => error.into(),
        ChangePauseError::ChangedMeanwhile => PageError::changed_meanwhile(),
    }
}

fn log_change(label: Option<&Label>, message: &'static str) {
    let label = label.map_or("all schedules", Label::as_str);
    tracing::info!(schedule.label = label, "{message}");
}
