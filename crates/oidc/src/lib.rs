//! Signing in with an identity provider, by OpenID Connect: the authorization code flow with PKCE.
//!
//! [`OidcProvider`] stands behind core's `IdentityProvider`. It reads who somebody is (issuer and
//! subject), and nothing else: no address, no name. It uses the HTTP and TLS stack of the AWS clients,
//! which the functions hold anyway.

mod cached;
mod discovery;
mod http;
mod id_token;
mod keys;
mod provider;
mod signatures;
#[cfg(feature = "testing")]
pub mod testing;

pub use self::provider::{HeldSecret, OidcProvider, OidcSettings, REQUEST_TIMEOUT};
