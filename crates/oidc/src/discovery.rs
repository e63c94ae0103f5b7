//! A provider's configuration (OpenID Connect Discovery).

use hippo_core::sign_in::{IdentityError, Issuer};
use serde::Deserialize;
use url::Url;

/// A provider's configuration, as far as we read it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Discovery {
    issuer: String,
    /// The page that asks who somebody is.
    pub(crate) authorization_endpoint: Url,
    /// Where a code is exchanged.
    pub(crate) token_endpoint: Url,
    /// Where the keys of its tokens are.
    pub(crate) jwks_uri: Url,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether its redirect names the issuer (RFC 9207).
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub(crate) names_issuer: bool,
}

impl Discovery {
    /// Reads a configuration, and checks that it is this issuer's.
    pub(crate) fn read(document: &[u8], issuer: &Issuer) -> Result<Self, IdentityError> {
        let wrong = |reason: &str| IdentityError::Unavailable(reason.to_owned());
        let read: Self = serde_json::from_slice(document)
            .map_err(|_| wrong("its configuration can't be read"))?;
        if read.issuer != issuer.as_str() {
            return Err(wrong("its configuration names another issuer"));
        }
        let urls = [
            &read.authorization_endpoint,
            &read.token_endpoint,
            &read.jwks_uri,
        ];
        if !urls.into_iter().all(|url| issuer.may_name(url)) {
            return Err(wrong("its configuration names an address without https"));
        }
        Ok(read)
    }

    /// Whether our secret is sent as a user's password. A provider that says nothing takes it so.
    pub(crate) fn takes_basic_authorization(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_none_or(|methods| {
            let has = |method: &str| methods.iter().any(|known| known == method);
            has("client_secret_basic") || !has("client_secret_post")
        })
    }
}
