//! The people who get one notice.

pub mod schedule;

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::email_address::EmailAddress;
use crate::ids::FamilyId;
use schedule::ScheduleHistory;

/// The people who get one notice, and how they want it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// The slug that a person chose.
    pub id: FamilyId,
    /// What the mail calls them.
    pub name: String,
    /// Who gets the mail; may be empty, then nothing is sent and the operator sees why.
    pub recipients: Vec<EmailAddress>,
    /// Every rule that says “day” means a day in this zone; to change it, see
    /// [`Family::reschedule`].
    pub timezone: Tz,
    /// The local time of day from which the day's notice may be sent; changed likewise.
    pub notice_time: NaiveTime,
    /// What to tell and when.
    pub preferences: Preferences,
    /// While true, no notice is planned; to change it, see [`Family::set_paused`].
    pub paused: bool,
    /// When the family was added.
    pub created_at: DateTime<Utc>,
    /// The schedules before this one, as far as they still matter.
    #[serde(default)]
    pub history: ScheduleHistory,
    /// The recipients that get nothing until a person allows it again.
    #[serde(default)]
    pub stopped: Vec<StoppedRecipient>,
}

/// A recipient whose mail bounced permanently, or who complained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedRecipient {
    /// Who.
    pub address: EmailAddress,
    /// When the mail service said so.
    pub since: DateTime<Utc>,
    /// It was a complaint.
    pub complained: bool,
}

/// Why nothing more is sent to a recipient.
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

    /// Whether nothing is sent to this address.
    pub fn is_stopped(&self, address: &EmailAddress) -> bool {
        let mut stopped = self.stopped.iter();
        stopped.any(|stopped| stopped.address.reaches_the_same_as(address))
    }

    /// Sends nothing more to one of the recipients; false if that is so already, or it is none.
    pub fn stop_recipient(&mut self, stopped: StoppedRecipient) -> bool {
        let address = &stopped.address;
        let mut recipients = self.recipients.iter();
        let is_recipient = recipients.any(|known| known.reaches_the_same_as(address));
        if !is_recipient || self.is_stopped(address) {
            return false;
        }
        self.stopped.push(stopped);
        true
    }

    /// Sends to a recipient again; false if nothing was stopped.
    pub fn allow_recipient(&mut self, address: &EmailAddress) -> bool {
        let before = self.stopped.len();
        self.stopped
            .retain(|stopped| !stopped.address.reaches_the_same_as(address));
        self.stopped.len() < before
    }
}

/// What a family wants in its notice, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// A loan due within this many days is to be taken back.
    pub due_within_days: u16,
    /// Fines of this much or more want attention; `None`: never.
    pub fines_threshold: Option<Decimal>,
    /// Whether to write although there is nothing to say.
    pub send_when_empty: SendWhenEmpty,
    /// What to do when nobody can know whether a mail left.
    pub delivery: Delivery,
    /// A mail with more than fifteen lines is grouped by person.
    pub by_person: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            due_within_days: 3,
            fines_threshold: Some(Decimal::new(5_00, 2)),
            send_when_empty: SendWhenEmpty::Never,
            delivery: Delivery::AtMostOnce,
            by_person: false,
        }
    }
}

/// Whether to write although there is nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendWhenEmpty {
    /// Only when there is something to say.
    #[default]
    Never,
    /// Every day.
    Daily,
    /// On this day of the week.
    Weekly(Weekday),
}

/// What to do when nobody can know whether a mail left.
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
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AtMostOnce, Self::AtLeastOnce];

    /// The name in options and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
        }
    }
}
