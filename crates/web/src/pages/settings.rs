//! A family's settings: when its email goes out, and what is in it.

pub(crate) mod recipients;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use hippo_core::audit::Change;
use hippo_core::clock::local_date;
use hippo_core::family::schedule::MAX_PAUSE;
use hippo_core::family::{Family, SendWhenEmpty, parse_fines_threshold};
use hippo_core::ids::FamilyId;
use hippo_core::notice::phrases::full_day;
use serde::Deserialize;

use self::recipients::{
    ALREADY_INVITED, InvitationView, RecipientView, list_invitations, list_recipients,
};
use super::changes::{self, ChangeView, describe_newest};
use super::identity::link::UNLINKED;
use super::resubscribe::{UnsubscribedView, list_unsubscribed};
use crate::access::form_browser::FormBrowser;
use crate::access::form_token::form_page;
use crate::access::session::FamilyMember;
use crate::audit::record_change;
use crate::error::PageResult;
use crate::page::Page;
use crate::ports::WebPorts;

/// The most days ahead that a loan may be due and still be in the email.
const MAX_DUE_WITHIN_DAYS: u16 = 60;

/// When to send an email even if it is empty: the form's value, and the words.
const SEND_POLICIES: [(&str, &str, SendWhenEmpty); 9] = [
    (
        "never",
        "When there’s something to say",
        SendWhenEmpty::Never,
    ),
    ("daily", "Every day", SendWhenEmpty::Daily),
    (
        "mon",
        "At least every Monday",
        SendWhenEmpty::Weekly(Weekday::Mon),
    ),
    (
        "tue",
        "At least every Tuesday",
        SendWhenEmpty::Weekly(Weekday::Tue),
    ),
    (
        "wed",
        "At least every Wednesday",
        SendWhenEmpty::Weekly(Weekday::Wed),
    ),
    (
        "thu",
        "At least every Thursday",
        SendWhenEmpty::Weekly(Weekday::Thu),
    ),
    (
        "fri",
        "At least every Friday",
        SendWhenEmpty::Weekly(Weekday::Fri),
    ),
    (
        "sat",
        "At least every Saturday",
        SendWhenEmpty::Weekly(Weekday::Sat),
    ),
    (
        "sun",
        "At least every Sunday",
        SendWhenEmpty::Weekly(Weekday::Sun),
    ),
];

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    page: Page,
    form_token: String,
    family: FamilyId,
    /// Identifies what the forms began with.
    version: String,
    values: SettingsValues,
    zones: Vec<&'static str>,
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
    changes: Vec<ChangeView>,
}

/// The days of a pause of the emails, as they were typed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PauseValues {
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
}

/// The values of the form, as they were typed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct SettingsValues {
    time: String,
    timezone: String,
    due_within_days: String,
    send_when_empty: String,
    /// Empty: never.
    fines_threshold: String,
    #[serde(default)]
    by_person: Option<String>,
}

impl SettingsValues {
    fn from_family(family: &Family) -> Self {
        let preferences = &family.preferences;
        let policy = SEND_POLICIES
            .iter()
            .find(|(.., policy)| *policy == preferences.send_when_empty);
        Self {
            time: family.notice_time.format("%H:%M").to_string(),
            timezone: family.timezone.name().to_owned(),
            due_within_days: preferences.due_within_days.to_string(),
            send_when_empty: policy.map_or("never", |(value, ..)| *value).to_owned(),
            fines_threshold: preferences
                .fines_threshold
                .map_or_else(String::new, |amount| format!("{amount:.2}")),
            by_person: preferences.by_person.then(|| "yes".to_owned()),
        }
    }

    /// Says which of the stored values differ from those that were typed.
    fn describe_differences(&self, typed: &Self) -> Option<String> {
        let policy = |values: &Self| {
            let mut policies = SEND_POLICIES.iter();
            let found = policies.find(|(value, ..)| *value == values.send_when_empty);
            found.map_or("", |(_, words, _)| *words)
        };
        let fines = match self.fines_threshold.as_str() {
            "" => "no fines".to_owned(),
            amount => format!("fines from {amount} on"),
        };
        let grouping = match self.by_person {
            Some(_) => "grouped by person",
            None => "not grouped by person",
        };
        let all = [
            (self.time != typed.time, format!("at {}", self.time)),
            (self.timezone != typed.timezone, self.timezone.clone()),
            (
                self.due_within_days != typed.due_within_days,
                format!("due within {} days", self.due_within_days),
            ),
            (self.fines_threshold != typed.fines_threshold, fines),
            (
                self.send_when_empty != typed.send_when_empty,
                policy(self).to_lowercase(),
            ),
            (
                self.by_person.is_some() != typed.by_person.is_some(),
                grouping.to_owned(),
            ),
        ];
        let differing: Vec<String> = all
            .into_iter()
            .filter_map(|(differs, words)| differs.then_some(words))
            .collect();
        (!differing.is_empty()).then(|| format!(" Stored are: {}.", differing.join("; ")))
    }

    /// Applies the values to a family, or says what is wrong with them.
    fn apply(&self, family: &mut Family, now: DateTime<Utc>) -> Result<(), &'static str> {
        let time = NaiveTime::parse_from_str(self.time.trim(), "%H:%M")
            .map_err(|_| "The time isn’t valid. Write it like 06:30.")?;
        let zone: Tz = self
            .timezone
            .trim()
            .parse()
            .map_err(|_| "We don’t know this time zone. Choose one from the list.")?;
        let days: Option<u16> = self.due_within_days.trim().parse().ok();
        let days = days
            .filter(|days| {
                *days <= MAX_DUE_WITHIN_DAYS || *days == family.preferences.due_within_days
            })
            .ok_or("Give a number of days from 0 to 60.")?;
        let (.., policy) = SEND_POLICIES
            .iter()
            .find(|(value, ..)| *value == self.send_when_empty)
            .ok_or("Choose when to send an email.")?;
        let fines = match self.fines_threshold.trim() {
            "" => None,
            // People write a comma in much of the world.
            typed => {
                let amount = parse_fines_threshold(&typed.replace(',', "."));
                Some(amount.ok_or("Give an amount like 5.00, or leave the field empty.")?)
            }
        };
        family.reschedule(zone, time, now);
        family.preferences.fines_threshold = fines;
        family.preferences.due_within_days = days;
        family.preferences.send_when_empty = *policy;
        family.preferences.by_person = self.by_person.is_some();
        Ok(())
    }
}

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

/// Why the page is shown.
enum Outcome {
    Opened,
    /// Something was done.
    Done(&'static str),
    /// Something can't be done.
    Refused(&'static str),
    /// Somebody changed the family after the form was opened.
    Changed(Typed),
    /// The invited person was faster than who withdraws the invitation.
    AlreadyAccepted(String),
    /// The address was invited again after the page was opened.
    InvitedAgain(String),
    /// A value isn't valid. The form still has to say which version its page showed.
    Invalid(Typed, &'static str, String),
}

/// What was typed into the form that was sent.
enum Typed {
    Settings(SettingsValues),
    Pause(PauseValues),
    Nothing,
}

async fn show_page(
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
    let mut typed = Typed::Nothing;
    match outcome {
        Outcome::Opened => {}
        Outcome::Done(words) => done = Some(words.to_owned()),
        Outcome::Refused(words) => {
            status = StatusCode::UNPROCESSABLE_ENTITY;
            problem = Some(format!("{words} Nothing was changed."));
        }
        Outcome::Changed(sent) => {
            status = StatusCode::CONFLICT;
            let newest = describe_newest(ports, member, |_| true).await?;
            let who = newest.map_or_else(String::new, |(_, words)| format!(" {words}"));
            let differing = match &sent {
                Typed::Settings(values) => present.describe_differences(values),
                Typed::Pause(_) | Typed::Nothing => None,
            };
            problem = Some(format!(
                "The settings were changed after you opened this page.{who} Nothing of this page was saved.{} Check \
                 it, and send again.",
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
                "Somebody withdrew that invitation and invited {address} again. To end that too, withdraw the new \
                 invitation below."
            ));
        }
        Outcome::Invalid(sent, words, opened) => {
            status = StatusCode::UNPROCESSABLE_ENTITY;
            problem = Some(format!("{words} Nothing was saved."));
            version = opened;
            typed = sent;
        }
    }
    let (values, typed_pause) = match typed {
        Typed::Settings(values) => (values, None),
        Typed::Pause(values) => (present, Some(values)),
        Typed::Nothing => (present, None),
    };
    let token = browser.form_token()?;
    let provider = ports.identity_provider.as_ref();
    let shown = SettingsPage {
        page: member.page("Settings"),
        form_token: token.field.clone(),
        family: family.id.clone(),
        version,
        values,
        zones: zone_names(),
        policies: SEND_POLICIES,
        recipients: list_recipients(member),
        invitations: list_invitations(ports, family).await?,
        unsubscribed: list_unsubscribed(member),
        provider: provider.map(|provider| provider.name().to_owned()),
        identities: ports.store.count_identities(&member.session.person).await?,
        pause: pause_words(family, now, today),
        typed_pause,
        today,
        tomorrow: today.succ_opt().unwrap_or(today),
        problem,
        done,
        changes: changes::load(ports, member).await?,
    };
    form_page(status, &shown, token)
}

/// The zones to choose from: those with a continent and a place, and UTC.
fn zone_names() -> Vec<&'static str> {
    let names = TZ_VARIANTS.iter().map(|zone| zone.name());
    let is_place = |name: &&str| {
        *name == "UTC"
            || (name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("US/"))
    };
    names.filter(is_place).collect()
}

fn pause_words(family: &Family, now: DateTime<Utc>, today: NaiveDate) -> Option<String> {
    let until = family.paused_until.map(|until| full_day(until, today));
    let from = match family.next_pause(now) {
        Some(since) => format!("From {}, emails", full_day(since, today)),
        None if family.is_paused_at(now) => "Emails".to_owned(),
        None => return None,
    };
    Some(match until {
        Some(until) => format!("{from} are paused. They go out again from {until}."),
        None => format!("{from} are paused until somebody resumes them."),
    })
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
    Form(SettingsForm { opened, values }): Form<SettingsForm>,
) -> PageResult {
    let mut after = member.loaded.family.clone();
    if let Err(words) = values.apply(&mut after, ports.clock.now()) {
        let outcome = Outcome::Invalid(Typed::Settings(values), words, opened.version);
        return show_page(&ports, &browser, &member, outcome).await;
    }
    let sent = Sent {
        opened,
        typed: Typed::Settings(values),
        change: Change::SettingsChanged,
    };
    replace(&ports, &browser, member, sent, after).await
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
    Form(PauseForm { opened, values }): Form<PauseForm>,
) -> PageResult {
    let now = ports.clock.now();
    let family = &member.loaded.family;
    let (since, until) = match read_pause(&values, local_date(now, family.timezone)) {
        Ok(pause) => pause,
        Err(problem) => {
            let outcome = Outcome::Invalid(Typed::Pause(values), problem, opened.version);
            return show_page(&ports, &browser, &member, outcome).await;
        }
    };
    let mut after = family.clone();
    after.pause_from(since, until, now);
    let sent = Sent {
        opened,
        typed: Typed::Pause(values),
        change: Change::MailsPaused,
    };
    replace(&ports, &browser, member, sent, after).await
}

/// Reads the first day of a pause, and the first day with an email again.
fn read_pause(
    form: &PauseValues,
    today: NaiveDate,
) -> Result<(NaiveDate, Option<NaiveDate>), &'static str> {
    let is_near = |day: &NaiveDate| *day - today <= MAX_PAUSE;
    let since = match form.from.trim() {
        "" => Some(today),
        typed => typed.parse().ok(),
    };
    let since = since
        .filter(|since| *since >= today && is_near(since))
        .ok_or(
            "Choose a first day from today on and within two years, or leave the field empty.",
        )?;
    let until = match form.until.trim() {
        "" => return Ok((since, None)),
        typed => typed.parse().ok(),
    };
    let until = until
        .filter(|until| *until > since && is_near(until))
        .ok_or(
            "Choose a last day after the first one and within two years, or leave the field empty.",
        )?;
    Ok((since, Some(until)))
}

/// Resumes the emails.
pub(crate) async fn resume(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: FamilyMember,
    Form(opened): Form<OpenedPage>,
) -> PageResult {
    let mut after = member.loaded.family.clone();
    after.resume(ports.clock.now());
    let sent = Sent {
        opened,
        typed: Typed::Nothing,
        change: Change::MailsResumed,
    };
    replace(&ports, &browser, member, sent, after).await
}

/// A form that was sent.
struct Sent {
    opened: OpenedPage,
    typed: Typed,
    change: Change,
}

/// Saves a family, unless it changed since the form was opened.
///
/// If it already is as wanted, the same form was sent twice, or two people want the same.
async fn replace(
    ports: &WebPorts,
    browser: &FormBrowser,
    mut member: FamilyMember,
    sent: Sent,
    after: Family,
) -> PageResult {
    if let Some(family) = &sent.opened.family {
        member.require_family(family)?;
    }
    let before = &member.loaded.family;
    let is_so = *before == after;
    let may_replace = before.content_hash() == sent.opened.version;
    if is_so || (may_replace && ports.store.replace_family(before, &after).await?) {
        if !is_so {
            tracing::info!(family.id = %after.id, "A family changed its settings.");
            record_change(ports, member.actor(), Some(&after.id), sent.change).await;
        }
        return Ok(Redirect::to("/family/settings?saved=yes").into_response());
    }
    // Another request may have been faster.
    if let Some(family) = ports.store.family(&after.id).await? {
        member.loaded.family = family;
    }
    show_page(ports, browser, &member, Outcome::Changed(sent.typed)).await
}
