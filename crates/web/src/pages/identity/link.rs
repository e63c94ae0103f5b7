//! Linking an identity to the person who is signed in, and unlinking it.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use hippo_core::audit::{Actor, Change};
use hippo_core::ids::FamilyId;
use hippo_core::message::{IdentityLinking, MessageRequest};
use hippo_core::sign_in::{IdentityLink, Session, find_grant};
use serde::Deserialize;

use super::require_provider;
use crate::access::cookies::{CookieName, delete_cookie};
use crate::access::form_browser::FormBrowser;
use crate::access::form_token::form_page;
use crate::access::next_page::next_page;
use crate::access::session::{Visitor, can_link_identity};
use crate::access::waiting_identity::{
    LINK_PAGE, WaitingIdentity, forget_identity, load_waiting_identity,
};
use crate::audit::record_change;
use crate::error::{HasOwnPage, PageError, PageResult};
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// What a page says after the identities were unlinked.
pub(crate) const UNLINKED: &str = "From now on, only an email signs you in.";

#[derive(Template)]
#[template(path = "identity_link.html")]
struct LinkPage {
    page: Page,
    provider: String,
    question: Question,
}

/// What the page asks, or says.
enum Question {
    /// Whether to link the identity that waits.
    Link { form_token: String },
    /// It is linked. `has_family`: the person can unlink it in a family's settings, else on the first page.
    Linked { next: String, has_family: bool },
    /// It can't be linked any more.
    TooLate { next: String },
}

/// What can be done with the identity that waits in a browser.
enum Waiting {
    /// It can be linked to the person, who is a recipient of these families.
    Possible {
        before: IdentityLink,
        after: IdentityLink,
        families: Vec<FamilyId>,
    },
    /// It signs the person in already.
    Linked,
    /// There is none, or not for this person.
    Nothing,
}

/// Finds what can be done with the identity that waits in this browser.
///
/// To link it, the person has just signed in by email, and has an address that we know: the operator's own
/// link has none.
async fn find_waiting(
    ports: &WebPorts,
    headers: &HeaderMap,
    is_secure: bool,
    session: &Session,
) -> Result<Waiting, PageError> {
    let waiting = load_waiting_identity(ports, headers, is_secure).await?;
    let Some(WaitingIdentity { link, browser }) = waiting else {
        return Ok(Waiting::Nothing);
    };
    let (person, now) = (&session.person, ports.clock.now());
    if link.person() == Some(person) {
        return Ok(Waiting::Linked);
    }
    let operators = &ports.settings.operators;
    let grant = find_grant(&*ports.store, operators, person).await?;
    let after = link.link(&browser, person, now);
    Ok(match (after, grant) {
        (Some(after), Some(grant)) if can_link_identity(session, now) => Waiting::Possible {
            before: link,
            after,
            families: grant.families,
        },
        _ => Waiting::Nothing,
    })
}

/// Asks whether the identity may sign in the person who just signed in by email. Somebody else may have
/// left it in this browser. Then says that it does.
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
    let shown = |question| LinkPage {
        page: visitor.page("Sign in"),
        provider: provider.name().to_owned(),
        question,
    };
    match find_waiting(&ports, &headers, is_secure, session).await? {
        Waiting::Possible { .. } => {
            let token = browser.form_token()?;
            let form_token = token.field.clone();
            form_page(StatusCode::OK, &shown(Question::Link { form_token }), token)
        }
        Waiting::Linked => {
            let question = Question::Linked {
                next: page_to_open(&headers, is_secure, session),
                has_family: session.family.is_some(),
            };
            let response = html(StatusCode::OK, &shown(question))?;
            Ok(without_identity(response, is_secure))
        }
        Waiting::Nothing => Ok(redirect_after_link(&headers, is_secure, session)),
    }
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
    let provider = require_provider(&ports)?;
    browser.check_form_token(&form.form_token)?;
    let is_secure = browser.origin.is_secure;
    if form.answer != "yes" {
        return Ok(redirect_after_link(&headers, is_secure, session));
    }
    match find_waiting(&ports, &headers, is_secure, session).await? {
        Waiting::Possible {
            before,
            after,
            families,
        } => {
            let replaced = ports.store.replace_identity_link(Some(&before), &after);
            if replaced.await? {
                tracing::info!("An identity was linked to a person.");
                record_own_change(&ports, session, &families, Change::IdentityLinked).await;
                announce(&ports, session, families, provider.name()).await;
            } else {
                // The same form may have been sent twice at once.
                let present = find_waiting(&ports, &headers, is_secure, session).await?;
                if !matches!(present, Waiting::Linked) {
                    return Err(PageError::changed_meanwhile());
                }
            }
        }
        Waiting::Linked => {}
        Waiting::Nothing => {
            let next = page_to_open(&headers, is_secure, session);
            let shown = LinkPage {
                page: visitor.page("Sign in"),
                provider: provider.name().to_owned(),
                question: Question::TooLate { next },
            };
            let mut response = html(StatusCode::GONE, &shown)?;
            response.extensions_mut().insert(HasOwnPage);
            return Ok(without_identity(response, is_secure));
        }
    }
    // The page says what happened.
    Ok(Redirect::to(LINK_PAGE).into_response())
}

/// Has the person told that an identity was linked: somebody else may have done it.
async fn announce(ports: &WebPorts, session: &Session, families: Vec<FamilyId>, provider: &str) {
    let message = MessageRequest::IdentityLinked(IdentityLinking {
        person: session.person.clone(),
        families,
        provider: provider.to_owned(),
    });
    // It is linked, so the page must not say that nothing was changed.
    if let Err(error) = ports.messages.send(message).await {
        tracing::error!(%error, "A person could not be told of a linked account.");
    }
}

/// The page that the person came for.
fn page_to_open(headers: &HeaderMap, is_secure: bool, session: &Session) -> String {
    let next = next_page(headers, is_secure, session);
    next.unwrap_or_else(|| "/".to_owned())
}

/// Redirects to the page that the person came for, without the identity that waited.
fn redirect_after_link(headers: &HeaderMap, is_secure: bool, session: &Session) -> Response {
    let response = Redirect::to(&page_to_open(headers, is_secure, session)).into_response();
    without_identity(response, is_secure)
}

/// Makes the browser forget the identity that waited, and the page that the person came for.
fn without_identity(mut response: Response, is_secure: bool) -> Response {
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
    let families = own_families(&ports, &session).await?;
    ports.store.unlink_identities(&session.person).await?;
    record_unlinking(&ports, &session, &families).await;
    let next = match session.family {
        Some(_) => "/family/settings?saved=unlinked",
        None => "/?saved=unlinked",
    };
    Ok(Redirect::to(next).into_response())
}

/// The families that somebody is a recipient of.
pub(crate) async fn own_families(
    ports: &WebPorts,
    session: &Session,
) -> Result<Vec<FamilyId>, PageError> {
    let operators = &ports.settings.operators;
    let grant = find_grant(&*ports.store, operators, &session.person).await?;
    Ok(grant.map(|grant| grant.families).unwrap_or_default())
}

/// Records that somebody unlinked their identities.
pub(crate) async fn record_unlinking(ports: &WebPorts, session: &Session, families: &[FamilyId]) {
    tracing::info!("Somebody unlinked their identities.");
    record_own_change(ports, session, families, Change::IdentitiesUnlinked).await;
}

/// Records what somebody changed about their own signing in, for each of their families.
async fn record_own_change(
    ports: &WebPorts,
    session: &Session,
    families: &[FamilyId],
    change: Change,
) {
    let actor = Actor::Person(session.person.clone());
    if families.is_empty() {
        record_change(ports, actor, None, change).await;
        return;
    }
    for family in families {
        record_change(ports, actor.clone(), Some(family), change.clone()).await;
    }
}
