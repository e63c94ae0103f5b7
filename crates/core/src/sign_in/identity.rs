//! A person's identity at an identity provider, and its link to the person that we know.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::grant::PersonId;
use super::token::{Token, TokenHash};

/// How long a new identity may be linked.
pub const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(30);

/// Who somebody is at an identity provider. An email address isn't part of it: not every provider
/// verifies those.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's issuer.
    pub issuer: String,
    /// The provider's own id of the person, which never changes.
    pub subject: String,
}

impl Identity {
    /// Its id.
    pub fn id(&self) -> IdentityId {
        let parts = [self.issuer.as_bytes(), self.subject.as_bytes()];
        IdentityId(TokenHash::from_parts("identity", &parts).to_string())
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// A hash of issuer and subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentityId(String);

impl IdentityId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of a stored text.
    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// What an identity is linked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityLink {
    /// The identity.
    pub identity: IdentityId,
    /// How far the link got.
    pub state: LinkState,
}

/// How far a link got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Somebody showed the identity, and is to sign in by email in the same browser.
    Waiting {
        /// The hash of that browser's token.
        browser: TokenHash,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// It signs this person in.
    Linked {
        /// The person.
        person: PersonId,
        /// Since when.
        since: DateTime<Utc>,
    },
}

impl IdentityLink {
    /// Begins a link: the browser with this token is to sign in by email.
    pub fn begin(identity: IdentityId, browser: &Token, now: DateTime<Utc>) -> Self {
        Self {
            identity,
            state: LinkState::Waiting {
                browser: browser.hash(),
                until: now + LINK_LIFETIME,
            },
        }
    }

    /// Links it to a person who signed in by email in the browser with this token; `None` if it doesn't
    /// wait for that.
    pub fn link(&self, browser: &Token, person: &PersonId, now: DateTime<Utc>) -> Option<Self> {
        let LinkState::Waiting {
            browser: expected,
            until,
        } = &self.state
        else {
            return None;
        };
        (*expected == browser.hash() && now < *until).then(|| Self {
            identity: self.identity.clone(),
            state: LinkState::Linked {
                person: person.clone(),
                since: now,
            },
        })
    }

    /// The person whom it signs in.
    pub fn person(&self) -> Option<&PersonId> {
        match &self.state {
            LinkState::Linked { person, .. } => Some(person),
            LinkState::Waiting { .. } => None,
        }
    }

    /// Until when it waits; `None`: it is linked.
    pub fn pending_until(&self) -> Option<DateTime<Utc>> {
        match &self.state {
            LinkState::Waiting { until, .. } => Some(*until),
            LinkState::Linked { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn identity(issuer: &str, subject: &str) -> Identity {
        Identity {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        }
    }

    #[test]
    fn identity_is_of_one_issuer_and_subject() {
        let id = identity("https://a.example", "1").id();
        assert_eq!(identity("https://a.example", "1").id(), id);
        assert_ne!(identity("https://b.example", "1").id(), id);
        assert_ne!(identity("https://a.example1", "").id(), id);
        assert_eq!(format!("{:?}", identity("a", "b")), "Identity(…)");
    }

    #[test]
    fn link_needs_the_same_browser_in_time_and_happens_once() {
        let (browser, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        let person = PersonId::from_address(&"pat@example.org".parse().unwrap());
        let id = identity("https://a.example", "1").id();
        let waiting = IdentityLink::begin(id, &browser, now());
        assert_eq!(waiting.person(), None);
        assert_eq!(waiting.link(&other, &person, now()), None);
        assert_eq!(waiting.link(&browser, &person, now() + LINK_LIFETIME), None);
        let linked = waiting.link(&browser, &person, now()).unwrap();
        assert_eq!(linked.person(), Some(&person));
        assert_eq!(linked.link(&browser, &person, now()), None);
    }
}
