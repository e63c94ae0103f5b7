//! Cards that share a login.

use secrecy::ExposeSecret;

use crate::card::{CardRecord, CardSecret, normalize_card_number};
use crate::seal::Sealed;

/// Cards that share a number and PIN, each with its envelope; one login checks them all.
pub(super) struct LoginGroup {
    pub(super) secret: CardSecret,
    pub(super) cards: Vec<(CardRecord, Sealed)>,
}

impl LoginGroup {
    /// Whether the group's cards have this number and PIN. Separators in a number don't count.
    pub(super) fn has_secret(&self, secret: &CardSecret) -> bool {
        let number = |secret: &CardSecret| normalize_card_number(&secret.number);
        number(&self.secret).expose_secret() == number(secret).expose_secret()
            && self.secret.pin.expose_secret() == secret.pin.expose_secret()
    }
}
