//! The options for a family's preferences.

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use clap::Args;
use hippo_core::family::{Delivery, Family, SendWhenEmpty, parse_fines_threshold};
use rust_decimal::Decimal;

use crate::timezones::parse_timezone;
use crate::values::{one_of, time_of_day};

/// A family's preferences; what isn't given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub(crate) struct PreferenceOptions {
    /// The family's time zone. By default your own.
    #[arg(long, value_parser = parse_timezone, value_name = "ZONE")]
    pub(crate) timezone: Option<Tz>,
    /// The local time at which the notice goes out. By default 06:30.
    #[arg(long, value_parser = time_of_day, value_name = "HH:MM")]
    pub(crate) time: Option<NaiveTime>,
    /// Include loans that are due within this many days. By default 3.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=60), allow_negative_numbers = true)]
    pub(crate) due_within_days: Option<u16>,
    /// Include fines from this amount on, or never. By default 5.00.
    #[arg(long, value_name = "AMOUNT|never", value_parser = fines_threshold, allow_negative_numbers = true)]
    pub(crate) fines_threshold: Option<Threshold>,
    /// Send a notice every day, even when there is nothing to say.
    #[arg(long, group = "send_policy")]
    pub(crate) daily: bool,
    /// Send a notice on this day of the week, even when there is nothing to say.
    #[arg(long, group = "send_policy", value_name = "WEEKDAY", value_parser = weekday)]
    pub(crate) weekly: Option<Weekday>,
    /// Send a notice only when there is something to say. The default.
    #[arg(long, group = "send_policy")]
    pub(crate) only_when_needed: bool,
    /// When we can't tell whether an email was sent: never send it twice, or make sure it arrives.
    #[arg(long, value_parser = one_of(&Delivery::ALL, Delivery::as_str), value_name = "HOW")]
    pub(crate) delivery: Option<Delivery>,
    /// Group an email of more than fifteen lines by person. By default no.
    #[arg(long, value_name = "true|false")]
    pub(crate) by_person: Option<bool>,
    /// Send the picture of the day. By default no.
    #[arg(long, conflicts_with = "no_picture")]
    pub(crate) picture: bool,
    /// No longer send the picture of the day.
    #[arg(long)]
    pub(crate) no_picture: bool,
    /// Send the picture of the day from this local time on. By default 07:00.
    #[arg(long, value_parser = time_of_day, value_name = "HH:MM", conflicts_with = "no_picture")]
    pub(crate) picture_time: Option<NaiveTime>,
}

/// The default time of day of the picture.
const PICTURE_TIME: NaiveTime = match NaiveTime::from_hms_opt(7, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// The least fines that a notice includes; `None` for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threshold(pub(crate) Option<Decimal>);

/// Parses an amount, or `never`.
pub(crate) fn fines_threshold(text: &str) -> Result<Threshold, String> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(Threshold(None));
    }
    parse_fines_threshold(text)
        .map(|amount| Threshold(Some(amount)))
        .ok_or_else(|| format!("“{text}” isn't an amount. Write it like 5.00, or “never”."))
}

/// Parses a day of the week.
pub(crate) fn weekday(text: &str) -> Result<Weekday, String> {
    text.parse()
        .map_err(|_| format!("“{text}” isn't a day of the week. Write it like monday."))
}

impl PreferenceOptions {
    /// Applies the preferences to a new family.
    pub(crate) fn apply_to_new(&self, family: &mut Family) {
        family.timezone = self.timezone.unwrap_or(family.timezone);
        family.notice_time = self.time.unwrap_or(family.notice_time);
        self.apply_preferences(family, family.created_at);
    }

    /// Applies the preferences to a family; a new schedule counts from its next local date.
    pub(crate) fn apply(&self, family: &mut Family, now: DateTime<Utc>) {
        let timezone = self.timezone.unwrap_or(family.timezone);
        let time = self.time.unwrap_or(family.notice_time);
        family.reschedule(timezone, time, now);
        self.apply_preferences(family, now);
    }

    fn apply_preferences(&self, family: &mut Family, now: DateTime<Utc>) {
        if self.no_picture {
            family.set_picture(None, now);
        } else if self.picture || self.picture_time.is_some() {
            let present = family.preferences.picture.map(|picture| picture.time);
            let time = self.picture_time.or(present).unwrap_or(PICTURE_TIME);
            family.set_picture(Some(time), now);
        }
        let preferences = &mut family.preferences;
        if let Some(days) = self.due_within_days {
            preferences.due_within_days = days;
        }
        if let Some(Threshold(threshold)) = self.fines_threshold {
            preferences.fines_threshold = threshold;
        }
        if let Some(delivery) = self.delivery {
            preferences.delivery = delivery;
        }
        if let Some(by_person) = self.by_person {
            preferences.by_person = by_person;
        }
        match (self.daily, self.weekly, self.only_when_needed) {
            (true, ..) => preferences.send_when_empty = SendWhenEmpty::Daily,
            (_, Some(day), _) => preferences.send_when_empty = SendWhenEmpty::Weekly(day),
            (.., true) => preferences.send_when_empty = SendWhenEmpty::Never,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threshold_is_an_amount_or_never() {
        assert_eq!(fines_threshold("never"), Ok(Threshold(None)));
        assert_eq!(
            fines_threshold("2.50"),
            Ok(Threshold(Some(Decimal::new(250, 2))))
        );
        assert!(fines_threshold("2.500").is_ok());
        assert!(fines_threshold("2.505").is_err());
        assert!(fines_threshold("-1").is_err());
        assert!(fines_threshold("much").is_err());
    }
}
