//! The kinds of messages.

/// A kind of message: a mail outside the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// The link and the code that sign somebody in.
    SignIn,
    /// Says that somebody added a card.
    CardAdded,
    /// Says that somebody changed a card's PIN.
    PinChanged,
    /// Says that an account elsewhere can sign somebody in from now on.
    IdentityLinked,
    /// Invites somebody to a family's emails.
    Invitation,
    /// Says that somebody no longer gets a family's emails.
    Removal,
    /// Tells the operator of a problem.
    Alert,
    /// Tests sending.
    Test,
}

impl MessageKind {
    /// The name in a file's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::CardAdded => "card-added",
            Self::PinChanged => "pin-changed",
            Self::IdentityLinked => "account-linked",
            Self::Invitation => "invitation",
            Self::Removal => "removal",
            Self::Alert => "alert",
            Self::Test => "test",
        }
    }
}
