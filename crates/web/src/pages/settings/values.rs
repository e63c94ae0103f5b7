//! The values of the forms in the settings, as they were typed.

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};
use hippo_core::family::{Family, SendWhenEmpty, parse_fines_threshold};
use serde::Deserialize;

use super::pause::PauseValues;

/// The most days ahead that a loan may be due and still be in the email.
const MAX_DUE_WITHIN_DAYS: u16 = 60;

/// When to send an email even if it is empty: the form's value, and the words.
pub(super) const SEND_POLICIES: [(&str, &str, SendWhenEmpty); 9] = [
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

/// What was typed into a form that changes the family.
pub(super) enum TypedValues {
    Settings(SettingsValues),
    Pause(PauseValues),
    /// Only the button was pressed.
    Resume,
}

impl TypedValues {
    /// The family with these values, or what is wrong with them.
    ///
    /// If it has them already, it stays as it is.
    pub(super) fn apply(
        &self,
        family: &Family,
        now: DateTime<Utc>,
    ) -> Result<Family, &'static str> {
        let mut after = family.clone();
        match self {
            Self::Settings(values) => values.apply(&mut after, now)?,
            Self::Pause(values) => values.apply(&mut after, now)?,
            Self::Resume => after.resume(now),
        }
        Ok(after)
    }
}

/// The values of the form, as they were typed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct SettingsValues {
    pub(super) time: String,
    pub(super) timezone: String,
    pub(super) due_within_days: String,
    pub(super) send_when_empty: String,
    /// Empty: never.
    pub(super) fines_threshold: String,
    #[serde(default)]
    pub(super) by_person: Option<String>,
}

impl SettingsValues {
    pub(super) fn from_family(family: &Family) -> Self {
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
    pub(super) fn describe_differences(&self, typed: &Self) -> Option<String> {
        let policy = |values: &Self| {
            let mut policies = SEND_POLICIES.iter();
            let found = policies.find(|(value, ..)| *value == values.send_when_empty);
            found.map_or("", |(_, words, _)| *words)
        };
        let fines = match self.fines_threshold.as_str() {
            "" => "no fines".to_owned(),
            amount => format!("fines of {amount} or more"),
        };
        let grouping = match self.by_person {
            Some(_) => "grouped by person",
            None => "not grouped by person",
        };
        let all = [
            (self.time != typed.time, format!("email at {}", self.time)),
            (
                self.timezone != typed.timezone,
                format!("time zone {}", self.timezone),
            ),
            (
                self.due_within_days != typed.due_within_days,
                format!("loans due within {} days", self.due_within_days),
            ),
            (self.fines_threshold != typed.fines_threshold, fines),
            (
                self.send_when_empty != typed.send_when_empty,
                format!("an email {}", lower_first(policy(self))),
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
        (!differing.is_empty()).then(|| {
            format!(
                " These saved settings differ from yours: {}.",
                differing.join("; ")
            )
        })
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

/// Writes the first letter small: “At least every Monday” becomes “at least every Monday”.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters.as_str().chars()).collect()
}

/// The zones to choose from: those with a continent and a place, and UTC.
pub(super) fn zone_names() -> Vec<&'static str> {
    let names = TZ_VARIANTS.iter().map(|zone| zone.name());
    let is_place = |name: &&str| {
        *name == "UTC"
            || (name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("US/"))
    };
    names.filter(is_place).collect()
}
