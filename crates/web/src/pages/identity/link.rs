//! Linking an identity to the person who is signed in, and unlinking it.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use hippo_core::audit::{Actor, Change};
use hippo_core::sign_in::{IdentityLink, Session, find_grant};
use serde::Deserialize;

use super::require_provider;
use crate::access::cookies::{CookieName, delete_cookie};
use crate::access::form_browser::FormBrowser;
use crate::access::form_token::form_page;
use crate::access::next_page::next_page;
use crate::access::session::{Visitor, is_recent};
use crate::access::waiting_identity::{forget_identity, load_waiting_identity};
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::page::Page;
use crate::ports::WebPorts;

/// What a page says after the identities were unlinked.
pub(crate) const UNLINKED: &str = "From now on, only an email signs you in.";

#[derive(Template)]
#[template(path = "identity_link.html")]
struct LinkPage {
    page: Page,
    form_token: String,
    provider: String,
}

/// A link that may be made: before and after.
struct PossibleLink {
    before: IdentityLink,
    after: IdentityLink,
}

/// The link of this browser's identity to the person who is signed in.
///
/// The person has just signed in, and has an address that we know: the operator's own link has none.
async fn possible_link(
    ports: &WebPorts,
    headers: &HeaderMap,
    is_secure: bool,
    session: &Session,
) -> Result<Option<PossibleLink>, PageError> {
    let now = ports.clock.now();
    let (person, operators) = (&session.person, &ports.settings.operators);
    if !is_recent(session, now)
        || find_grant(&*ports.store, operators, person)
            .await?
            .is_none()
    {
        return Ok(None);
    }
    let Some(waiting) = load_waiting_identity(ports, headers, is_secure).await? else {
        return Ok(None);
    };
    let after = waiting.link.link(&waiting.browser, person, now);
    Ok(after.map(|after| PossibleLink {
        before: waiting.link,
        after,
    }))
}

/// Asks whether the identity shall sign in the person who just signed in by email. Somebody else may have
/// left it in this browser.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    headers: HeaderMap,
    visitor: Visitor,
) -> PageResult {
    let Some(session) = &visitor.0 else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    let provider = require_provider(&ports)?;
    let is_secure = browser.origin.is_secure;
    let link = possible_link(&ports, &headers, is_secure, session);
    if link.await?.is_none() {
        return Ok(go_on(&headers, is_secure, session));
    }
    let token = browser.form_token()?;
    let shown = LinkPage {
        page: visitor.page("Sign in"),
        form_token: token.field.clone(),
        provider: provider.name().to_owned(),
    };
    form_page(StatusCode::OK, &shown, token)
}

/// The form that links an identity, or forgets it.
#[derive(Deserialize)]
pub(crate) struct LinkForm {
    form_token: String,
    answer: String,
}

/// Links the identity that waits in this browser to the person who is signed in.
pub(crate) async fn save(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    headers: HeaderMap,
    visitor: Visitor,
    Form(form): Form<LinkForm>,
) -> PageResult {
    let Some(session) = &visitor.0 else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    require_provider(&ports)?;
    browser.check_form_token(&form.form_token)?;
    let is_secure = browser.origin.is_secure;
    let link = match form.answer.as_str() {
        "yes" => possible_link(&ports, &headers, is_secure, session).await?,
        _ => None,
    };
    if let Some(PossibleLink { before, after }) = link {
        let replaced = ports.store.replace_identity_link(Some(&before), &after);
        if !replaced.await? {
            return Err(PageError::changed_meanwhile());
        }
        tracing::info!("An identity was linked to a person.");
        record_own_change(&ports, session, Change::IdentityLinked).await?;
    }
    Ok(go_on(&headers, is_secure, session))
}

/// Goes on to the page that the person came for, without the identity that waited.
fn go_on(headers: &HeaderMap, is_secure: bool, session: &Session) -> Response {
    let next = next_page(headers, is_secure).filter(|_| session.family.is_some());
    let mut response = Redirect::to(next.as_deref().unwrap_or("/")).into_response();
    let cookies = [
        forget_identity(is_secure),
        delete_cookie(CookieName::Next, is_secure),
    ];
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The form that unlinks identities.
#[derive(Deserialize)]
pub(crate) struct UnlinkForm {
    form_token: String,
}

/// Unlinks every identity of the person who is signed in, with a family or without.
pub(crate) async fn unlink(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    Visitor(session): Visitor,
    Form(form): Form<UnlinkForm>,
) -> PageResult {
    let Some(session) = session else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    browser.check_form_token(&form.form_token)?;
    ports.store.unlink_identities(&session.person).await?;
    tracing::info!("Somebody unlinked their identities.");
    record_own_change(&ports, &session, Change::IdentitiesUnlinked).await?;
    let next = match session.family {
        Some(_) => "/family/settings?saved=unlinked",
        None => "/?saved=unlinked",
    };
    Ok(Redirect::to(next).into_response())
}

/// Records what somebody changed about their own signing in, for each of their families.
async fn record_own_change(
    ports: &WebPorts,
    session: &Session,
    change: Change,
) -> Result<(), PageError> {
    let operators = &ports.settings.operators;
    let grant = find_grant(&*ports.store, operators, &session.person).await?;
    let families = grant.map(|grant| grant.families).unwrap_or_default();
    let actor = Actor::Person(session.person.clone());
    if families.is_empty() {
        record_change(ports, actor, None, change).await;
        return Ok(());
    }
    for family in &families {
        record_change(ports, actor.clone(), Some(family), change.clone()).await;
    }
    Ok(())
}
