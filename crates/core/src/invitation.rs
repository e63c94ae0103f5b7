//! Invitations to a family's emails: an address gets a link, and its owner confirms.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::ids::FamilyId;
use crate::sign_in::{PersonId, Token, TokenHash};

/// How long an invitation can be accepted.
pub const INVITATION_LIFETIME: TimeDelta = TimeDelta::days(7);

/// The page that a link in an invitation opens.
pub const INVITATION_PAGE: &str = "/invitation";

/// An invitation of one address to one family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The family.
    pub family: FamilyId,
    /// Its id.
    pub id: InvitationId,
    /// Increases with every write; a write replaces only the revision that was read.
    pub revision: u64,
    /// The invited address.
    pub address: EmailAddress,
    /// Who invited it.
    pub invited_by: PersonId,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// The hash of its link's token; `None`: the email wasn't sent yet.
    pub token_hash: Option<TokenHash>,
}

impl Invitation {
    /// Invites an address.
    pub fn new(
        family: FamilyId,
        address: EmailAddress,
        invited_by: PersonId,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: InvitationId::generate(&family, &address),
            family,
            revision: 0,
            address,
            invited_by,
            created_at: now,
            expires_at: now + INVITATION_LIFETIME,
            token_hash: None,
        }
    }

    /// The invitation with the token of its link; `None` if it has expired.
    ///
    /// Call it again to resend an email that may not have gone out; the new token replaces the old.
    pub fn with_token(&self, token: &Token, now: DateTime<Utc>) -> Option<Self> {
        self.is_open(now).then(|| Self {
            revision: self.revision + 1,
            token_hash: Some(token.hash()),
            ..self.clone()
        })
    }

    /// Whether this link accepts it.
    pub fn is_accepted_by(&self, link: &InvitationLink, now: DateTime<Utc>) -> bool {
        self.is_open(now)
            && self.id == link.id
            && self.family == link.family
            && self.token_hash.as_ref() == Some(&link.token.hash())
    }

    /// Whether the person who invited is still a recipient of the family.
    pub fn is_inviter_still_recipient(&self, family: &Family) -> bool {
        let mut recipients = family.recipients.iter();
        recipients.any(|address| PersonId::from_address(address) == self.invited_by)
    }

    /// Whether it hasn't expired.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at
    }
}

/// The id of an invitation, which isn't a secret. An address that is invited again gets another one, so that a link or
/// form of the first never acts on the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvitationId {
    /// A hash of the family and the address: each address has one open invitation to a family.
    pub address_hash: Uuid,
    /// Random: which of its invitations it is.
    pub nonce: Uuid,
}

impl InvitationId {
    fn generate(family: &FamilyId, address: &EmailAddress) -> Self {
        let person = PersonId::from_address(address);
        let hash = Sha256::digest(format!("invitation\0{family}\0{person}"));
        let mut bytes = [0; 16];
        for (byte, hashed) in bytes.iter_mut().zip(hash) {
            *byte = hashed;
        }
        Self {
            address_hash: uuid::Builder::from_custom_bytes(bytes).into_uuid(),
            nonce: Uuid::new_v4(),
        }
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.address_hash.simple(), self.nonce.simple())
    }
}

/// The text isn't an invitation's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("That isn't the id of an invitation.")]
pub struct InvalidInvitationId;

impl FromStr for InvitationId {
    type Err = InvalidInvitationId;

    fn from_str(text: &str) -> Result<Self, InvalidInvitationId> {
        let (address_hash, nonce) = text.split_once('-').ok_or(InvalidInvitationId)?;
        let parse = |text| Uuid::try_parse(text).map_err(|_| InvalidInvitationId);
        Ok(Self {
            address_hash: parse(address_hash)?,
            nonce: parse(nonce)?,
        })
    }
}

impl TryFrom<String> for InvitationId {
    type Error = InvalidInvitationId;

    fn try_from(text: String) -> Result<Self, InvalidInvitationId> {
        text.parse()
    }
}

impl From<InvitationId> for String {
    fn from(id: InvitationId) -> Self {
        id.to_string()
    }
}

/// What an invitation's link holds.
pub struct InvitationLink {
    /// The family.
    pub family: FamilyId,
    /// The invitation.
    pub id: InvitationId,
    /// Its secret.
    pub token: Token,
}

impl InvitationLink {
    /// The text in the link: a secret.
    pub fn to_secret_text(&self) -> String {
        let token = self.token.to_secret_text();
        format!("{}.{}.{token}", self.family, self.id)
    }

    /// Parses the text of a link.
    pub fn from_secret_text(text: &str) -> Option<Self> {
        let (family, rest) = text.split_once('.')?;
        let (id, token) = rest.split_once('.')?;
        Some(Self {
            family: family.parse().ok()?,
            id: id.parse().ok()?,
            token: Token::from_secret_text(token)?,
        })
    }
}

impl fmt::Debug for InvitationLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationLink(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn invitation() -> Invitation {
        let address: EmailAddress = "new@example.org".parse().unwrap();
        let by = PersonId::from_address(&"pat@example.org".parse().unwrap());
        Invitation::new("conrad".parse().unwrap(), address, by, now())
    }

    #[test]
    fn link_accepts_its_own_invitation_for_seven_days() {
        let token = Token::generate().unwrap();
        let granted = invitation().with_token(&token, now()).unwrap();
        let link = InvitationLink {
            family: granted.family.clone(),
            id: granted.id,
            token,
        };
        let text = link.to_secret_text();
        let link = InvitationLink::from_secret_text(&text).unwrap();
        let last = now() + INVITATION_LIFETIME - TimeDelta::seconds(1);
        assert!(granted.is_accepted_by(&link, last));
        assert!(!granted.is_accepted_by(&link, now() + INVITATION_LIFETIME));
        let other = Token::generate().unwrap();
        let again = granted.with_token(&other, now()).unwrap();
        assert!(
            !again.is_accepted_by(&link, now()),
            "a later link replaces it"
        );
        assert!(
            granted
                .with_token(&other, now() + INVITATION_LIFETIME)
                .is_none()
        );
        let foreign = Invitation {
            family: "lee".parse().unwrap(),
            ..granted.clone()
        };
        assert!(!foreign.is_accepted_by(&link, now()));
        let later = Invitation {
            id: invitation().id,
            ..granted.clone()
        };
        assert_eq!(later.id.address_hash, granted.id.address_hash);
        assert!(!later.is_accepted_by(&link, now()));
        assert!(!invitation().is_accepted_by(&link, now()), "not mailed yet");
        let shown = format!("{link:?} {granted:?}");
        assert!(!shown.contains(&text[text.len() - 64..]) && !shown.contains('@'));
    }

    #[test]
    fn other_texts_are_not_links() {
        for text in [
            "",
            ".",
            "conrad",
            "conrad.1.2",
            "../x.1.2",
            "conrad..",
            "a.b.c.d",
        ] {
            assert!(InvitationLink::from_secret_text(text).is_none(), "{text}");
        }
    }
}
