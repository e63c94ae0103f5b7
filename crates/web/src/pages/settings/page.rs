//! Shows the settings page, after a form with its result.

use askama::Template;
use axum::http::StatusCode;
use chrono::NaiveDate;
use chrono_tz::Tz;
use hippo_core::clock::local_date;
use hippo_core::family::SendWhenEmpty;
use hippo_core::ids::FamilyId;

use super::pause::{PauseValues, describe_family_pause};
use super::recipient_list::{InvitationView, RecipientView, list_invitations, list_recipients};
use super::recipients::PATH;
use super::values::{SEND_POLICIES, SettingsValues, TypedValues, zone_names};
use crate::access::form_browser::FormBrowser;
use crate::access::form_token::form_page;
use crate::access::next_page::remember_page;
use crate::access::session::FamilyMember;
use crate::error::PageResult;
use crate::page::Page;
use crate::pages::changes::{self, ChangeView, describe_newest, is_of_settings};
use crate::pages::resubscribe::{UnsubscribedView, list_unsubscribed};
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    page: Page,
    form_token: String,
    family: FamilyId,
    /// The version of the family that the forms were opened with.
    version: String,
    values: SettingsValues,
    zones: Vec<&'static str>,
    /// Whether the time zone was typed and isn't one. Browsers check the other fields.
    is_unknown_zone: bool,
    policies: [(&'static str, &'static str, SendWhenEmpty); 9],
    recipients: Vec<RecipientView>,
    invitations: Vec<InvitationView>,
    unsubscribed: Vec<UnsubscribedView>,
    /// What people call the identity provider, if there is one.
    provider: Option<String>,
    /// How many identities sign in the person who is signed in.
    identities: usize,
    pause: Option<String>,
    /// What was typed into the form of a pause, if it is shown again.
    typed_pause: Option<PauseValues>,
    /// The first day that a pause may begin.
    today: NaiveDate,
    /// The first day that a pause may end.
    tomorrow: NaiveDate,
    problem: Option<String>,
    done: Option<String>,
    /// Whether changing the recipients needs a new sign-in.
    needs_sign_in: bool,
    changes: Vec<ChangeView>,
}

/// Why the page is shown.
pub(super) enum Outcome {
    Opened,
    /// Something was done.
    Done(&'static str),
    /// Something can't be done.
    Refused(&'static str),
    /// Somebody changed the family after the form was opened.
    Changed(Option<TypedValues>),
    /// The invited person accepted before the invitation was withdrawn.
    AlreadyAccepted(String),
    /// The address was invited again after the page was opened.
    InvitedAgain(String),
    /// A value isn't valid. `version` is the one that the form was opened with.
    Invalid {
        typed: TypedValues,
        problem: &'static str,
        version: String,
    },
}

/// Shows the page.
pub(super) async fn show_page(
    ports: &WebPorts,
    browser: &FormBrowser,
    member: &FamilyMember,
    outcome: Outcome,
) -> PageResult {
    let now = ports.clock.now();
    let family = &member.loaded.family;
    let today = local_date(now, family.timezone);
    let present = SettingsValues::from_family(family);
    let mut version = family.content_hash();
    let (mut status, mut problem, mut done) = (StatusCode::OK, None, None);
    let mut typed = None;
    match outcome {
        Outcome::Opened => {}
        Outcome::Done(words) => done = Some(words.to_owned()),
        Outcome::Refused(words) => {
            status = StatusCode::UNPROCESSABLE_ENTITY;
            problem = Some(format!("{words} Nothing was changed."));
        }
        Outcome::Changed(sent) => {
            status = StatusCode::CONFLICT;
            let newest = describe_newest(ports, member, is_of_settings).await?;
            let who = newest.map_or_else(String::new, |words| format!(" {words}"));
            let differing = match &sent {
                Some(TypedValues::Settings(values)) => present.describe_differences(values),
                _ => None,
            };
            problem = Some(format!(
                "The settings were changed after you opened this page.{who} Nothing on this page was saved.{} Check \
                 the form and save it again.",
                differing.unwrap_or_default()
            ));
            typed = sent;
        }
        Outcome::AlreadyAccepted(address) => {
            status = StatusCode::CONFLICT;
            problem = Some(format!(
                "{address} accepted the invitation before you withdrew it, and gets the emails now. To end that, \
                 remove the address below."
            ));
        }
        Outcome::InvitedAgain(address) => {
            status = StatusCode::CONFLICT;
            problem = Some(format!(
                "That invitation is no longer open, and {address} was invited again. The new invitation is below: you \
                 can withdraw that one, too."
            ));
        }
        Outcome::Invalid {
            typed: sent,
            problem: words,
            version: opened,
        } => {
            status = StatusCode::UNPROCESSABLE_ENTITY;
            problem = Some(format!("{words} Nothing was saved."));
            version = opened;
            typed = Some(sent);
        }
    }
    let (values, typed_pause) = match typed {
        Some(TypedValues::Settings(values)) => (values, None),
        Some(TypedValues::Pause(values)) => (present, Some(values)),
        Some(TypedValues::Resume) | None => (present, None),
    };
    let token = browser.form_token()?;
    let provider = ports.identity_provider.as_ref();
    let shown = SettingsPage {
        page: member.page("Settings"),
        form_token: token.field.clone(),
        family: family.id.clone(),
        version,
        is_unknown_zone: values.timezone.trim().parse::<Tz>().is_err(),
        values,
        zones: zone_names(),
        policies: SEND_POLICIES,
        recipients: list_recipients(member),
        invitations: list_invitations(ports, family).await?,
        unsubscribed: list_unsubscribed(member),
        provider: provider.map(|provider| provider.name().to_owned()),
        identities: ports.store.count_identities(&member.session.person).await?,
        pause: describe_family_pause(family, now, today),
        typed_pause,
        today,
        tomorrow: today.succ_opt().unwrap_or(today),
        problem,
        done,
        needs_sign_in: !member.is_recently_signed_in(now),
        changes: changes::load(ports, member).await?,
    };
    let needs_sign_in = shown.needs_sign_in;
    let mut response = form_page(status, &shown, token)?;
    if needs_sign_in {
        // The page's link to sign in again leads back here.
        remember_page(&mut response, PATH, browser.origin.is_secure);
    }
    Ok(response)
}
