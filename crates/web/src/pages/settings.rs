//! A family's settings: when its email goes out, and what is in it.

mod page;
mod pause;
mod recipient_list;
pub(crate) mod recipients;
mod replace;
mod values;

use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect};
use hippo_core::audit::Change;
use serde::Deserialize;

use self::page::{Outcome, show_page};
use self::pause::PauseValues;
use self::replace::replace_or_reload;
use self::values::{SettingsValues, TypedValues};
use super::identity::link::UNLINKED;
use crate::access::form_browser::FormBrowser;
use crate::access::session::FamilyMember;
use crate::audit::record_change;
use crate::error::PageResult;
use crate::ports::WebPorts;

/// The words for an address that is invited a second time.
const ALREADY_INVITED: &str = "This address is invited already. To send the email again, withdraw the invitation, and invite the address tomorrow.";

/// What the page's address says.
#[derive(Deserialize)]
pub(crate) struct SettingsQuery {
    /// Present: something was just done, and what.
    #[serde(default)]
    saved: Option<String>,
}

/// Shows the page.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: FamilyMember,
    Query(query): Query<SettingsQuery>,
) -> PageResult {
    let outcome = match query.saved.as_deref() {
        Some("unlinked") => Outcome::Done(UNLINKED),
        Some("invited") => Outcome::Done("The invitation is on its way."),
        Some("already-invited") => Outcome::Done(ALREADY_INVITED),
        Some("already-recipient") => Outcome::Done("This address already gets the emails."),
        Some(_) => Outcome::Done("Saved."),
        None => Outcome::Opened,
    };
    show_page(&ports, &browser, &member, outcome).await
}

/// What each form of this page says about the page that it was opened with.
#[derive(Deserialize)]
pub(crate) struct OpenedPage {
    version: String,
    /// The family that was shown: the person may have chosen another one since.
    #[serde(default)]
    family: Option<String>,
}

/// The form of the settings.
#[derive(Deserialize)]
pub(crate) struct SettingsForm {
    #[serde(flatten)]
    opened: OpenedPage,
    #[serde(flatten)]
    values: SettingsValues,
}

/// Saves the settings.
pub(crate) async fn save(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: FamilyMember,
    Form(form): Form<SettingsForm>,
) -> PageResult {
    let submitted = SubmittedForm {
        opened: form.opened,
        typed: TypedValues::Settings(form.values),
        change: Change::SettingsChanged,
    };
    apply(&ports, &browser, member, submitted).await
}

/// The form of a pause.
#[derive(Deserialize)]
pub(crate) struct PauseForm {
    #[serde(flatten)]
    opened: OpenedPage,
    #[serde(flatten)]
    values: PauseValues,
}

/// Pauses the emails.
pub(crate) async fn pause(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: FamilyMember,
    Form(form): Form<PauseForm>,
) -> PageResult {
    let submitted = SubmittedForm {
        opened: form.opened,
        typed: TypedValues::Pause(form.values),
        change: Change::MailsPaused,
    };
    apply(&ports, &browser, member, submitted).await
}

/// Resumes the emails.
pub(crate) async fn resume(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: FamilyMember,
    Form(opened): Form<OpenedPage>,
) -> PageResult {
    let submitted = SubmittedForm {
        opened,
        typed: TypedValues::Resume,
        change: Change::MailsResumed,
    };
    apply(&ports, &browser, member, submitted).await
}

/// A form that changes the family.
struct SubmittedForm {
    opened: OpenedPage,
    typed: TypedValues,
    change: Change,
}

/// Changes the family as a form says, unless it changed since the form was opened.
///
/// If it already is as wanted, the same form was sent twice, or two people want the same.
async fn apply(
    ports: &WebPorts,
    browser: &FormBrowser,
    mut member: FamilyMember,
    form: SubmittedForm,
) -> PageResult {
    let SubmittedForm {
        opened,
        typed,
        change,
    } = form;
    if let Some(family) = &opened.family {
        member.require_family(family)?;
    }
    let now = ports.clock.now();
    let before = &member.loaded.family;
    let after = match typed.apply(before, now) {
        Ok(after) => after,
        Err(problem) => {
            let outcome = Outcome::Invalid {
                typed,
                problem,
                version: opened.version,
            };
            return show_page(ports, browser, &member, outcome).await;
        }
    };
    let may_replace = *before != after && before.content_hash() == opened.version;
    if may_replace && replace_or_reload(ports, &mut member, &after).await? {
        tracing::info!(family.id = %after.id, "A family changed its settings.");
        record_change(ports, member.actor(), Some(&after.id), change).await;
        return Ok(Redirect::to("/family/settings?saved=yes").into_response());
    }
    // Also if another request came first: it may be the same one.
    let present = &member.loaded.family;
    let wanted = typed.apply(present, now);
    if wanted.is_ok_and(|wanted| wanted == *present) {
        return Ok(Redirect::to("/family/settings?saved=yes").into_response());
    }
    show_page(ports, browser, &member, Outcome::Changed(Some(typed))).await
}
