//! Ties the forms of somebody who isn't signed in to the browser that opened them.
//!
//! Otherwise another site could sign a browser in as somebody else.

use askama::Template;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use hippo_core::sign_in::Token;

use super::cookies::{CookieName, read_cookie, set_cookie};
use crate::error::{HasOwnPage, PageError, PageResult};
use crate::page::html;

/// What a token is derived for.
const PURPOSE: &str = "form";

/// The value of a form's hidden field, and the cookie to set with the page.
pub(crate) struct FormToken {
    /// The hidden field.
    pub(crate) field: String,
    /// `None`: the browser has it.
    pub(crate) cookie: Option<HeaderValue>,
}

/// Gives a form its token.
pub(crate) fn form_token(headers: &HeaderMap, is_secure: bool) -> Result<FormToken, PageError> {
    if let Some(token) = browser_token(headers, is_secure) {
        return Ok(FormToken {
            field: token.derive_text(PURPOSE),
            cookie: None,
        });
    }
    let token = Token::generate().map_err(PageError::internal)?;
    Ok(FormToken {
        field: token.derive_text(PURPOSE),
        cookie: set_cookie(CookieName::Form, token.to_secret_text(), None, is_secure),
    })
}

/// Refuses a form that this browser didn't open.
pub(crate) fn check_form_token(
    headers: &HeaderMap,
    is_secure: bool,
    field: &str,
) -> Result<(), PageError> {
    let token = browser_token(headers, is_secure);
    // An attacker who can time this comparison can't read the cookie.
    match token.is_some_and(|token| token.derive_text(PURPOSE) == field) {
        true => Ok(()),
        false => Err(PageError::stale_form()),
    }
}

fn browser_token(headers: &HeaderMap, is_secure: bool) -> Option<Token> {
    Token::from_secret_text(read_cookie(headers, CookieName::Form, is_secure)?)
}

/// Renders a page with forms.
pub(crate) fn form_page(status: StatusCode, page: &impl Template, token: FormToken) -> PageResult {
    let mut response: Response = html(status, page)?;
    if let Some(cookie) = token.cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response.extensions_mut().insert(HasOwnPage);
    Ok(response)
}
