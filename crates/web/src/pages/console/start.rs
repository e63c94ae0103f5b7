//! Starting a run by hand.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use hippo_core::audit::{Actor, Change};
use hippo_core::run::{RunKey, RunOutcome};
use serde::Deserialize;

use super::load::load_schedules;
use crate::access::form_token::check_form_token;
use crate::access::operator::Operator;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::ports::WebPorts;
use crate::start_job::{StartJobError, StartRequest};

/// The form that runs a schedule's job now.
#[derive(Deserialize)]
pub(crate) struct RunForm {
    form_token: String,
    /// The schedule.
    label: String,
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

/// Runs the job of a schedule now, with the schedule's input.
pub(crate) async fn run_now(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    Form(form): Form<RunForm>,
) -> PageResult {
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    let schedules = load_schedules(&*ports.store).await?;
    let mut schedules = schedules.into_iter();
    let schedule = schedules.find(|schedule| schedule.label.as_str() == form.label);
    let schedule = schedule.ok_or_else(PageError::not_found)?;
    let request = StartRequest::Job {
        job: schedule.job,
        input: schedule.input,
    };
    start(&ports, &operator, request).await
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
    let run = ports.store.run(&key).await?;
    let run = run.ok_or_else(PageError::not_found)?;
    if run.outcome == RunOutcome::Running {
        return Err(PageError::still_running());
    }
    let request = StartRequest::Again {
        run: key,
        only_failed: form.only_failed.is_some(),
    };
    start(&ports, &operator, request).await
}

async fn start(ports: &WebPorts, operator: &Operator, request: StartRequest) -> PageResult {
    operator.require_recent_sign_in(ports.clock.now())?;
    let jobs = ports.jobs.as_ref().ok_or_else(PageError::not_found)?;
    match jobs.start_job(&request).await {
        Ok(()) => {}
        Err(StartJobError::StillRunning) => return Err(PageError::still_running()),
        Err(error @ StartJobError::CannotStart(_)) => return Err(PageError::unavailable(error)),
    }
    let (job, change) = match request {
        StartRequest::Job { job, .. } => (job, Change::RunStarted { job }),
        StartRequest::Again { run, only_failed } => {
            (run.job, Change::RunRepeated { run, only_failed })
        }
    };
    tracing::info!(%job, "A run was started by hand.");
    record_change(ports, Actor::Operator, None, change).await;
    Ok(Redirect::to("/console?started=yes").into_response())
}
