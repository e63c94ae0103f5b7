//! A pause of a card's checks.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::clock::{local_date, start_of_day};
use crate::family::schedule::MAX_PAUSE;

/// A pause of a card's checks, which can have an end.
///
/// The stores keep it after its end, until the next check of the card.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardPause {
    /// The first local date with checks again; `None`: a person resumes them.
    pub until: Option<NaiveDate>,
    /// The time zone in which that date begins: the family's, when the card was paused.
    pub timezone: Tz,
    /// Why.
    pub why: Option<String>,
}

/// The end of a pause isn't after today and within two years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The pause must end after today and within two years.")]
pub struct InvalidPauseEnd;

impl CardPause {
    /// Makes a pause that begins now; `timezone` is the family's.
    pub fn new(
        until: Option<NaiveDate>,
        why: Option<String>,
        timezone: Tz,
        now: DateTime<Utc>,
    ) -> Result<Self, InvalidPauseEnd> {
        let today = local_date(now, timezone);
        if until.is_some_and(|until| until <= today || until - today > MAX_PAUSE) {
            return Err(InvalidPauseEnd);
        }
        Ok(Self {
            until,
            timezone,
            why,
        })
    }

    /// When it ends; `None`: when a person resumes the checks.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.until.map(|until| start_of_day(until, self.timezone))
    }

    /// Whether it has not ended at `now`.
    pub fn includes(&self, now: DateTime<Utc>) -> bool {
        self.ends_at().is_none_or(|end| now < end)
    }
}

// Why is a person's words, which belong in no log.
impl fmt::Debug for CardPause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardPause")
            .field("until", &self.until)
            .field("timezone", &self.timezone)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::today("2026-12-30", false)]
    #[case::tomorrow("2026-12-31", true)]
    #[case::after_two_years("2028-12-30", true)]
    #[case::later("2028-12-31", false)]
    fn pause_ends_after_today_and_within_two_years(
        #[case] until: NaiveDate,
        #[case] is_valid: bool,
    ) {
        // In UTC, the 31st has begun.
        let now = "2026-12-31T04:00:00Z".parse().unwrap();
        let pause = CardPause::new(Some(until), None, chrono_tz::America::Toronto, now);
        assert_eq!(pause.is_ok(), is_valid);
    }

    #[rstest]
    #[case::a_moment_before("2027-01-03T04:59:59Z", true)]
    #[case::at_local_midnight("2027-01-03T05:00:00Z", false)]
    fn pause_ends_when_its_local_date_begins(#[case] now: DateTime<Utc>, #[case] is_paused: bool) {
        let pause = CardPause {
            until: NaiveDate::from_ymd_opt(2027, 1, 3),
            timezone: chrono_tz::America::Toronto,
            why: Some("lost-canary".to_owned()),
        };
        assert_eq!(pause.includes(now), is_paused);
        assert!(!format!("{pause:?}").contains("canary"));
        let open = CardPause {
            until: None,
            ..pause
        };
        assert!(open.includes(now));
    }
}
