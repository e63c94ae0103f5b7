//! One sign-in with a small issuer.

use chrono::{DateTime, Utc};
use hippo_core::sign_in::{
    Identity, IdentityAnswer, IdentityError, IdentityProvider as _, IdentityRequest, Token,
};
use hippo_oidc::OidcProvider;
use hippo_oidc::testing::FakeIssuer;

pub(crate) const REDIRECT_URL: &str = "https://hippo.example.org/sign-in/oidc/callback";

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-21T17:00:00Z".parse().unwrap()
}

pub(crate) fn request() -> IdentityRequest {
    let token = Token::generate().unwrap();
    IdentityRequest::derive(&token, now(), REDIRECT_URL.to_owned())
}

/// An issuer, and our side of it.
pub(crate) async fn start() -> (FakeIssuer, OidcProvider) {
    let issuer = FakeIssuer::start(now()).await;
    let provider = issuer.provider();
    (issuer, provider)
}

/// Signs in once, as a browser would.
pub(crate) async fn sign_in(
    issuer: &FakeIssuer,
    provider: &OidcProvider,
) -> Result<Identity, IdentityError> {
    sign_in_at(issuer, provider, now()).await
}

pub(crate) async fn sign_in_at(
    issuer: &FakeIssuer,
    provider: &OidcProvider,
    now: DateTime<Utc>,
) -> Result<Identity, IdentityError> {
    let request = request();
    let url = provider.sign_in_url(&request, now).await?;
    let back = issuer.authorize(&url);
    identify(provider, &back, &request, now).await
}

/// Takes the redirect's answer.
pub(crate) async fn identify(
    provider: &OidcProvider,
    back: &url::Url,
    request: &IdentityRequest,
    now: DateTime<Utc>,
) -> Result<Identity, IdentityError> {
    let value = |name: &str| {
        let mut pairs = back.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let (code, iss) = (value("code").unwrap(), value("iss"));
    let answer = IdentityAnswer {
        code: &code,
        issuer: iss.as_deref(),
    };
    provider.identify(&answer, request, now).await
}
