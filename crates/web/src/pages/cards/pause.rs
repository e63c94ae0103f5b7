//! Pausing the checks of a card, until a day or until somebody resumes them.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use hippo_core::audit::Change;
use hippo_core::card::{Card, CardPause, CardRecord};
use hippo_core::clock::local_date;
use hippo_core::ids::CardId;
use hippo_core::notice::phrases::full_day;
use hippo_core::schedule::change_pause::{MAX_REASON_LENGTH, read_reason};
use serde::Deserialize;

use super::secret_form::library_name;
use super::{explain_store_error, missing_card, own_card, pause_version, show_page};
use crate::access::form_browser::FormBrowser;
use crate::access::session::FamilyMember;
use crate::audit::record_change;
use crate::error::{HasOwnPage, PageError, PageResult};
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// How often a card is read again after another request changed it.
const MAX_ATTEMPTS: u32 = 5;

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
    /// Identifies the pause that the page shows, which is usually none.
    version: String,
    form: PauseForm,
    problem: Option<String>,
}

/// The form.
#[derive(Default, Deserialize)]
pub(crate) struct PauseForm {
    /// Identifies the pause that the page showed.
    #[serde(default)]
    version: String,
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

/// Why the form is shown again.
enum Problem {
    /// What was typed isn't valid, for this reason.
    Invalid(String),
    /// Somebody paused or resumed the card after the form was opened.
    Changed,
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
    problem: Option<Problem>,
) -> PageResult {
    let (now, zone) = (ports.clock.now(), member.loaded.family.timezone);
    let today = local_date(now, zone);
    let library = ports.store.library(&card.library).await?;
    let mut version = pause_version(card, now);
    let (status, problem) = match problem {
        None => (StatusCode::OK, None),
        Some(Problem::Invalid(words)) => {
            // Only the valid form is told of a change, so it still has to say what its page showed.
            version.clone_from(&form.version);
            let words = format!("{words} Nothing was changed.");
            (StatusCode::UNPROCESSABLE_ENTITY, Some(words))
        }
        Some(Problem::Changed) => {
            let words = describe_present(card, now, today);
            let words = format!("{words} Nothing was changed. Check the form and send it again.");
            (StatusCode::CONFLICT, Some(words))
        }
    };
    let page = PausePage {
        page: member.page("Pause a card"),
        id: card.id,
        patron: card.patron.clone(),
        library: library_name(library.as_ref(), &card.library),
        zone,
        tomorrow: today.succ_opt().unwrap_or(today),
        max_reason_length: MAX_REASON_LENGTH,
        version,
        form,
        problem,
    };
    let mut response = html(status, &page)?;
    response.extensions_mut().insert(HasOwnPage);
    Ok(response)
}

/// Says how a card is paused now, to somebody whose page showed something else.
fn describe_present(card: &Card, now: DateTime<Utc>, today: NaiveDate) -> String {
    let Some(pause) = card.active_pause(now) else {
        return "This card’s pause has ended since you opened this page.".to_owned();
    };
    let until = pause.until.map_or_else(String::new, |until| {
        format!(" until {}", full_day(until, today))
    });
    let why = pause.why.as_ref();
    let why = why.map_or_else(String::new, |why| format!(" (“{why}”)"));
    format!("This card has been paused{until}{why} since you opened this page.")
}

/// Pauses the checks of a card.
pub(crate) async fn pause(
    State(ports): State<WebPorts>,
    member: FamilyMember,
    Path(id): Path<String>,
    Form(form): Form<PauseForm>,
) -> PageResult {
    let Some(record) = own_card(&member, &id) else {
        return Err(missing_card(&ports, &member, &id).await);
    };
    let zone = member.loaded.family.timezone;
    let pause = match form.read(zone, ports.clock.now()) {
        Ok(pause) => pause,
        Err(words) => {
            let problem = Some(Problem::Invalid(words));
            return show_form(&ports, &member, &record.card, form, problem).await;
        }
    };
    match replace_pause(&ports, &member, record, &form.version, Some(&pause)).await? {
        Ok(()) => Ok(Redirect::to("/family/cards").into_response()),
        Err(present) => show_form(&ports, &member, &present, form, Some(Problem::Changed)).await,
    }
}

/// The form that resumes the checks.
#[derive(Deserialize)]
pub(crate) struct ResumeForm {
    /// Identifies the pause that the page showed.
    #[serde(default)]
    version: String,
}

/// Resumes the checks of a card.
pub(crate) async fn resume(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    mut member: FamilyMember,
    Path(id): Path<String>,
    Form(form): Form<ResumeForm>,
) -> PageResult {
    let Some(record) = own_card(&member, &id) else {
        return Err(missing_card(&ports, &member, &id).await);
    };
    let Err(present) = replace_pause(&ports, &member, record, &form.version, None).await? else {
        return Ok(Redirect::to("/family/cards").into_response());
    };
    let now = ports.clock.now();
    let words = describe_present(
        &present,
        now,
        local_date(now, member.loaded.family.timezone),
    );
    let problem = format!(
        "{}: {words} Nothing was changed. Check it, and press the button again.",
        present.patron
    );
    let mut cards = member.loaded.cards.iter_mut().map(|(record, _)| record);
    if let Some(shown) = cards.find(|record| record.card.id == present.id) {
        shown.card = present;
    }
    show_page(&ports, &browser, &member, Some(problem)).await
}

/// Changes a card's pause, if it is as the page showed it; else returns the card as it is now.
///
/// If it is already as wanted, the same form was sent twice, or two people want the same.
async fn replace_pause(
    ports: &WebPorts,
    member: &FamilyMember,
    record: &CardRecord,
    version: &str,
    after: Option<&CardPause>,
) -> Result<Result<(), Card>, PageError> {
    let now = ports.clock.now();
    let mut card = record.card.clone();
    for _ in 0..MAX_ATTEMPTS {
        if card.active_pause(now) == after {
            return Ok(Ok(()));
        }
        if pause_version(&card, now) != version {
            return Ok(Err(card));
        }
        let before = card.pause.as_ref();
        let replaced = ports.store.replace_card_pause(card.id, before, after);
        let replaced = match replaced.await {
            Ok(replaced) => replaced,
            Err(error) => return Err(explain_store_error(ports, member, card.id, error).await),
        };
        if replaced {
            record_pause(ports, member, card.id, after.is_some()).await;
            return Ok(Ok(()));
        }
        card = match ports.store.card(card.id).await? {
            Some(present) => present.card,
            None => return Err(missing_card(ports, member, &card.id.to_string()).await),
        };
    }
    Err(PageError::changed_meanwhile())
}

async fn record_pause(ports: &WebPorts, member: &FamilyMember, card: CardId, paused: bool) {
    let family = &member.loaded.family.id;
    tracing::info!(family.id = %family, card.id = %card, paused, "A card was paused or resumed.");
    let change = match paused {
        true => Change::CardPaused { card },
        false => Change::CardResumed { card },
    };
    record_change(ports, member.actor(), Some(family), change).await;
}
