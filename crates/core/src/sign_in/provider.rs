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
    /// The person didn't sign in there, or cancelled. The reason is one of the standard's codes.
    #[error("The person didn't sign in at the identity provider: {0}")]
    NotSignedIn(&'static str),
}

/// The errors of a redirect for which the person is the reason (RFC 6749, section 4.1.2.1, and OpenID
/// Connect Core, section 3.1.2.6).
const PERSON_ERRORS: [&str; 5] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "login_required",
];

/// The errors of a redirect for which the provider, or our registration there, is the reason.
const PROVIDER_ERRORS: [&str; 7] = [
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unmet_authentication_requirements",
    "unsupported_response_type",
];

impl IdentityError {
    /// The error that a provider's redirect names. A text that is none of the standard's codes is dropped, as
    /// it may hold anything.
    pub fn from_redirect(error: &str) -> Self {
        let find = |known: &[&'static str]| known.iter().copied().find(|code| *code == error);
        if let Some(code) = find(&PERSON_ERRORS) {
            return Self::NotSignedIn(code);
        }
        let code = find(&PROVIDER_ERRORS).unwrap_or("an error that we don't know");
        Self::Unavailable(format!("it answered with {code}"))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("access_denied", "at the identity provider: access_denied")]
    #[case("login_required", "at the identity provider: login_required")]
    #[case("server_error", "doesn't work: it answered with server_error")]
    #[case("Server_error", "with an error that we don't know")]
    #[case("pat@example.org", "with an error that we don't know")]
    #[case("", "with an error that we don't know")]
    fn error_of_a_redirect_keeps_only_codes_of_the_standard(
        #[case] error: &str,
        #[case] expected: &str,
    ) {
        let kept = IdentityError::from_redirect(error).to_string();
        assert!(kept.ends_with(expected), "{kept}");
    }
}
