//! An identity provider that speaks OpenID Connect.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hippo_core::sign_in::{
    ClientSecretSource, Identity, IdentityAnswer, IdentityError, IdentityProvider, IdentityRequest,
    Issuer,
};
use hyper::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use zeroize::Zeroizing;

use super::cached::Cached;
use super::discovery::Discovery;
use super::http::HttpClient;
use super::id_token::{Expected, check_id_token, read_header};
use super::keys::KeySet;
use super::signatures::use_ring;

/// The time limit of one request to a provider. A sign-in makes three at most.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The settings of an identity provider.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// What people call it: `Google`.
    pub name: String,
    /// Its issuer.
    pub issuer: Issuer,
    /// Our id at the provider.
    pub client_id: String,
    /// The time limit of one request.
    pub timeout: Duration,
}

/// An identity provider.
///
/// Its configuration and keys are fetched when somebody signs in, and kept for an hour.
pub struct OidcProvider {
    settings: OidcSettings,
    secret: Arc<dyn ClientSecretSource>,
    http: HttpClient,
    discovery: Cached<Discovery>,
    keys: Cached<KeySet>,
}

/// Our secret at a provider, held in memory.
pub struct HeldSecret(pub SecretString);

#[async_trait]
impl ClientSecretSource for HeldSecret {
    async fn client_secret(&self) -> Result<SecretString, IdentityError> {
        Ok(self.0.clone())
    }
}

/// The answer of the token endpoint, as far as we read it. No access token is kept.
#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

impl OidcProvider {
    /// Creates the provider. Sends nothing yet.
    pub fn new(settings: OidcSettings, secret: Arc<dyn ClientSecretSource>) -> Self {
        use_ring();
        Self {
            http: HttpClient::new(settings.timeout),
            settings,
            secret,
            discovery: Cached::new(),
            keys: Cached::new(),
        }
    }

    async fn discover(&self, now: DateTime<Utc>) -> Result<Arc<Discovery>, IdentityError> {
        let issuer = &self.settings.issuer;
        let fetch = async {
            let document = self.http.get(&issuer.discovery_url()).await?;
            Discovery::read(&document, issuer)
        };
        self.discovery.get(now, |_| true, fetch).await
    }

    /// Exchanges the code, and returns the provider's token.
    async fn exchange(
        &self,
        discovery: &Discovery,
        code: &str,
        request: &IdentityRequest,
    ) -> Result<Zeroizing<String>, IdentityError> {
        let client_id = &self.settings.client_id;
        let secret = self.secret.client_secret().await?;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &*request.redirect_url),
            ("code_verifier", &*request.verifier),
        ];
        let mut authorization = None;
        if discovery.takes_basic_authorization() {
            authorization = Some(basic_authorization(client_id, &secret)?);
        } else {
            fields.push(("client_id", client_id));
            fields.push(("client_secret", secret.expose_secret()));
        }
        let form = encode_form(&fields);
        let url = &discovery.token_endpoint;
        let answer = self.http.post_form(url, &form, authorization).await?;
        let answer: TokenAnswer = serde_json::from_slice(&answer)
            .map_err(|_| IdentityError::Unavailable("its answer has no token".to_owned()))?;
        Ok(Zeroizing::new(answer.id_token))
    }
}

fn encode_form(fields: &[(&str, &str)]) -> Zeroizing<String> {
    let mut form = Serializer::new(String::new());
    Zeroizing::new(form.extend_pairs(fields).finish())
}

/// Our id and secret as a header (RFC 6749, section 2.3.1).
fn basic_authorization(
    client_id: &str,
    secret: &SecretString,
) -> Result<HeaderValue, IdentityError> {
    let encode = |text: &str| Zeroizing::new(byte_serialize(text.as_bytes()).collect::<String>());
    let (user, password) = (encode(client_id), encode(secret.expose_secret()));
    let pair = Zeroizing::new(format!("{}:{}", *user, *password));
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&value)
        .map_err(|_| IdentityError::Unavailable("our secret can't be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Refuses an answer that names another issuer, or none though this provider always does (RFC 9207).
fn check_issuer(
    answer: &IdentityAnswer<'_>,
    discovery: &Discovery,
    issuer: &Issuer,
) -> Result<(), IdentityError> {
    let is_right = match answer.issuer {
        Some(named) => named == issuer.as_str(),
        None => !discovery.names_issuer,
    };
    match is_right {
        true => Ok(()),
        false => Err(IdentityError::Refused(
            "its redirect is from another issuer".to_owned(),
        )),
    }
}

#[async_trait]
impl IdentityProvider for OidcProvider {
    fn name(&self) -> &str {
        &self.settings.name
    }

    async fn sign_in_url(
        &self,
        request: &IdentityRequest,
        now: DateTime<Utc>,
    ) -> Result<Url, IdentityError> {
        let discovery = self.discover(now).await?;
        let mut url = discovery.authorization_endpoint.clone();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&request.verifier));
        // Only who somebody is: no address, no name.
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("scope", "openid")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &request.redirect_url)
            .append_pair("state", &request.state)
            .append_pair("nonce", &request.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if let Some(prompt) = discovery.prompt(&self.settings.issuer) {
            url.query_pairs_mut().append_pair("prompt", prompt);
        }
        Ok(url)
    }

    async fn identify(
        &self,
        answer: &IdentityAnswer<'_>,
        request: &IdentityRequest,
        now: DateTime<Utc>,
    ) -> Result<Identity, IdentityError> {
        let discovery = self.discover(now).await?;
        check_issuer(answer, &discovery, &self.settings.issuer)?;
        let token = self.exchange(&discovery, answer.code, request).await?;
        let header = read_header(&token)?;
        // A new key may be a minute old before we know it.
        let fetch = async { KeySet::read(&self.http.get(&discovery.jwks_uri).await?) };
        let has_key = |keys: &KeySet| keys.find(&header).is_some();
        let keys = self.keys.get(now, has_key, fetch).await?;
        let key = keys.find(&header).ok_or_else(|| {
            IdentityError::Refused("its token's key isn't among its keys".to_owned())
        })?;
        let expected = Expected {
            issuer: self.settings.issuer.as_str(),
            client_id: &self.settings.client_id,
            nonce: &request.nonce,
            now,
        };
        Ok(Identity {
            issuer: self.settings.issuer.as_str().to_owned(),
            subject: check_id_token(&token, header.alg, &key, &expected)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_with_the_secret_never_shows_it() {
        let value = basic_authorization("client", &SecretString::from("canary")).unwrap();
        assert_eq!(value, "Basic Y2xpZW50OmNhbmFyeQ==");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
