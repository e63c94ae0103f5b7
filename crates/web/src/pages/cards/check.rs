//! Checking a card now, and the page that waits for the result.

use askama::Template;
use axum::Extension;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::audit::Change;
use hippo_core::card::{Card, CardRecord};
use hippo_core::ids::CardId;
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::notice::card_status::CardStatus;
use hippo_core::run::JobName;
use hippo_core::sign_in::{CHECK_LIMITS, RateKey};
use serde::Deserialize;

use super::secret_form::library_name;
use super::{missing_card, own_card};
use crate::access::form_token::check_form_token;
use crate::access::session::FamilyMember;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::{Page, html};
use crate::permit::Permit;
use crate::ports::WebPorts;
use crate::start_job::{StartJobError, StartRequest};

/// How long the page polls for a result.
pub(super) const MAX_WAIT: TimeDelta = TimeDelta::minutes(3);

#[derive(Template)]
#[template(path = "card_check.html")]
struct CheckPage {
    page: Page,
    id: CardId,
    patron: String,
    library: String,
    state: WaitState,
    /// Whether the form that led here had been sent before.
    is_repeated: bool,
}

/// Whether the form that leads to the page had been sent before, so that what it holds may not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    Yes,
    No,
}

/// How far the check is.
enum WaitState {
    /// It goes on.
    Waiting,
    /// It takes longer than the page waits.
    Late,
    /// The card is paused, so it isn't checked.
    Paused,
    /// None could be started, although the number and PIN are stored.
    NotStarted,
    /// It read the card's account.
    Good,
    /// It didn't, for this reason.
    Failed { words: String, needs_pin: bool },
}

/// Since when a result is awaited.
#[derive(Deserialize)]
pub(crate) struct WaitQuery {
    /// In milliseconds.
    #[serde(default)]
    since: i64,
    /// Present: the form had been sent before.
    #[serde(default)]
    again: Option<String>,
    /// Present: no check could be started.
    #[serde(default)]
    unstarted: Option<String>,
}

/// Shows whether the check has ended, and how.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    member: FamilyMember,
    Path(id): Path<String>,
    Query(query): Query<WaitQuery>,
) -> PageResult {
    let record = own_card(&member, &id).ok_or_else(PageError::not_found)?;
    let now = ports.clock.now();
    let since = DateTime::from_timestamp_millis(query.since).unwrap_or_default();
    let library = ports.store.library(&record.card.library).await?;
    let page = CheckPage {
        page: member.page("Check"),
        id: record.card.id,
        patron: record.card.patron.clone(),
        library: library_name(library.as_ref(), &record.card.library),
        state: match wait_state(record, &member, since, now) {
            WaitState::Waiting | WaitState::Late if query.unstarted.is_some() => {
                WaitState::NotStarted
            }
            state => state,
        },
        is_repeated: query.again.is_some(),
    };
    Ok(html(StatusCode::OK, &page)?)
}

fn wait_state(
    record: &CardRecord,
    member: &FamilyMember,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> WaitState {
    let last = record.state.last_check.as_ref();
    let newer = last.filter(|last| last.started_at >= since);
    // A refusal is known before its check is saved.
    let is_refused = record
        .state
        .refused_since
        .is_some_and(|refused| refused >= since);
    if let Some(last) = newer
        && last.failure.is_none()
        && !is_refused
    {
        return WaitState::Good;
    }
    if newer.is_some() || is_refused {
        let status = CardStatus::from_record(record, member.loaded.family.timezone, now);
        return WaitState::Failed {
            words: status.words,
            needs_pin: is_refused,
        };
    }
    match () {
        () if record.card.active_pause(now).is_some() => WaitState::Paused,
        () if now - since > MAX_WAIT => WaitState::Late,
        () => WaitState::Waiting,
    }
}

/// The form that checks a card now.
#[derive(Deserialize)]
pub(crate) struct CheckForm {
    form_token: String,
}

/// Checks a card now, once an hour.
pub(crate) async fn start(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    member: FamilyMember,
    headers: HeaderMap,
    Path(id): Path<String>,
    Form(form): Form<CheckForm>,
) -> PageResult {
    let Some(CardRecord { card, state }) = own_card(&member, &id) else {
        return Err(missing_card(&ports, &member, &id).await);
    };
    check_form_token(&headers, origin.is_secure, &form.form_token)?;
    if ports.jobs.is_none() {
        return Err(PageError::not_found());
    }
    let key = RateKey::check(card.id);
    let now = ports.clock.now();
    if state.refused_since.is_some() || card.active_pause(now).is_some() {
        // Nobody would log in. The page says why: it finds a refusal since then.
        let since = state.refused_since.unwrap_or(now);
        return Ok(wait_for_check(card, since, Repeat::No));
    }
    let Some(permit) = Permit::take(&ports, key.clone(), &CHECK_LIMITS).await? else {
        let log = ports.store.rate_log(&key).await?;
        let started = log.and_then(|log| log.times.last().copied());
        return match started {
            // The same button was pressed twice, or another tab came first.
            Some(started) if now - started < MAX_WAIT => {
                Ok(wait_for_check(card, started, Repeat::No))
            }
            _ => Err(PageError::checked_lately()),
        };
    };
    let started_at = permit.taken_at();
    if let Err(error) = begin_check(&ports, card).await {
        permit.give_back(&ports).await;
        return Err(PageError::check_not_started(error));
    }
    let (family, id) = (&card.family, card.id);
    tracing::info!(family.id = %family, card.id = %id, "A family started a check.");
    let change = Change::CheckStarted { card: id };
    record_change(&ports, member.actor(), Some(family), change).await;
    Ok(wait_for_check(card, started_at, Repeat::No))
}

/// Starts the check of a card whose number and PIN were stored, and leads to the page that waits for it.
///
/// If none can be started, that page says that the next scheduled one tries them.
pub(super) async fn start_check(ports: &WebPorts, card: &Card, repeat: Repeat) -> PageResult {
    let since = ports.clock.now();
    let mut page = check_page(card, since, repeat);
    if let Err(error) = begin_check(ports, card).await {
        tracing::error!(%error, card.id = %card.id, "A card’s check wasn’t started.");
        page.push_str("&unstarted=yes");
    }
    Ok(Redirect::to(&page).into_response())
}

/// Starts the check of a card, unless it's going already.
async fn begin_check(ports: &WebPorts, card: &Card) -> Result<(), StartJobError> {
    let cannot_start = |reason: String| StartJobError::CannotStart(reason);
    let jobs = ports.jobs.as_ref();
    let jobs = jobs.ok_or_else(|| cannot_start("these pages start no jobs".to_owned()))?;
    let input = serde_json::to_value(CheckCardsInput::for_card(card));
    let input = input.map_err(|error| cannot_start(error.to_string()))?;
    let request = StartRequest::Job {
        job: JobName::CHECK_CARDS,
        input: input.as_object().cloned().unwrap_or_default(),
    };
    match jobs.start_job(&request).await {
        Ok(()) | Err(StartJobError::StillRunning) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Leads to the page that waits for a check since this time.
pub(super) fn wait_for_check(card: &Card, since: DateTime<Utc>, repeat: Repeat) -> Response {
    Redirect::to(&check_page(card, since, repeat)).into_response()
}

/// The page that waits for a check since this time.
fn check_page(card: &Card, since: DateTime<Utc>, repeat: Repeat) -> String {
    let again = match repeat {
        Repeat::Yes => "&again=yes",
        Repeat::No => "",
    };
    let (id, since) = (card.id, since.timestamp_millis());
    format!("/family/cards/{id}/check?since={since}{again}")
}
