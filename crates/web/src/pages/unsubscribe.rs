//! Unsubscribing by the link in an email, without signing in.
//!
//! The token in the path is all the authority that there is: no cookie is read or set. It names the
//! recipients of one kind of email to one family, and nothing about them is shown but masked addresses.

mod one_click;

use askama::Template;
use axum::Form;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use hippo_core::audit::{Actor, Change};
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::MailKind;
use hippo_core::unsubscribe::{Subscription, UnsubscribeToken, find_subscription, mask_addresses};
use serde::Deserialize;
use zeroize::Zeroizing;

use self::one_click::is_one_click;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::page::{Page, html};
use crate::ports::WebPorts;

/// The path's token, or why there is none.
type TokenPath = Result<Path<String>, PathRejection>;

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct UnsubscribePage {
    page: Page,
    what: &'static str,
    token: Zeroizing<String>,
    recipients: Vec<RecipientView>,
}

/// A recipient that the link stands for.
struct RecipientView {
    masked: String,
    /// The recipient's name in the form.
    name: String,
    is_unsubscribed: bool,
    can_undo: bool,
}

/// What a kind of email is called.
pub(crate) fn kind_words(kind: &MailKind) -> &'static str {
    match kind {
        kind if *kind == MailKind::DAILY => "the daily email about your library cards",
        kind if *kind == MailKind::PICTURE => "the picture of the day",
        _ => "this email",
    }
}

/// Shows a button for each address. Opening the page changes nothing: mail programs open links too.
pub(crate) async fn show(State(ports): State<WebPorts>, token: TokenPath) -> PageResult {
    let (token, subscription) = find(&ports, token).await?;
    show_page(&token, &subscription)
}

fn show_page(token: &UnsubscribeToken, subscription: &Subscription) -> PageResult {
    let recipients = subscription.recipients();
    let masked = mask_addresses(&recipients);
    let recipients = recipients.into_iter().zip(masked);
    let shown = UnsubscribePage {
        page: Page::new("Stop these emails"),
        what: kind_words(subscription.kind()),
        token: token.to_secret_text(),
        recipients: recipients
            .map(|(address, masked)| RecipientView {
                masked,
                name: token.recipient_name(address),
                is_unsubscribed: subscription.is_unsubscribed(address),
                can_undo: subscription.can_undo(address),
            })
            .collect(),
    };
    Ok(html(StatusCode::OK, &shown)?)
}

/// Finds what a token stands for. A token that is unknown, malformed or forgotten gets the same answer.
async fn find(
    ports: &WebPorts,
    token: TokenPath,
) -> Result<(UnsubscribeToken, Subscription), PageError> {
    let text = token.ok().map(|Path(text)| Zeroizing::new(text));
    let token = text.and_then(|text| UnsubscribeToken::from_secret_text(&text));
    let token = token.ok_or_else(PageError::old_link)?;
    let found = find_subscription(&*ports.store, &*ports.store, &token).await?;
    Ok((token, found.ok_or_else(PageError::old_link)?))
}

/// Unsubscribes the email's only recipient, for a mail provider (RFC 8058). Succeeds if it was done before.
///
/// The response isn't a redirect, since the provider follows none.
pub(crate) async fn unsubscribe_by_one_click(
    State(ports): State<WebPorts>,
    token: TokenPath,
    headers: HeaderMap,
    body: Bytes,
) -> PageResult {
    if !is_one_click(&headers, &body) {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    }
    let (token, subscription) = find(&ports, token).await?;
    if !subscription.has_single_recipient() {
        // The email's header didn't offer this, and nobody can tell who asks.
        return Ok(StatusCode::BAD_REQUEST.into_response());
    }
    for address in subscription.recipients() {
        unsubscribe(&ports, &subscription, address).await?;
    }
    let after = find_subscription(&*ports.store, &*ports.store, &token).await?;
    show_page(&token, &after.unwrap_or(subscription))
}

async fn unsubscribe(
    ports: &WebPorts,
    subscription: &Subscription,
    address: &EmailAddress,
) -> Result<(), PageError> {
    let now = ports.clock.now();
    if subscription
        .unsubscribe(&*ports.store, address, now)
        .await?
    {
        tracing::info!(family.id = %subscription.family().id, mail.kind = %subscription.kind(), "A recipient unsubscribed.");
        record(ports, subscription, Change::Unsubscribed).await;
    }
    Ok(())
}

async fn record(ports: &WebPorts, subscription: &Subscription, change: Change) {
    let family = &subscription.family().id;
    record_change(ports, Actor::Link, Some(family), change).await;
}

/// The form of a button.
#[derive(Deserialize)]
pub(crate) struct RecipientForm {
    recipient: String,
}

/// Unsubscribes the recipient whose button was pressed.
pub(crate) async fn stop(
    State(ports): State<WebPorts>,
    token: TokenPath,
    Form(form): Form<RecipientForm>,
) -> PageResult {
    let (token, subscription) = find(&ports, token).await?;
    let address = find_recipient(&token, &subscription, &form)?;
    unsubscribe(&ports, &subscription, address).await?;
    Ok(back(&token))
}

/// Undoes what this link did.
pub(crate) async fn undo(
    State(ports): State<WebPorts>,
    token: TokenPath,
    Form(form): Form<RecipientForm>,
) -> PageResult {
    let (token, subscription) = find(&ports, token).await?;
    let address = find_recipient(&token, &subscription, &form)?;
    if subscription
        .undo_unsubscription(&*ports.store, address)
        .await?
    {
        tracing::info!(family.id = %subscription.family().id, mail.kind = %subscription.kind(), "A recipient undid unsubscribing.");
        record(&ports, &subscription, Change::UnsubscribingUndone).await;
    }
    Ok(back(&token))
}

fn find_recipient<'a>(
    token: &UnsubscribeToken,
    subscription: &'a Subscription,
    form: &RecipientForm,
) -> Result<&'a EmailAddress, PageError> {
    let mut recipients = subscription.recipients().into_iter();
    recipients
        .find(|address| token.recipient_name(address) == form.recipient)
        .ok_or_else(PageError::changed_meanwhile)
}

fn back(token: &UnsubscribeToken) -> axum::response::Response {
    let page = Zeroizing::new(format!("/u/{}", *token.to_secret_text()));
    Redirect::to(&page).into_response()
}
