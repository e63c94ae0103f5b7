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
use hippo_core::sign_in::limit::take_permit;
use hippo_core::sign_in::{
    IDENTITY_LIMITS, Identity, IdentityAnswer, IdentityError, IdentityLink, IdentityProvider,
    IdentityRequest, REQUEST_LIFETIME, REQUEST_LIMITS, RateKey, Token, find_grant,
};
use serde::Deserialize;

use super::sign_in::{Browser, begin_session};
use crate::access::cookies::{CookieName, delete_cookie, read_cookie, set_cookie};
use crate::access::session::{Visitor, is_recent};
use crate::access::waiting_identity::{CALLBACK_PAGE, LINK_PAGE, remember_identity};
use crate::error::{HasOwnPage, PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::guard::network::client_network;
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// The page that sends the browser to the provider.
const BEGIN_PAGE: &str = "/sign-in/oidc";

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
    /// The person cancelled, took too long, or the answer isn't for this browser.
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

/// Sends the browser to the provider.
pub(crate) async fn begin(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
) -> PageResult {
    let provider = require_provider(&ports)?;
    let public_url = &ports.settings.public_url;
    if origin.origin != public_url.origin() {
        // The provider sends the browser back to the public address, where the cookie must be.
        return Ok(Redirect::to(&public_url.page(BEGIN_PAGE)).into_response());
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
    /// Missing: the person cancelled.
    #[serde(default)]
    code: String,
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
    if !take_permit(&*ports.store, &network, &IDENTITY_LIMITS, now).await? {
        tracing::info!("A limit of sign-ins with the identity provider was reached.");
        return show(&*provider, Outcome::TooMany);
    }
    // The cookie is deleted too, but a copy of it may be left somewhere.
    let key = RateKey::identity_request(&request);
    let is_first = take_permit(&*ports.store, &key, &REQUEST_LIMITS, now).await?;
    let mut response = match is_first && !query.code.is_empty() {
        false => show(&*provider, Outcome::Refused)?,
        true => {
            let answer = IdentityAnswer {
                code: &query.code,
                issuer: query.iss.as_deref(),
            };
            match provider.identify(&answer, &request, now).await {
                Ok(identity) => {
                    let browser = Browser::new(&headers, &origin);
                    sign_in(&ports, &*provider, &browser, &visitor, &identity).await?
                }
                Err(error) => show_failure(&*provider, &error)?,
            }
        }
    };
    let used = delete_cookie(CookieName::Identity, origin.is_secure);
    add_cookie(&mut response, used);
    Ok(response)
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
/// Who is no recipient any more gets the same answer as somebody whom we never knew.
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
            return begin_session(ports, browser, grant).await;
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
    // Who just signed in needs no other email.
    let is_signed_in = visitor
        .0
        .as_ref()
        .is_some_and(|session| is_recent(session, now));
    let mut response = match is_signed_in {
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
    tracing::warn!(%error, "Signing in with an identity provider failed.");
    let outcome = match error {
        IdentityError::Unavailable(_) => Outcome::Unavailable,
        IdentityError::Refused(_) => Outcome::Refused,
    };
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
