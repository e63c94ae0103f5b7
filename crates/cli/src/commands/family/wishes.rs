//! What a family can want of its notices.

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use clap::{Args, ValueEnum};
use hippo_core::family::{Delivery, Family, SendWhenEmpty};
use rust_decimal::Decimal;

use crate::args::{time_of_day, timezone};

/// What a family can want; what is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub(crate) struct Wishes {
    /// The family's time zone; by default your own.
    #[arg(long, value_parser = timezone, value_name = "ZONE")]
    pub(crate) timezone: Option<Tz>,
    /// The local time of day at which the notice goes out; by default 06:30.
    #[arg(long, value_parser = time_of_day, value_name = "HH:MM")]
    pub(crate) time: Option<NaiveTime>,
    /// Loans due within so many days are to be taken back; by default 3.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=60), allow_negative_numbers = true)]
    pub(crate) due_within_days: Option<u16>,
    /// Tell of fines of this much or more, or never; by default 5.00.
    #[arg(long, value_name = "AMOUNT|never", value_parser = fines_threshold, allow_negative_numbers = true)]
    pub(crate) fines_threshold: Option<Threshold>,
    /// Write every day, although there is nothing to say.
    #[arg(long, group = "proof")]
    pub(crate) daily: bool,
    /// Write on this day of the week, although there is nothing to say.
    #[arg(long, group = "proof", value_name = "WEEKDAY", value_parser = weekday)]
    pub(crate) weekly: Option<Weekday>,
    /// Write only when there is something to say; the default.
    #[arg(long, group = "proof")]
    pub(crate) only_when_needed: bool,
    /// What to do when nobody can know whether a mail left: rather none than two, or rather two.
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) delivery: Option<DeliveryChoice>,
    /// Group a mail of more than fifteen lines by person; by default no.
    #[arg(long, value_name = "true|false")]
    pub(crate) by_person: Option<bool>,
}

/// From which amount on fines are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threshold(pub(crate) Option<Decimal>);

/// What to do when nobody can know whether a mail left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeliveryChoice {
    /// Rather no mail than two.
    AtMostOnce,
    /// Rather two mails than none.
    AtLeastOnce,
}

impl From<DeliveryChoice> for Delivery {
    fn from(choice: DeliveryChoice) -> Self {
        match choice {
            DeliveryChoice::AtMostOnce => Self::AtMostOnce,
            DeliveryChoice::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

/// An amount, or `never`.
pub(crate) fn fines_threshold(text: &str) -> Result<Threshold, String> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(Threshold(None));
    }
    text.parse::<Decimal>()
        .ok()
        .filter(|amount| !amount.is_sign_negative())
        .filter(|amount| amount.normalize().scale() <= 2)
        .map(|amount| Threshold(Some(amount)))
        .ok_or_else(|| format!("“{text}” is not an amount; write it like 5.00, or “never”."))
}

/// A day of the week.
pub(crate) fn weekday(text: &str) -> Result<Weekday, String> {
    text.parse()
        .map_err(|_| format!("“{text}” is not a day of the week; write it like monday."))
}

impl Wishes {
    /// Writes into a new family what is wished.
    pub(crate) fn apply_to_new(&self, family: &mut Family) {
        family.timezone = self.timezone.unwrap_or(family.timezone);
        family.notice_time = self.time.unwrap_or(family.notice_time);
        self.apply_preferences(family);
    }

    /// Writes into a family what is wished; its schedule counts from its next local date.
    pub(crate) fn apply(&self, family: &mut Family, now: DateTime<Utc>) {
        let timezone = self.timezone.unwrap_or(family.timezone);
        let time = self.time.unwrap_or(family.notice_time);
        family.reschedule(timezone, time, now);
        self.apply_preferences(family);
    }

    fn apply_preferences(&self, family: &mut Family) {
        let preferences = &mut family.preferences;
        if let Some(days) = self.due_within_days {
            preferences.due_within_days = days;
        }
        if let Some(Threshold(threshold)) = self.fines_threshold {
            preferences.fines_threshold = threshold;
        }
        if let Some(delivery) = self.delivery {
            preferences.delivery = delivery.into();
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
    fn a_threshold_is_an_amount_or_never() {
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
