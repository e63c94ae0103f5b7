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
    prompt_values_supported: Option<Vec<String>>,
    /// Whether its redirect names the issuer (RFC 9207).
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub(crate) names_issuer: bool,
}

/// Providers that let people choose an account, as their guides say, but don't list that.
const HOSTS_WITH_A_CHOICE: [&str; 2] = ["accounts.google.com", "login.microsoftonline.com"];

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

    /// What the provider of this issuer is to ask, even if somebody is signed in there: on a shared computer,
    /// that may be somebody else.
    ///
    /// Many providers refuse `select_account`. Each must take `login`, which asks for the password (OpenID
    /// Connect Core, section 15.1).
    pub(crate) fn prompt(&self, issuer: &Issuer) -> Option<&'static str> {
        let has = |value: &str| match &self.prompt_values_supported {
            Some(listed) => listed.iter().any(|known| known == value),
            None => value == "login" || HOSTS_WITH_A_CHOICE.contains(&issuer.host()),
        };
        ["select_account", "login"]
            .into_iter()
            .find(|value| has(value))
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

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    const MICROSOFT: &str = "https://login.microsoftonline.com/tenant/v2.0";

    #[rstest]
    #[case("https://accounts.google.com", json!(null), Some("select_account"))]
    #[case(MICROSOFT, json!(null), Some("select_account"))]
    #[case("https://accounts.google.com.example.org", json!(null), Some("login"))]
    #[case("https://id.example.org", json!(null), Some("login"))]
    #[case("https://id.example.org", json!(["none", "login", "select_account"]), Some("select_account"))]
    #[case("https://id.example.org", json!(["none", "login", "consent"]), Some("login"))]
    #[case("https://accounts.google.com", json!(["none", "login"]), Some("login"))]
    #[case("https://id.example.org", json!(["none"]), None)]
    fn client_authenticates_as_the_provider_supports(
        #[case] issuer: &str,
        #[case] listed: Value,
        #[case] expected: Option<&str>,
    ) {
        let document = json!({
            "issuer": issuer,
            "authorization_endpoint": "https://id.example.org/authorize",
            "token_endpoint": "https://id.example.org/token",
            "jwks_uri": "https://id.example.org/keys",
            "prompt_values_supported": listed,
        });
        let document = document.to_string();
        let issuer = issuer.parse().unwrap();
        let read = Discovery::read(document.as_bytes(), &issuer).unwrap();
        assert_eq!(read.prompt(&issuer), expected);
    }
}
