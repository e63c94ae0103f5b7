//! The people who get one notice.

pub mod schedule;
mod unsubscription;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::content_hash::content_hash;
use crate::email_address::EmailAddress;
use crate::ids::FamilyId;
use schedule::ScheduleHistory;
pub use unsubscription::Unsubscription;

/// The people who get one notice, and their preferences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// The slug that a person chose.
    pub id: FamilyId,
    /// The name in mails.
    pub name: String,
    /// The recipients. If empty, nothing is sent and the operator sees why.
    pub recipients: Vec<EmailAddress>,
    /// The timezone of every “day” in the rules; change it with [`Family::reschedule`].
    pub timezone: Tz,
    /// The local time of day from which the day's notice may be sent; change it with
    /// [`Family::reschedule`].
    pub notice_time: NaiveTime,
    /// The preferences.
    pub preferences: Preferences,
    /// Whether its notices are, or were, paused: see [`Family::is_paused_on`]. Change it with
    /// [`Family::pause`] and [`Family::resume`].
    pub paused: bool,
    /// The first paused local date; `None`: not paused.
    #[serde(default)]
    pub paused_since: Option<NaiveDate>,
    /// The first local date with a notice again; `None`: a person resumes them.
    #[serde(default)]
    pub paused_until: Option<NaiveDate>,
    /// When the family was added.
    pub created_at: DateTime<Utc>,
    /// The earlier schedules that still matter.
    #[serde(default)]
    pub history: ScheduleHistory,
    /// The recipients that get no mail until a person allows them again.
    #[serde(default)]
    pub stopped: Vec<StoppedRecipient>,
    /// The recipients that unsubscribed from a kind of mail.
    #[serde(default)]
    pub unsubscribed: Vec<Unsubscription>,
}

/// A recipient whose mail bounced permanently, or who complained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedRecipient {
    /// The address.
    pub address: EmailAddress,
    /// When the mail service reported it.
    pub since: DateTime<Utc>,
    /// Whether it was a complaint.
    pub complained: bool,
}

/// Why a recipient was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// A mail bounced permanently.
    Bounced,
    /// The recipient complained.
    Complained,
    /// The mail service did not send the mail: the address is on its suppression list.
    Suppressed,
}

impl StopReason {
    /// Its name in keys and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Suppressed => "suppressed",
        }
    }
}

impl Family {
    /// The recipients that get mail.
    pub fn reachable_recipients(&self) -> Vec<EmailAddress> {
        let reachable = |address: &&EmailAddress| !self.is_stopped(address);
        self.recipients.iter().filter(reachable).cloned().collect()
    }

    /// The recipients that get no mail.
    pub fn stopped_recipients(&self) -> Vec<EmailAddress> {
        let stopped = |address: &&EmailAddress| self.is_stopped(address);
        self.recipients.iter().filter(stopped).cloned().collect()
    }

    /// Whether both are the same, apart from who is stopped or unsubscribed.
    pub fn has_same_settings(&self, other: &Self) -> bool {
        self.with_settings_of(other) == *self
    }

    /// This family's stopped and unsubscribed recipients, with everything else of `other`.
    #[must_use]
    pub fn with_settings_of(&self, other: &Self) -> Self {
        Self {
            stopped: self.stopped.clone(),
            unsubscribed: self.unsubscribed.clone(),
            ..other.clone()
        }
    }

    /// A hash of everything but who is stopped or unsubscribed: it differs once somebody changed the
    /// settings.
    pub fn content_hash(&self) -> String {
        let family = Self {
            stopped: Vec::new(),
            unsubscribed: Vec::new(),
            ..self.clone()
        };
        content_hash(&family)
    }

    /// Whether this address is stopped.
    pub fn is_stopped(&self, address: &EmailAddress) -> bool {
        let mut stopped = self.stopped.iter();
        stopped.any(|stopped| stopped.address.is_same_mailbox(address))
    }

    /// Stops a recipient; false if it is stopped already or not a recipient.
    pub fn stop_recipient(&mut self, stopped: StoppedRecipient) -> bool {
        let address = &stopped.address;
        let mut recipients = self.recipients.iter();
        let is_recipient = recipients.any(|known| known.is_same_mailbox(address));
        if !is_recipient || self.is_stopped(address) {
            return false;
        }
        self.stopped.push(stopped);
        true
    }

    /// Subscribes to the picture of the day, or changes its time; `None` unsubscribes.
    pub fn set_picture(&mut self, time: Option<NaiveTime>, now: DateTime<Utc>) {
        let since = self
            .preferences
            .picture
            .map_or(now, |picture| picture.since);
        self.preferences.picture = time.map(|time| PictureSubscription { time, since });
    }

    /// Allows a recipient again; false if it was not stopped.
    pub fn allow_recipient(&mut self, address: &EmailAddress) -> bool {
        let before = self.stopped.len();
        self.stopped
            .retain(|stopped| !stopped.address.is_same_mailbox(address));
        self.stopped.len() < before
    }
}

/// A family's preferences for its mails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// A loan due within this many days is to be taken back.
    pub due_within_days: u16,
    /// Fines of this amount or more need attention; `None`: never.
    pub fines_threshold: Option<Decimal>,
    /// When to send a mail even if it is empty.
    pub send_when_empty: SendWhenEmpty,
    /// What to do when it is unknown whether a mail was sent.
    pub delivery: Delivery,
    /// A mail with more than fifteen lines is grouped by person.
    pub by_person: bool,
    /// The picture of the day, if the family wants it; change it with [`Family::set_picture`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureSubscription>,
}

/// Parses the least fines that a mail mentions; `None` if the text isn't an amount.
pub fn parse_fines_threshold(text: &str) -> Option<Decimal> {
    let amount = text.trim().parse::<Decimal>().ok()?;
    let is_amount = !amount.is_sign_negative() && amount.normalize().scale() <= 2;
    is_amount.then_some(amount)
}

/// A family's subscription to the picture of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureSubscription {
    /// The local time of day from which the day's picture may be sent.
    pub time: NaiveTime,
    /// Since when the family wants it; no picture was due before.
    pub since: DateTime<Utc>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            due_within_days: 3,
            fines_threshold: Some(Decimal::new(5_00, 2)),
            send_when_empty: SendWhenEmpty::Never,
            delivery: Delivery::AtMostOnce,
            by_person: false,
            picture: None,
        }
    }
}

/// When to send a mail even if it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendWhenEmpty {
    /// Never: only send when there is something to say.
    #[default]
    Never,
    /// Every day.
    Daily,
    /// On this day of the week.
    Weekly(Weekday),
}

/// What to do when it is unknown whether a mail was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Rather no mail than two; the default.
    #[default]
    AtMostOnce,
    /// Rather two mails than none.
    AtLeastOnce,
}

impl Delivery {
    /// Every policy.
    pub const ALL: [Self; 2] = [Self::AtMostOnce, Self::AtLeastOnce];

    /// The name in options and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
        }
    }
}
