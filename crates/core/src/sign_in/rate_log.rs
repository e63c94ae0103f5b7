//! How often an address, a network or a family may do something, and how often it did.

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::grant::PersonId;
use super::provider::{IdentityRequest, REQUEST_LIFETIME};
use super::token::TokenHash;
use crate::card::Fingerprint;
use crate::clock::is_in_future;
use crate::ids::{CardId, FamilyId};
use crate::run::JobName;

/// At most this many in this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The most.
    pub count: usize,
    /// The time.
    pub within: TimeDelta,
}

/// The limits of one address.
pub const ADDRESS_LIMITS: [RateLimit; 2] = [
    RateLimit {
        count: 3,
        within: TimeDelta::hours(1),
    },
    RateLimit {
        count: 10,
        within: TimeDelta::days(1),
    },
];

/// The limits of one client network.
pub const NETWORK_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 10,
    within: TimeDelta::hours(1),
}];

/// How often a card's PIN may be set, so that nobody guesses it or locks the card.
pub const PIN_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 3,
    within: TimeDelta::days(1),
}];

/// How often a person may have a card checked.
pub const CHECK_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 1,
    within: TimeDelta::hours(1),
}];

/// How often a family may try card numbers: it could guess whose they are.
pub const NUMBER_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 20,
    within: TimeDelta::days(1),
}];

/// How many people a family may invite.
pub const INVITATION_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 10,
    within: TimeDelta::days(1),
}];

/// How often an address is invited, by all families together: whoever ignores an invitation is left alone.
pub const INVITED_LIMITS: [RateLimit; 2] = [
    RateLimit {
        count: 1,
        within: TimeDelta::days(1),
    },
    RateLimit {
        count: 3,
        within: TimeDelta::days(30),
    },
];

/// How often the answer to one request to an identity provider may be used, while it's valid.
pub const REQUEST_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 1,
    within: REQUEST_LIFETIME,
}];

/// How many answers of an identity provider a client network may bring.
pub const IDENTITY_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 30,
    within: TimeDelta::hours(1),
}];

/// The limits of all requests together.
pub const TOTAL_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 100,
    within: TimeDelta::days(1),
}];

/// The limit of starting the same run from the console, so that two clicks are one run.
pub const START_LIMITS: [RateLimit; 1] = [RateLimit {
    count: 1,
    within: TimeDelta::minutes(1),
}];

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RateKey(String);

impl RateKey {
    /// The requests for one person's address.
    pub fn address(person: &PersonId) -> Self {
        Self(format!("address#{person}"))
    }

    /// The requests of one network.
    pub fn network(network: IpAddr) -> Self {
        Self(format!("network#{network}"))
    }

    /// The starts of a job with one input from the console.
    pub fn start(job: JobName, input: &str) -> Self {
        let parts = [job.as_str().as_bytes(), input.as_bytes()];
        Self(format!("start#{}", TokenHash::from_parts("start", &parts)))
    }

    /// The PINs that are set for a number, in whichever family and however often it's added.
    pub fn pin(fingerprint: &Fingerprint) -> Self {
        Self(format!("pin#{}", fingerprint.0))
    }

    /// The checks of a card that people start.
    pub fn check(card: CardId) -> Self {
        Self(format!("check#{card}"))
    }

    /// The numbers that a family types.
    pub fn numbers(family: &FamilyId) -> Self {
        Self(format!("numbers#{family}"))
    }

    /// The people whom a family invites.
    pub fn invitations(family: &FamilyId) -> Self {
        Self(format!("invitations#{family}"))
    }

    /// The invitations of one address.
    pub fn invited(person: &PersonId) -> Self {
        Self(format!("invited#{person}"))
    }

    /// The answers to one request to an identity provider.
    pub fn identity_request(request: &IdentityRequest) -> Self {
        let parts = [request.state.as_bytes()];
        let hash = TokenHash::from_parts("identity request", &parts);
        Self(format!("identity-request#{hash}"))
    }

    /// The answers of an identity provider that one network brings.
    pub fn identity_network(network: IpAddr) -> Self {
        Self(format!("identity-network#{network}"))
    }

    /// All requests.
    pub fn total() -> Self {
        Self("total".to_owned())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// When something happened lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLog {
    /// What is counted.
    pub key: RateKey,
    /// The times that still matter, oldest first.
    pub times: Vec<DateTime<Utc>>,
    /// From when on none of them matters.
    pub expires_at: DateTime<Utc>,
}

impl RateLog {
    /// The log with one more time, and without those that no longer matter; `None` if a limit is
    /// reached.
    pub(super) fn with_time(
        key: &RateKey,
        before: Option<&Self>,
        limits: &[RateLimit],
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let longest = limits.iter().map(|limit| limit.within).max()?;
        let times = before.map_or(&[][..], |log| &log.times);
        // A time that a wrong clock wrote doesn't count.
        let counts =
            |time: &&DateTime<Utc>, within| now - **time < within && !is_in_future(**time, now);
        let is_reached = |limit: &RateLimit| {
            times
                .iter()
                .filter(|time| counts(time, limit.within))
                .count()
                >= limit.count
        };
        if limits.iter().any(is_reached) {
            return None;
        }
        let mut times: Vec<_> = times
            .iter()
            .filter(|time| counts(time, longest))
            .copied()
            .collect();
        times.push(now);
        Some(Self {
            key: key.clone(),
            times,
            expires_at: now + longest,
        })
    }
}
