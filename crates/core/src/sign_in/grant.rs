//! Who signs in, and what that person may do.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::token::TokenHash;
use crate::email_address::EmailAddress;
use crate::ids::FamilyId;

/// A person who signs in: a hash of the address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(String);

impl PersonId {
    /// The person of this address; case doesn't matter.
    pub fn from_address(address: &EmailAddress) -> Self {
        let address = address.as_str().to_ascii_lowercase();
        Self(TokenHash::from_parts("person", &[address.as_bytes()]).to_string())
    }

    /// The operator who opened the link that the program itself showed.
    pub fn console() -> Self {
        Self("console".to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a person may do after signing in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who it is.
    pub person: PersonId,
    /// The families whose recipient the person is.
    pub families: Vec<FamilyId>,
    /// Whether the person is the operator.
    pub is_operator: bool,
}
