//! What a message needs from outside, and what becomes of it.

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::email_address::EmailAddress;
use crate::mail::Mailer;
use crate::notice::render::RenderError;
use crate::public_url::PublicUrl;
use crate::sign_in::NoRandomness;
use crate::store::{
    AlertStore, CardStore, FamilyStore, InvitationStore, LibraryStore, SignInStore, StoreError,
};

/// What the messages need from outside.
#[derive(Clone, Copy)]
pub struct MessagePorts<'a> {
    /// The attempts to sign in.
    pub sign_ins: &'a dyn SignInStore,
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// The cards.
    pub cards: &'a dyn CardStore,
    /// The libraries.
    pub libraries: &'a dyn LibraryStore,
    /// The invitations.
    pub invitations: &'a dyn InvitationStore,
    /// The alerts.
    pub alerts: &'a dyn AlertStore,
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The addresses that sign in as the operator.
    pub operators: &'a [EmailAddress],
    /// Where the pages are.
    pub public_url: &'a PublicUrl,
    /// The contact for questions: a mail address or a few words.
    pub operator_contact: Option<&'a str>,
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness for the tokens.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The template failed, which is a bug.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The mail service didn't take it; the reason has no address.
    #[error("{0}")]
    NotSent(String),
    /// The mail service didn't take it now, or the store failed, and another try is useful until this time; the
    /// reason has no address.
    #[error("{reason}")]
    TryAgain {
        /// The reason.
        reason: String,
        /// When the last useful try begins.
        until: DateTime<Utc>,
    },
    /// The mail service refuses it for good; the reason has no address.
    #[error("{0}")]
    Refused(String),
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageOutcome {
    /// The message was sent.
    Sent,
    /// Nobody with this address may have it.
    UnknownAddress,
    /// What it was for is over, or it was sent already.
    TooLate,
    /// Too many were sent today. The operator is told.
    TooMany,
    /// The mail service refuses the address, so another try is useless.
    Refused,
    /// The mail service may have it, so it isn't sent again.
    InDoubt,
}
