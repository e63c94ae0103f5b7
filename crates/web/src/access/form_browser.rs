//! The browser of a request: its form tokens, and where it is.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::form_token::{FormToken, check_form_token, form_token};
use crate::error::PageError;
use crate::guard::host::RequestOrigin;

/// The browser of a request.
pub(crate) struct FormBrowser {
    headers: HeaderMap,
    pub(crate) origin: RequestOrigin,
}

impl FormBrowser {
    /// Gives a form its token.
    pub(crate) fn form_token(&self) -> Result<FormToken, PageError> {
        form_token(&self.headers, self.origin.is_secure)
    }

    /// Refuses a form that this browser didn't open.
    pub(crate) fn check_form_token(&self, field: &str) -> Result<(), PageError> {
        check_form_token(&self.headers, self.origin.is_secure, field)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FormBrowser {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        let origin = parts.extensions.get::<RequestOrigin>().cloned();
        Ok(Self {
            headers: parts.headers.clone(),
            origin: origin.ok_or_else(|| PageError::internal("a request without an origin"))?,
        })
    }
}
