//! One recipient of a mail, and how far the mail got with it.

use serde::{Deserialize, Serialize};

use crate::email_address::EmailAddress;

/// One recipient of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MailRecipient {
    /// Which of the family's recipients it was when the mail was first sent, from 1.
    pub number: usize,
    /// The address; `None` once nothing more is to be sent to it (`OutboxRecord::without_addresses`).
    #[serde(default)]
    pub address: Option<EmailAddress>,
    /// How far the mail got with it.
    pub state: RecipientState,
    /// The last claim whose mail was for it; 0 before the first.
    pub fence: u64,
    /// Why the mail server refused it, without the address.
    pub reason: Option<String>,
    /// It was in a mail of which nobody knows whether it left, and waits for another.
    #[serde(default)]
    pub in_doubt: bool,
}

/// How far a mail got with one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    /// Not in any mail that may have left.
    Pending,
    /// In the mail that may just be leaving.
    Sending,
    /// The mail service took its mail.
    Accepted,
    /// Refused for good, or for too long.
    Refused,
    /// The mail may have been sent; nobody can know.
    Unknown,
}

impl MailRecipient {
    /// It gets no other mail: refused, unless it may have one.
    pub(super) fn give_up(&mut self) {
        self.state = if self.in_doubt {
            RecipientState::Unknown
        } else {
            RecipientState::Refused
        };
    }
}
