//! Signing in with the link of an email.

use askama::Template;
use axum::Extension;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use hippo_core::sign_in::{SignInAttempt, SignInUse};
use serde::Deserialize;

use super::{AttemptToken, Browser, Used, mark_as_rendered, use_attempt, with_cookie};
use crate::access::session::Visitor;
use crate::error::{PageError, PageResult};
use crate::guard::host::RequestOrigin;
use crate::page::{Page, html};
use crate::ports::WebPorts;

#[derive(Template)]
#[template(path = "sign_in_link.html")]
struct LinkPage {
    page: Page,
    form_token: String,
    state: LinkState,
}

/// What a link can still do.
enum LinkState {
    /// It signs in, with this token.
    Works(String),
    /// It signed somebody in before.
    Used,
    /// It doesn't work, or not any more.
    Over,
}

/// The token in a link.
#[derive(Deserialize)]
pub(crate) struct LinkQuery {
    #[serde(default)]
    token: String,
}

/// Shows a button for a link. It uses nothing up, because mail scanners open links.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    visitor: Visitor,
    Query(query): Query<LinkQuery>,
) -> PageResult {
    let browser = Browser::new(&headers, &origin);
    let state = match AttemptToken::from_text(&query.token) {
        Some(link) => find_state(&ports, &link).await?,
        None => LinkState::Over,
    };
    show_page(&browser, visitor.page("Sign in"), state)
}

async fn find_state(ports: &WebPorts, link: &AttemptToken) -> Result<LinkState, PageError> {
    let Some(attempt) = ports.store.attempt(link.id).await? else {
        return Ok(LinkState::Over);
    };
    Ok(match attempt.use_link(&link.token, ports.clock.now()) {
        SignInUse::Accepted(..) => LinkState::Works(link.to_secret_text()),
        SignInUse::UsedBefore(_) => LinkState::Used,
        SignInUse::Wrong(_) | SignInUse::Over => LinkState::Over,
    })
}

fn show_page(browser: &Browser<'_>, page: Page, state: LinkState) -> PageResult {
    let form_token = browser.form_token()?;
    let status = match state {
        LinkState::Works(_) => StatusCode::OK,
        LinkState::Used | LinkState::Over => StatusCode::GONE,
    };
    let shown = LinkPage {
        page,
        form_token: form_token.field,
        state,
    };
    Ok(mark_as_rendered(with_cookie(
        html(status, &shown)?,
        form_token.cookie,
    )))
}

/// The form of a link's page.
#[derive(Deserialize)]
pub(crate) struct LinkForm {
    form_token: String,
    token: String,
}

/// Uses a link. If it has just signed the person in, only shows the next page.
pub(crate) async fn use_link(
    State(ports): State<WebPorts>,
    Extension(origin): Extension<RequestOrigin>,
    headers: HeaderMap,
    visitor: Visitor,
    Form(form): Form<LinkForm>,
) -> PageResult {
    let browser = Browser::new(&headers, &origin);
    browser.check_form_token(&form.form_token)?;
    let now = ports.clock.now();
    let used = match AttemptToken::from_text(&form.token) {
        Some(link) => {
            let use_it = |attempt: &SignInAttempt| attempt.use_link(&link.token, now);
            use_attempt(&ports, &browser, link.id, use_it).await?
        }
        None => Used::Over,
    };
    let state = match used {
        Used::Accepted(session) => return Ok(session.open(&browser)),
        Used::Before(person) if visitor.is(&person) => {
            return Ok(Redirect::to("/").into_response());
        }
        Used::Before(_) => LinkState::Used,
        Used::Wrong { .. } | Used::Over => LinkState::Over,
    };
    show_page(&browser, visitor.page("Sign in"), state)
}
