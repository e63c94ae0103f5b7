//! Signing in with an identity provider.
//!
//! `/sign-in/oidc` is a plain link: a form's redirect to another site would need a weaker policy. All of a
//! request is derived from a token in a short-lived cookie. A new identity signs nobody in: the person
//! signs in by email once, in the same browser.

pub(crate) mod link;

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, Utc};
use hippo_core::sign_in::limit::count_attempt;
use hippo_core::sign_in::{
    IDENTITY_LIMITS, Identity, IdentityAnswer, IdentityError, IdentityLink, IdentityProvider,
    IdentityRequest, REQUEST_LIFETIME, REQUEST_LIMITS, RateKey, SignInMethod, Token, find_grant,
};
use serde::Deserialize;

use super::sign_in::{Browser, begin_session};
use crate::access::cookies::{CookieName, delete_cookie, read_cookie, set_cookie};
use crate::access::session::{Visitor, can_link_identity};
use crate::access::waiting_identity::{CALLBACK_PAGE, LINK_PAGE, remember_identity};
use crate::error::{HasOwnPage, PageError, PageResult};
use crate::guard::cross_site::is_from_another_site;
use crate::guard::host::RequestOrigin;
use crate::guard::network::client_network;
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// The page with the link that begins a sign-in.
const SIGN_IN_PAGE: &str = "/sign-in";

#[derive(Template)]
#[template(path = "identity.html")]
struct IdentityPage {
    page: Page,
    provider: String,
    outcome: Outcome,
}

/// Why nobody is signed in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The identity signs nobody in yet.
    Unknown,
    /// The provider can't be reached, or doesn't work.
    Unavailable,
    /// The person cancelled or took too long, or the answer isn't for this browser.
    Refused,
    /// The network brought too many answers.
    TooMany,
}

/// The provider; without one, there is no such page.
fn require_provider(ports: &WebPorts) -> Result<Arc<dyn IdentityProvider>, PageError> {
    ports
        .identity_provider
        .clone()
        .ok_or_else(PageError::not_found)
}

fn add_cookie(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Sends the browser to the provider, if the person followed a link of ours.
///
/// Another site must not begin a sign-in: the person it signs in at the provider would be signed in here.
pub(crate) async fn begin(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
) -> PageResult {
    let provider = require_provider(&ports)?;
    let public_url = &ports.settings.public_url;
    // The provider sends the browser back to the public address, where the cookie must be.
    if origin.origin != public_url.origin() || is_from_another_site(&headers) {
        return Ok(Redirect::to(&public_url.page(SIGN_IN_PAGE)).into_response());
    }
    let token = Token::generate().map_err(PageError::internal)?;
    let now = ports.clock.now();
    let request = IdentityRequest::derive(&token, now, redirect_url(&ports));
    match provider.sign_in_url(&request, now).await {
        Ok(url) => {
            let value = format!("{}.{}", token.to_secret_text(), now.timestamp());
            let lifetime = Some(REQUEST_LIFETIME);
            let cookie = set_cookie(CookieName::Identity, value, lifetime, origin.is_secure);
            let mut response = Redirect::to(url.as_str()).into_response();
            add_cookie(&mut response, cookie);
            Ok(response)
        }
        Err(error) => show_failure(&*provider, &error),
    }
}

fn redirect_url(ports: &WebPorts) -> String {
    ports.settings.public_url.page(CALLBACK_PAGE)
}

/// What the provider's redirect says.
#[derive(Deserialize)]
pub(crate) struct CallbackQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    iss: Option<String>,
}

/// Takes the provider's answer, once.
pub(crate) async fn finish(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    extensions: Extensions,
    headers: HeaderMap,
    visitor: Visitor,
    Query(query): Query<CallbackQuery>,
) -> PageResult {
    let provider = require_provider(&ports)?;
    let now = ports.clock.now();
    let request = read_request(&ports, &headers, &origin, now);
    let Some(request) = request.filter(|request| request.state == query.state) else {
        tracing::info!("An identity provider's answer was for another browser, or came too late.");
        return show(&*provider, Outcome::Refused);
    };
    let network = RateKey::identity_network(client_network(&extensions, &headers));
    if !count_attempt(&*ports.store, &network, &IDENTITY_LIMITS, now).await? {
        tracing::info!("A limit of sign-ins with the identity provider was reached.");
        return show(&*provider, Outcome::TooMany);
    }
    // The cookie is deleted too, but a copy of it may be left somewhere.
    let key = RateKey::identity_request(&request);
    let is_first = count_attempt(&*ports.store, &key, &REQUEST_LIMITS, now).await?;
    let mut response = match is_first {
        false => {
            tracing::info!("An identity provider's answer came twice.");
            show(&*provider, Outcome::Refused)?
        }
        true => match identify(&*provider, &query, &request, now).await {
            Ok(identity) => {
                let browser = Browser::new(&headers, &origin);
                sign_in(&ports, &*provider, &browser, &visitor, &identity).await?
            }
            Err(error) => show_failure(&*provider, &error)?,
        },
    };
    let used = delete_cookie(CookieName::Identity, origin.is_secure);
    add_cookie(&mut response, used);
    Ok(response)
}

/// Finds who somebody is at the provider.
async fn identify(
    provider: &dyn IdentityProvider,
    query: &CallbackQuery,
    request: &IdentityRequest,
    now: DateTime<Utc>,
) -> Result<Identity, IdentityError> {
    if let Some(error) = &query.error {
        return Err(IdentityError::from_redirect(error));
    }
    let code = query.code.as_deref().filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| {
        IdentityError::Refused("its redirect has neither code nor error".to_owned())
    })?;
    let answer = IdentityAnswer {
        code,
        issuer: query.iss.as_deref(),
    };
    provider.identify(&answer, request, now).await
}

/// The request that this browser began, unless it is too old.
fn read_request(
    ports: &WebPorts,
    headers: &HeaderMap,
    origin: &RequestOrigin,
    now: DateTime<Utc>,
) -> Option<IdentityRequest> {
    let cookie = read_cookie(headers, CookieName::Identity, origin.is_secure)?;
    let (token, began_at) = cookie.split_once('.')?;
    let token = Token::from_secret_text(token)?;
    let began_at = DateTime::from_timestamp(began_at.parse().ok()?, 0)?;
    let is_current = began_at <= now && now - began_at < REQUEST_LIFETIME;
    is_current.then(|| IdentityRequest::derive(&token, began_at, redirect_url(ports)))
}

/// Signs in the person whom an identity is linked to, or begins its link.
///
/// A former recipient gets the same response as a stranger.
async fn sign_in(
    ports: &WebPorts,
    provider: &dyn IdentityProvider,
    browser: &Browser<'_>,
    visitor: &Visitor,
    identity: &Identity,
) -> PageResult {
    let id = identity.id();
    let before = ports.store.identity_link(&id).await?;
    if let Some(person) = before.as_ref().and_then(IdentityLink::person) {
        let operators = &ports.settings.operators;
        if let Some(grant) = find_grant(&*ports.store, operators, person).await? {
            tracing::info!("Somebody used an identity provider.");
            return begin_session(ports, browser, grant, SignInMethod::Identity).await;
        }
    }
    let (token, now) = (
        Token::generate().map_err(PageError::internal)?,
        ports.clock.now(),
    );
    let waiting = IdentityLink::begin(id.clone(), &token, now);
    let replaced = ports.store.replace_identity_link(before.as_ref(), &waiting);
    if !replaced.await? {
        return Err(PageError::changed_meanwhile());
    }
    // A person who just signed in by email needs no other email.
    let session = visitor.0.as_ref();
    let can_link = session.is_some_and(|session| can_link_identity(session, now));
    let mut response = match can_link {
        true => Redirect::to(LINK_PAGE).into_response(),
        false => show(provider, Outcome::Unknown)?,
    };
    add_cookie(
        &mut response,
        remember_identity(&id, &token, browser.is_secure()),
    );
    Ok(response)
}

fn show_failure(provider: &dyn IdentityProvider, error: &IdentityError) -> PageResult {
    let outcome = match error {
        IdentityError::Unavailable(_) => Outcome::Unavailable,
        IdentityError::Refused(_) | IdentityError::NotSignedIn(_) => Outcome::Refused,
    };
    match error {
        // It happens to everybody.
        IdentityError::NotSignedIn(_) => {
            tracing::info!(%error, "Somebody didn't sign in at an identity provider.");
        }
        _ => tracing::warn!(%error, "Signing in with an identity provider failed."),
    }
    show(provider, outcome)
}

fn show(provider: &dyn IdentityProvider, outcome: Outcome) -> PageResult {
    let status = match outcome {
        Outcome::Unknown => StatusCode::OK,
        Outcome::Refused => StatusCode::FORBIDDEN,
        Outcome::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Outcome::TooMany => StatusCode::TOO_MANY_REQUESTS,
    };
    let shown = IdentityPage {
        page: Page::new("Sign in"),
        provider: provider.name().to_owned(),
        outcome,
    };
    let mut response: Response = html(status, &shown)?;
    response.extensions_mut().insert(HasOwnPage);
    Ok(response)
}
