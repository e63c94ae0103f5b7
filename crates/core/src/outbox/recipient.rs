//! One recipient of a mail, and how far the mail got with it.

use serde::{Deserialize, Serialize};

use crate::email_address::EmailAddress;

/// One recipient of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MailRecipient {
    /// Its number among the family's recipients when the mail was first sent, from 1.
    pub number: usize,
    /// The address; `None` once nothing more is to be sent to it
    /// (`OutboxRecord::without_addresses`).
    #[serde(default)]
    pub address: Option<EmailAddress>,
    /// How far the mail got with it.
    pub state: RecipientState,
    /// The fence of the last claim that sent to it; 0 before the first.
    pub fence: u64,
    /// Why the mail server refused it, without the address.
    pub reason: Option<String>,
    /// An earlier mail to it may have been sent.
    #[serde(default)]
    pub in_doubt: bool,
}

/// How far a mail got with one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientState {
    /// Waiting for the next mail.
    Pending,
    /// In the mail that is being sent.
    Sending,
    /// The mail service accepted its mail.
    Accepted,
    /// Refused permanently, or temporarily for too long.
    Refused,
    /// The email may have been sent; its outcome is unknown.
    Unknown,
}

impl MailRecipient {
    /// Gives it up: UNKNOWN if an earlier mail may have been sent, else REFUSED.
    pub(super) fn give_up(&mut self) {
        self.state = if self.in_doubt {
            RecipientState::Unknown
        } else {
            RecipientState::Refused
        };
    }
}
