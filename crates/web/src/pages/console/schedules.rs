//! The schedules: when each runs, and the switch that pauses it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use hippo_core::audit::{Actor, Change};
use hippo_core::ids::Label;
use hippo_core::schedule::change_pause::{
    ChangePauseError, MAX_REASON_LENGTH, SeenPauseChange, change_seen_pause, pause_version,
    read_reason,
};
use hippo_core::schedule::declaration::table::parse_instant;
use hippo_core::schedule::{Pause, Schedule};
use serde::Deserialize;

use super::load::{load_month, load_schedules};
use super::rows::{Row, RowView, RowsPage, arrange_rows, describe_pause, rows_page};
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
    all: PauseFields,
    schedules: Vec<ScheduleView>,
    part: RowsPage<'a>,
    max_reason: usize,
    can_start: bool,
}

/// A schedule with its switch.
struct ScheduleView {
    row: RowView,
    /// Whether the schedule has an active pause of its own; the pause of all schedules ends elsewhere.
    has_own_pause: bool,
    pause: PauseFields,
}

/// The fields of the forms that pause or resume a schedule, or all.
struct PauseFields {
    /// Identifies the pause that the page shows, which may be none.
    version: String,
    /// Whether the form is shown again, with what was typed.
    is_refused: bool,
    until: String,
    why: String,
}

impl PauseFields {
    /// The fields for a schedule with this active pause of its own.
    fn new(active: Option<&Pause>, refused: Option<&RefusedPauseForm>) -> Self {
        let typed = refused.and_then(|refused| refused.typed.as_ref());
        let (until, why) = typed.cloned().unwrap_or_default();
        // A form that isn't valid still has to say what its page showed.
        let kept = refused.and_then(|refused| refused.version.clone());
        Self {
            version: kept.unwrap_or_else(|| pause_version(active)),
            is_refused: typed.is_some(),
            until,
            why,
        }
    }
}

/// Why the page is shown after a form that changed nothing.
struct RefusedPauseForm {
    status: StatusCode,
    problem: String,
    /// The schedule; `None`: all of them.
    label: Option<Label>,
    /// The end and the reason, as they were typed.
    typed: Option<(String, String)>,
    /// What the form's page showed, if it is still to be compared.
    version: Option<String>,
}

impl RefusedPauseForm {
    /// Something was typed that isn't valid.
    fn invalid(form: PauseForm, label: Option<Label>, problem: &str) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            problem: format!("{problem} Nothing was changed."),
            label,
            typed: Some((form.until, form.why)),
            version: Some(form.version),
        }
    }

    /// Another tab paused or resumed it after the page was opened.
    fn changed(
        label: Option<Label>,
        present: Option<&Pause>,
        typed: Option<(String, String)>,
        times: Times,
    ) -> Self {
        let name = label
            .as_ref()
            .map_or_else(String::new, |label| format!("“{label}”: "));
        let present = present.map_or_else(
            || "The pause has ended".to_owned(),
            |present| describe_pause(present, times),
        );
        Self {
            status: StatusCode::CONFLICT,
            problem: format!(
                "{name}{present}. Somebody changed it after you opened this page, so we didn’t save yours. Check the \
                 form and send it again."
            ),
            label,
            typed,
            version: None,
        }
    }
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
    refused: Option<&RefusedPauseForm>,
) -> PageResult {
    let times = Times::new(ports);
    let store = &*ports.store;
    let schedules = load_schedules(store).await?;
    let month = load_month(store, times.now, times.zone).await?;
    let pauses = store.pauses().await?;
    let active: Vec<&Pause> = pauses
        .iter()
        .filter(|pause| pause.includes(times.now))
        .collect();
    let own_pause = |label: Option<&Label>| {
        let mut own = active.iter();
        own.rfind(|pause| pause.label.as_ref() == label).copied()
    };
    let refused_of =
        |label: Option<&Label>| refused.filter(|refused| refused.label.as_ref() == label);
    let mut rows = arrange_rows(&month, &schedules);
    rows.retain(|row: &Row<'_>| row.schedule.is_some() || own_pause(Some(row.label)).is_some());
    // The page with the form that is shown again.
    let is_refused = |row: &Row<'_>| refused_of(Some(row.label)).is_some();
    let first = first.or(rows.iter().position(is_refused).map(|before| before + 1));
    let part = rows_page(&rows, first);
    let shown = part.rows.iter().map(|row| ScheduleView {
        has_own_pause: own_pause(Some(row.label)).is_some(),
        pause: PauseFields::new(own_pause(Some(row.label)), refused_of(Some(row.label))),
        row: row.describe(&pauses, times),
    });
    let for_all = active.iter().filter(|pause| pause.label.is_none());
    let page = SchedulesPage {
        page: operator.page("Schedules"),
        form_token: token.field.clone(),
        problem: refused.map(|refused| refused.problem.clone()),
        zone: times.zone.name(),
        all_paused: for_all.map(|pause| describe_pause(pause, times)).collect(),
        all: PauseFields::new(own_pause(None), refused_of(None)),
        schedules: shown.collect(),
        part,
        max_reason: MAX_REASON_LENGTH,
        can_start: ports.jobs.is_some(),
    };
    form_page(
        refused.map_or(StatusCode::OK, |refused| refused.status),
        &page,
        token,
    )
}

/// The form of a pause.
#[derive(Deserialize)]
pub(crate) struct PauseForm {
    form_token: String,
    /// The schedule; empty: all of them.
    label: String,
    /// Identifies the pause that the page showed.
    #[serde(default)]
    version: String,
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
    /// Identifies the pause that the page showed.
    #[serde(default)]
    version: String,
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
    let label = target.map(|schedule| schedule.label.clone());
    let pause = match read_pause(&form, target, &ports) {
        Ok(pause) => pause,
        Err(problem) => {
            let token = token_of(&headers, &origin)?;
            let refused = RefusedPauseForm::invalid(form, label, &problem);
            return show_page(&ports, &operator, token, None, Some(&refused)).await;
        }
    };
    match change(&ports, label.as_ref(), &form.version, Some(&pause)).await? {
        Ok(()) => Ok(Redirect::to("/console/schedules").into_response()),
        Err(present) => {
            let token = token_of(&headers, &origin)?;
            let typed = Some((form.until, form.why));
            let refused =
                RefusedPauseForm::changed(label, present.as_ref(), typed, Times::new(&ports));
            show_page(&ports, &operator, token, None, Some(&refused)).await
        }
    }
}

/// Resumes a schedule, or ends the pause of all.
pub(crate) async fn resume(
    State(ports): State<WebPorts>,
    Extension(operator): Extension<Operator>,
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
    match change(&ports, label.as_ref(), &form.version, None).await? {
        Ok(()) => Ok(Redirect::to("/console/schedules").into_response()),
        Err(present) => {
            let token = token_of(&headers, &origin)?;
            let refused =
                RefusedPauseForm::changed(label, present.as_ref(), None, Times::new(&ports));
            show_page(&ports, &operator, token, None, Some(&refused)).await
        }
    }
}

/// Begins a pause, or ends the active one, if it is as the page showed it; else returns it as it is now.
async fn change(
    ports: &WebPorts,
    label: Option<&Label>,
    version: &str,
    after: Option<&Pause>,
) -> Result<Result<(), Option<Pause>>, PageError> {
    let now = after.map_or_else(|| ports.clock.now(), |pause| pause.since);
    let changed = change_seen_pause(&*ports.store, label, version, after, now).await;
    match changed.map_err(refuse)? {
        SeenPauseChange::Refused(present) => return Ok(Err(present)),
        SeenPauseChange::AlreadyApplied => return Ok(Ok(())),
        SeenPauseChange::Made => {}
    }
    let (message, change) = match (after, label.cloned()) {
        (Some(_), Some(label)) => ("A schedule was paused.", Change::SchedulePaused { label }),
        (Some(_), None) => ("A schedule was paused.", Change::AllSchedulesPaused),
        (None, Some(label)) => ("A schedule was resumed.", Change::ScheduleResumed { label }),
        (None, None) => ("A schedule was resumed.", Change::AllSchedulesResumed),
    };
    let name = label.map_or("all schedules", Label::as_str);
    tracing::info!(schedule.label = name, "{message}");
    record_change(ports, Actor::Operator, None, change).await;
    Ok(Ok(()))
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
