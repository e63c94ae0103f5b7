//! Pausing the checks of a card, until a day or until somebody resumes them.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hippo_core::audit::Change;
use hippo_core::card::{Card, CardPause};
use hippo_core::clock::local_date;
use hippo_core::ids::CardId;
use hippo_core::schedule::change_pause::{MAX_REASON_LENGTH, read_reason};
use serde::Deserialize;

use super::own_card;
use super::secret_form::library_name;
use crate::access::session::FamilyMember;
use crate::audit::record_change;
use crate::error::{HasOwnPage, PageError, PageResult};
use crate::page::{Page, html};
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "card_pause.html")]
struct PausePage {
    page: Page,
    id: CardId,
    patron: String,
    library: String,
    zone: Tz,
    /// The first day that the pause may end.
    tomorrow: NaiveDate,
    max_reason_length: usize,
    form: PauseForm,
    problem: Option<String>,
}

/// The form.
#[derive(Default, Deserialize)]
pub(crate) struct PauseForm {
    #[serde(default)]
    until: String,
    #[serde(default)]
    why: String,
}

impl PauseForm {
    /// Reads the pause, or says what is wrong with it.
    fn read(&self, zone: Tz, now: DateTime<Utc>) -> Result<CardPause, String> {
        let why = read_reason(&self.why).map_err(|error| error.to_string())?;
        let invalid = || {
            "Choose a day after today and within two years, or leave the field empty.".to_owned()
        };
        let until = match self.until.trim() {
            "" => None,
            typed => Some(typed.parse().map_err(|_| invalid())?),
        };
        CardPause::new(until, why, zone, now).map_err(|_| invalid())
    }
}

/// Shows the form.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    member: FamilyMember,
    Path(id): Path<String>,
) -> PageResult {
    let card = own_card(&member, &id).ok_or_else(PageError::not_found)?;
    show_form(&ports, &member, &card.card, PauseForm::default(), None).await
}

async fn show_form(
    ports: &WebPorts,
    member: &FamilyMember,
    card: &Card,
    form: PauseForm,
    problem: Option<String>,
) -> PageResult {
    let zone = member.loaded.family.timezone;
    let today = local_date(ports.clock.now(), zone);
    let library = ports.store.library(&card.library).await?;
    let status = match problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = PausePage {
        page: member.page("Pause a card"),
        id: card.id,
        patron: card.patron.clone(),
        library: library_name(library.as_ref(), &card.library),
        zone,
        tomorrow: today.succ_opt().unwrap_or(today),
        max_reason_length: MAX_REASON_LENGTH,
        form,
        problem,
    };
    let mut response = html(status, &page)?;
    response.extensions_mut().insert(HasOwnPage);
    Ok(response)
}

/// Pauses the checks of a card.
pub(crate) async fn pause(
    State(ports): State<WebPorts>,
    member: FamilyMember,
    Path(id): Path<String>,
    Form(form): Form<PauseForm>,
) -> PageResult {
    let card = own_card(&member, &id).ok_or_else(PageError::not_found)?;
    let zone = member.loaded.family.timezone;
    match form.read(zone, ports.clock.now()) {
        Ok(pause) => set_pause(&ports, &member, card.card.id, Some(&pause)).await,
        Err(problem) => show_form(&ports, &member, &card.card, form, Some(problem)).await,
    }
}

/// Resumes the checks of a card.
pub(crate) async fn resume(
    State(ports): State<WebPorts>,
    member: FamilyMember,
    Path(id): Path<String>,
) -> PageResult {
    let card = own_card(&member, &id).ok_or_else(PageError::not_found)?;
    set_pause(&ports, &member, card.card.id, None).await
}

async fn set_pause(
    ports: &WebPorts,
    member: &FamilyMember,
    card: CardId,
    pause: Option<&CardPause>,
) -> PageResult {
    ports.store.set_pause(card, pause).await?;
    let family = &member.loaded.family.id;
    let paused = pause.is_some();
    tracing::info!(family.id = %family, card.id = %card, paused, "A card was paused or resumed.");
    let change = match paused {
        true => Change::CardPaused { card },
        false => Change::CardResumed { card },
    };
    record_change(ports, member.actor(), Some(family), change).await;
    Ok(Redirect::to("/family/cards").into_response())
}
