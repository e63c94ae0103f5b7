//! Signing out, here or everywhere.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect};
use axum::{Extension, Form};
use serde::Deserialize;

use crate::access::cookies::{CookieName, delete_cookie};
use crate::access::session::Visitor;
use crate::error::PageResult;
use crate::guard::host::RequestOrigin;
use crate::ports::WebPorts;

/// Where to sign out.
#[derive(Deserialize)]
pub(crate) struct SignOutForm {
    /// Present: on every device.
    #[serde(default)]
    everywhere: Option<String>,
}

/// Ends the session, or all of the person's.
pub(crate) async fn sign_out(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    Visitor(session): Visitor,
    Form(form): Form<SignOutForm>,
) -> PageResult {
    if let Some(session) = session {
        if form.everywhere.is_some() {
            ports.store.remove_sessions(&session.person).await?;
        }
        ports.store.remove_session(&session).await?;
    }
    let mut response = Redirect::to("/").into_response();
    let headers = response.headers_mut();
    if let Some(cookie) = delete_cookie(CookieName::Session, origin.is_secure) {
        headers.append(SET_COOKIE, cookie);
    }
    // The back button must not show what the pages held.
    headers.insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}
