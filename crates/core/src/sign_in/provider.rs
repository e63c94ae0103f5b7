//! Asking an identity provider who somebody is, behind traits.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use url::Url;

use super::identity::Identity;
use super::token::Token;

/// How long a person may take at the provider.
pub const REQUEST_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// Why a provider didn't say who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// It can't be reached, or doesn't work. The reason has no token, code or secret.
    #[error("The identity provider doesn't work: {0}")]
    Unavailable(String),
    /// It refused the code, or its answer isn't for us.
    #[error("The identity provider's answer isn't valid: {0}")]
    Refused(String),
}

/// One request to a provider. All of it is derived from a token in the browser's cookie, so nothing of
/// it is stored, and no other browser can use it.
#[derive(Clone)]
pub struct IdentityRequest {
    /// What the provider's redirect must repeat.
    pub state: String,
    /// What the provider's token must repeat.
    pub nonce: String,
    /// The verifier of the code (PKCE).
    pub verifier: String,
    /// Where the provider sends the browser back to.
    pub redirect_url: String,
}

impl IdentityRequest {
    /// Derives the request that began at this time.
    pub fn derive(token: &Token, began_at: DateTime<Utc>, redirect_url: String) -> Self {
        let derive = |what: &str| token.derive_text(&format!("{what} {}", began_at.timestamp()));
        Self {
            state: derive("identity state"),
            nonce: derive("identity nonce"),
            verifier: derive("identity verifier"),
            redirect_url,
        }
    }
}

impl std::fmt::Debug for IdentityRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityRequest(…)")
    }
}

/// What a provider's redirect says.
#[derive(Clone, Copy)]
pub struct IdentityAnswer<'a> {
    /// The code to exchange.
    pub code: &'a str,
    /// The issuer, if the redirect names it.
    pub issuer: Option<&'a str>,
}

/// An identity provider.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// What people call it: `Google`.
    fn name(&self) -> &str;

    /// The provider's page that asks who somebody is.
    async fn sign_in_url(
        &self,
        request: &IdentityRequest,
        now: DateTime<Utc>,
    ) -> Result<Url, IdentityError>;

    /// Exchanges a code for the identity of the person who signed in there.
    async fn identify(
        &self,
        answer: &IdentityAnswer<'_>,
        request: &IdentityRequest,
        now: DateTime<Utc>,
    ) -> Result<Identity, IdentityError>;
}

/// Reads our secret at a provider, when a code is exchanged.
#[async_trait]
pub trait ClientSecretSource: Send + Sync {
    /// Reads the secret. An error never has it.
    async fn client_secret(&self) -> Result<SecretString, IdentityError>;
}
