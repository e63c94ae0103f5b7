//! A pause of the emails: its form, and how the page describes it.

use chrono::{DateTime, NaiveDate, Utc};
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::family::schedule::MAX_PAUSE;
use hippo_core::notice::phrases::full_day;
use serde::Deserialize;

/// The days of a pause of the emails, as they were typed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PauseValues {
    #[serde(default)]
    pub(super) from: String,
    #[serde(default)]
    pub(super) until: String,
}

impl PauseValues {
    /// Pauses a family's emails, or says what is wrong with the days.
    pub(super) fn apply(
        &self,
        family: &mut Family,
        now: DateTime<Utc>,
    ) -> Result<(), &'static str> {
        let (since, until) = read_pause(self, local_date(now, family.timezone))?;
        family.pause_from(since, until, now);
        Ok(())
    }
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
            "Choose a first day without an email from today on and within two years, or leave the field empty.",
        )?;
    let until = match form.until.trim() {
        "" => return Ok((since, None)),
        typed => typed.parse().ok(),
    };
    let until = until
        .filter(|until| *until > since && is_near(until))
        .ok_or(
            "Choose a first day with an email again that is after the first day without one and within two years, or leave the field empty.",
        )?;
    Ok((since, Some(until)))
}

/// Describes the pause of a family's emails, if there is one.
pub(super) fn describe_family_pause(
    family: &Family,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> Option<String> {
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
