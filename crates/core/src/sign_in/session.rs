//! A signed-in browser.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::grant::{Grant, PersonId};
use super::token::{Token, TokenHash};
use crate::ids::FamilyId;

/// How long a session of a family lasts.
pub const SESSION_LIFETIME: TimeDelta = TimeDelta::days(30);

/// How long a session of the operator lasts.
pub const OPERATOR_SESSION_LIFETIME: TimeDelta = TimeDelta::days(1);

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// With the link or the code of an attempt.
    Attempt,
    /// With an identity that is linked to the person.
    Identity,
}

/// A signed-in browser. It holds the token; we hold the token's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The hash of its token.
    pub hash: TokenHash,
    /// Who signed in.
    pub person: PersonId,
    /// The families whose recipient the person was.
    pub families: Vec<FamilyId>,
    /// The family that the pages show; `None`: the person hasn't chosen yet.
    pub family: Option<FamilyId>,
    /// Whether it may do what the operator may.
    pub is_operator: bool,
    /// How the person signed in.
    pub method: SignInMethod,
    /// When it began.
    pub signed_in_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl Session {
    /// Begins the session of somebody who signed in.
    pub fn begin(token: &Token, grant: Grant, method: SignInMethod, now: DateTime<Utc>) -> Self {
        let lifetime = match grant.is_operator {
            true => OPERATOR_SESSION_LIFETIME,
            false => SESSION_LIFETIME,
        };
        let family = match grant.families.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        Self {
            hash: token.hash(),
            person: grant.person,
            families: grant.families,
            family,
            is_operator: grant.is_operator,
            method,
            signed_in_at: now,
            expires_at: now + lifetime,
        }
    }

    /// Whether it goes on at `now`.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at
    }

    /// The same session with this family; `None` if the person isn't one of its recipients.
    pub fn with_family(&self, family: &FamilyId) -> Option<Self> {
        self.families.contains(family).then(|| Self {
            family: Some(family.clone()),
            ..self.clone()
        })
    }
}
