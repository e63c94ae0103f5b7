//! Signing out, here or everywhere.

use axum::Form;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect, Response};
use hippo_core::former_recipient::sign_out_everywhere;
use hippo_core::sign_in::Session;
use serde::Deserialize;

use super::identity::link::{own_families, record_unlinking};
use crate::access::cookies::{CookieName, delete_cookie};
use crate::access::form_browser::FormBrowser;
use crate::access::session::Visitor;
use crate::error::{PageError, PageResult};
use crate::ports::WebPorts;

/// Where to sign out.
#[derive(Deserialize)]
pub(crate) struct SignOutForm {
    /// Present: on every device.
    #[serde(default)]
    everywhere: Option<String>,
    /// Present: and no linked account signs in any more.
    #[serde(default)]
    unlink: Option<String>,
    /// Only unlinking needs it.
    #[serde(default)]
    form_token: String,
}

/// Ends the session, or all of the person's.
///
/// The browser forgets its session even if the store can't be reached: others may use the browser next.
pub(crate) async fn sign_out(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    visitor: Result<Visitor, PageError>,
    Form(form): Form<SignOutForm>,
) -> PageResult {
    let unlinks = form.everywhere.is_some() && form.unlink.is_some();
    if unlinks {
        browser.check_form_token(&form.form_token)?;
    }
    let ended = match visitor {
        Ok(Visitor(Some(session))) => end_sessions(&ports, &session, &form).await,
        Ok(Visitor(None)) => Ok(()),
        Err(error) => Err(error),
    };
    let mut response: Response = match ended {
        Ok(()) => Redirect::to("/").into_response(),
        Err(error) => error.signed_out_only_here().into_response(),
    };
    let headers = response.headers_mut();
    if let Some(cookie) = delete_cookie(CookieName::Session, browser.origin.is_secure) {
        headers.append(SET_COOKIE, cookie);
    }
    // The back button must not show what the pages held.
    headers.insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    Ok(response)
}

async fn end_sessions(
    ports: &WebPorts,
    session: &Session,
    form: &SignOutForm,
) -> Result<(), PageError> {
    match (&form.everywhere, &form.unlink) {
        (Some(_), Some(_)) => {
            let families = own_families(ports, session).await?;
            sign_out_everywhere(&*ports.store, &session.person).await?;
            record_unlinking(ports, session, &families).await;
        }
        (Some(_), None) => {
            ports.store.remove_sessions(&session.person).await?;
            ports.store.remove_session(session).await?;
        }
        (None, _) => ports.store.remove_session(session).await?,
    }
    Ok(())
}
