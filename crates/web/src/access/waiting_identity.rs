//! The identity that waits in a browser to be linked to the person who signs in by email there.

use axum::http::{HeaderMap, HeaderValue};
use hippo_core::sign_in::{IdentityId, IdentityLink, LINK_LIFETIME, Token};
use hippo_core::store::StoreError;

use super::cookies::{CookieName, delete_cookie, read_cookie, set_cookie};
use crate::ports::WebPorts;

/// Where an identity provider sends the browser back to.
pub(crate) const CALLBACK_PAGE: &str = "/sign-in/oidc/callback";

/// The page that links an identity.
pub(crate) const LINK_PAGE: &str = "/sign-in/oidc/link";

/// An identity's link, and the token of the browser that showed the identity.
pub(crate) struct WaitingIdentity {
    pub(crate) link: IdentityLink,
    pub(crate) browser: Token,
}

/// Whether the browser says that an identity waits in it.
pub(crate) fn has_waiting_identity(headers: &HeaderMap, is_secure: bool) -> bool {
    read_cookie(headers, CookieName::Link, is_secure).is_some()
}

/// Loads the identity that waits in a browser.
pub(crate) async fn load_waiting_identity(
    ports: &WebPorts,
    headers: &HeaderMap,
    is_secure: bool,
) -> Result<Option<WaitingIdentity>, StoreError> {
    let cookie = read_cookie(headers, CookieName::Link, is_secure);
    let Some((id, token)) = cookie.and_then(|cookie| cookie.split_once('.')) else {
        return Ok(None);
    };
    let Some(browser) = Token::from_secret_text(token) else {
        return Ok(None);
    };
    let id = IdentityId::from_stored(id);
    let link = ports.store.identity_link(&id).await?;
    Ok(link.map(|link| WaitingIdentity { link, browser }))
}

/// The `Set-Cookie` that makes a browser remember its identity.
pub(crate) fn remember_identity(
    id: &IdentityId,
    browser: &Token,
    is_secure: bool,
) -> Option<HeaderValue> {
    let value = format!("{}.{}", id.as_str(), browser.to_secret_text());
    set_cookie(CookieName::Link, value, Some(LINK_LIFETIME), is_secure)
}

/// The `Set-Cookie` that makes a browser forget its identity.
pub(crate) fn forget_identity(is_secure: bool) -> Option<HeaderValue> {
    delete_cookie(CookieName::Link, is_secure)
}
