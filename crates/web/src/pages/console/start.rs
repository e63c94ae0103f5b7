//! Starting a run by hand.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use hippo_core::audit::{Actor, Change};
use hippo_core::content_hash::content_hash;
use hippo_core::ids::Label;
use hippo_core::run::{JobName, RunKey, RunOutcome};
use hippo_core::schedule::Schedule;
use serde::Deserialize;

use super::forecast::forecast;
use super::load::load_schedules;
use super::view::{Times, run_path, token_of};
use crate::access::form_token::{FormToken, check_form_token, form_page};
use crate::access::operator::Operator;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::Page;
use crate::ports::WebPorts;
use crate::start_job::{StartJobError, StartRequest};

/// The form that runs a schedule's job now.
#[derive(Deserialize)]
pub(crate) struct RunForm {
    form_token: String,
    /// The schedule.
    label: String,
    /// Identifies what the page said that the run does.
    #[serde(default)]
    run_version: String,
}

/// The form that runs a run again.
#[derive(Deserialize)]
pub(crate) struct AgainForm {
    form_token: String,
    /// The run's id.
    run: String,
    /// Present: only what failed.
    #[serde(default)]
    only_failed: Option<String>,
}

/// The schedule that a page's address names.
#[derive(Deserialize)]
pub(crate) struct ConfirmQuery {
    label: String,
}

#[derive(Template)]
#[template(path = "console/confirm_run.html")]
struct ConfirmPage {
    page: Page,
    label: Label,
    job: JobName,
    sentences: Vec<String>,
    now: String,
    form_token: String,
    /// Identifies what the run does.
    run_version: String,
    /// Whether the schedule changed after the page before was opened.
    has_changed: bool,
}

/// Says what a run would do now, and asks whether to start it.
pub(crate) async fn confirm(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    Query(query): Query<ConfirmQuery>,
    headers: HeaderMap,
) -> PageResult {
    if ports.jobs.is_none() {
        return Err(PageError::not_found());
    }
    let schedule = find_schedule(&ports, &query.label).await?;
    let token = token_of(&headers, &origin)?;
    show_confirmation(&ports, &operator, token, schedule, false).await
}

async fn show_confirmation(
    ports: &WebPorts,
    operator: &Operator,
    token: FormToken,
    schedule: Schedule,
    has_changed: bool,
) -> PageResult {
    let times = Times::new(ports);
    let page = ConfirmPage {
        page: operator.page("Run now"),
        sentences: forecast(ports, &schedule).await?,
        run_version: run_version(&schedule),
        label: schedule.label,
        job: schedule.job,
        now: times.show(times.now),
        form_token: token.field.clone(),
        has_changed,
    };
    let status = match has_changed {
        true => StatusCode::CONFLICT,
        false => StatusCode::OK,
    };
    form_page(status, &page, token)
}

/// Identifies what a run of a schedule does.
fn run_version(schedule: &Schedule) -> String {
    content_hash(&(schedule.job.as_str(), &schedule.input))
}

async fn find_schedule(ports: &WebPorts, label: &str) -> Result<Schedule, PageError> {
    let schedules = load_schedules(&*ports.store).await?;
    let mut schedules = schedules.into_iter();
    let found = schedules.find(|schedule| schedule.label.as_str() == label);
    found.ok_or_else(PageError::not_found)
}

/// Runs the job of a schedule now, with the schedule's input, if that is what the page showed.
pub(crate) async fn run_now(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    Form(form): Form<RunForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    if let Some(response) = operator.sign_in_again(&ports, &origin, "/console/schedules") {
        return Ok(response);
    }
    let schedule = find_schedule(&ports, &form.label).await?;
    if run_version(&schedule) != form.run_version {
        let token = token_of(&headers, &origin)?;
        return show_confirmation(&ports, &operator, token, schedule, true).await;
    }
    let request = StartRequest::Job {
        job: schedule.job,
        input: schedule.input,
    };
    start(&ports, request).await
}

/// Runs a run again, or what failed in it.
pub(crate) async fn run_again(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    Form(form): Form<AgainForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    let key: RunKey = form.run.parse().map_err(|_| PageError::not_found())?;
    if let Some(response) = operator.sign_in_again(&ports, &origin, &run_path(&key)) {
        return Ok(response);
    }
    let run = ports.store.run(&key).await?;
    let run = run.ok_or_else(PageError::not_found)?;
    if run.outcome == RunOutcome::Running {
        return Err(PageError::still_running());
    }
    let request = StartRequest::Retry {
        run: key,
        only_failed: form.only_failed.is_some(),
    };
    start(&ports, request).await
}

async fn start(ports: &WebPorts, request: StartRequest) -> PageResult {
    let jobs = ports.jobs.as_ref().ok_or_else(PageError::not_found)?;
    match jobs.start_job(&request).await {
        Ok(()) => {}
        // A double click, or another tab came first.
        Err(StartJobError::StillRunning) => {
            return Ok(Redirect::to("/console?started=before").into_response());
        }
        Err(error @ StartJobError::CannotStart(_)) => return Err(PageError::unavailable(error)),
    }
    let (job, change) = match request {
        StartRequest::Job { job, .. } => (job, Change::RunStarted { job }),
        StartRequest::Retry { run, only_failed } => {
            (run.job, Change::RunRepeated { run, only_failed })
        }
    };
    tracing::info!(%job, "A run was started by hand.");
    record_change(ports, Actor::Operator, None, change).await;
    Ok(Redirect::to("/console?started=yes").into_response())
}
