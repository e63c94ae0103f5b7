//! The people who get one notice.

pub mod schedule;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::FamilyId;
use crate::mail::mime;
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

/// A mail address whose form is sound.
///
/// Neither its `Debug` nor any error shows it; `Display` and `as_str` do, for mails and tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// No mail address that we can send to. The message does not repeat it: errors go to logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmailAddress {
    /// It is no address.
    #[error("The email address is malformed. Write it like name@example.org.")]
    Malformed,
    /// It would need an extension of SMTP (SMTPUTF8) that mail services do not offer.
    #[error(
        "We can't send to an address with letters outside ASCII before the @. Use another address \
         of that person."
    )]
    NotSendable,
}

impl EmailAddress {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two reach the same person. Servers ignore case.
    pub fn reaches_the_same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        // The mail crate's own rules: what it would refuse when sending is refused here.
        let address = text
            .parse::<lettre::Address>()
            .map(|address| Self(address.to_string()))
            .map_err(|_| InvalidEmailAddress::Malformed)?;
        match mime::wire_form(&address) {
            Some(_) => Ok(address),
            None => Err(InvalidEmailAddress::NotSendable),
        }
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmailAddress;

    fn try_from(text: String) -> Result<Self, InvalidEmailAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("")]
    #[case("nobody")]
    #[case("a@b@c")]
    #[case("a@example.org\r\nBcc: x@example.org")]
    #[case("a b@example.org")]
    fn a_malformed_address_is_refused_and_not_repeated(#[case] text: &str) {
        let error = text.parse::<EmailAddress>().unwrap_err();
        assert!(!error.to_string().contains("Bcc"));
    }

    #[rstest]
    #[case("jürgen@example.org", false)]
    #[case("“pat”@example.org", false)]
    #[case("pat@bücher.example", true)]
    #[case("pat+hippo@example.org", true)]
    fn address_that_no_mail_service_takes_is_refused(
        #[case] text: &str,
        #[case] is_sendable: bool,
    ) {
        let parsed = text.parse::<EmailAddress>();
        assert_eq!(parsed.is_ok(), is_sendable, "{text}");
    }

    #[test]
    fn debug_does_not_show_an_address() {
        let address: EmailAddress = "pat@example.org".parse().unwrap();
        assert!(!format!("{address:?}").contains("pat"));
    }
}
