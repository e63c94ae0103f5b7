//! The email with the link and the code.

use std::time::Duration;

use askama::Template;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::deliver::{Delivery, deliver_once};
use super::ports::{MessageError, MessageOutcome, MessagePorts};
use crate::alerts::{Alert, raise_alerts};
use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::mail::{MailContent, MessageKind};
use crate::notice::phrases::wrap;
use crate::notice::render::RenderError;
use crate::notice::view::Contact;
use crate::sign_in::limit::count_attempt;
use crate::sign_in::{
    ATTEMPT_LIFETIME, Grant, LINK_PAGE, PersonId, RateKey, SignInAttempt, SignInCode, TOTAL_LIMITS,
    Token, grant_among,
};
use crate::store::StoreError;

/// A request for a sign-in mail. There is one for every address that a browser asked for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInRequest {
    /// The attempt.
    pub attempt: Uuid,
    /// The address, as it was typed.
    pub address: EmailAddress,
}

// An address belongs in no log.
impl std::fmt::Debug for SignInRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignInRequest")
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// How much time a mail must leave for its link and code, or it isn't sent.
const MIN_TIME_LEFT: TimeDelta = TimeDelta::minutes(4);

/// How often an attempt is read again after a browser tried a code, or after the store failed.
const MAX_ATTEMPTS: u32 = 10;

/// The time before the store is asked again.
const STORE_RETRY_DELAY: Duration = Duration::from_secs(2);

/// An attempt with a stored grant, whose mail isn't sent yet.
struct GrantedMail {
    to: EmailAddress,
    attempt: SignInAttempt,
    content: MailContent,
}

/// Grants an attempt and mails its link and code once, if somebody with the address may sign in.
///
/// The mail goes to the address as the family or the configuration has it, never as it was typed. If it
/// certainly wasn't sent, there is no grant either, so that the same request can be tried again
/// ([`MessageError::TryAgain`]).
pub(super) async fn send_sign_in_mail(
    ports: &MessagePorts<'_>,
    request: &SignInRequest,
) -> Result<MessageOutcome, MessageError> {
    let granted = match grant_attempt(ports, request).await {
        Ok(granted) => granted,
        // When the attempt ends is known once it can be read.
        Err(MessageError::Store(error)) => {
            return Err(MessageError::TryAgain {
                reason: error.to_string(),
                until: ports.clock.now() + ATTEMPT_LIFETIME - MIN_TIME_LEFT,
            });
        }
        Err(error) => return Err(error),
    };
    let mail = match granted {
        Ok(mail) => mail,
        Err(outcome) => return Ok(outcome),
    };
    match deliver_once(ports, MessageKind::SignIn, mail.to, mail.content).await {
        Delivery::Accepted => Ok(MessageOutcome::Sent),
        Delivery::Refused(reason) => Err(MessageError::Refused(reason)),
        // A second mail would make the link of the first useless. The person can ask for another.
        Delivery::InDoubt(reason) => {
            tracing::warn!(reason, "A sign-in email may not have been sent.");
            Ok(MessageOutcome::InDoubt)
        }
        Delivery::NotNow(reason) => {
            withdraw_grant(ports, &mail.attempt).await?;
            let until = mail.attempt.expires_at - MIN_TIME_LEFT;
            Err(MessageError::TryAgain { reason, until })
        }
    }
}

/// Grants an attempt and composes its mail; the inner error says why there is nothing to send.
async fn grant_attempt(
    ports: &MessagePorts<'_>,
    request: &SignInRequest,
) -> Result<Result<GrantedMail, MessageOutcome>, MessageError> {
    let Some((to, grant)) = find_person(ports, &request.address).await? else {
        return Ok(Err(MessageOutcome::UnknownAddress));
    };
    let Some(attempt) = ports.sign_ins.attempt(request.attempt).await? else {
        return Ok(Err(MessageOutcome::TooLate));
    };
    let now = ports.clock.now();
    if now > attempt.expires_at - MIN_TIME_LEFT {
        return Ok(Err(MessageOutcome::TooLate));
    }
    // Only known addresses count: others must not use up what is left for these.
    let total = RateKey::total();
    if !attempt.is_counted && !count_attempt(ports.sign_ins, &total, &TOTAL_LIMITS, now).await? {
        let day = now.date_naive();
        raise_alerts(ports.alerts, &[Alert::ManySignIns { day }], now).await?;
        return Ok(Err(MessageOutcome::TooMany));
    }
    let (link, code) = (Token::generate()?, SignInCode::generate()?);
    let Some(granted) = attempt.grant(grant, &link, &code, ports.clock.now()) else {
        return Ok(Err(MessageOutcome::TooLate));
    };
    let url = format!(
        "{}?token={}.{}",
        ports.public_url.page(LINK_PAGE),
        attempt.id.simple(),
        link.to_secret_text()
    );
    let content = compose(&url, &code, ports.operator_contact)?;
    let replaced = ports.sign_ins.replace_attempt(attempt.revision, &granted);
    match replaced.await {
        Ok(true) => Ok(Ok(GrantedMail {
            to,
            attempt: granted,
            content,
        })),
        Ok(false) => Ok(Err(MessageOutcome::TooLate)),
        Err(error) => {
            // It may be stored, although its response was lost.
            withdraw_grant(ports, &granted).await?;
            Err(error.into())
        }
    }
}

/// Withdraws the grant of a mail that was certainly not sent. While the store fails, it tries again: a grant
/// that stays would let no other try send the mail.
async fn withdraw_grant(
    ports: &MessagePorts<'_>,
    mailed: &SignInAttempt,
) -> Result<(), StoreError> {
    let mut last_error = StoreError::Unavailable("codes are tried too often".to_owned());
    for _ in 0..MAX_ATTEMPTS {
        match try_withdraw_grant(ports, mailed).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => {
                last_error = error;
                ports.clock.sleep(STORE_RETRY_DELAY).await;
            }
        }
    }
    Err(last_error)
}

/// Withdraws a grant; false if a browser tried a code in the meantime.
async fn try_withdraw_grant(
    ports: &MessagePorts<'_>,
    mailed: &SignInAttempt,
) -> Result<bool, StoreError> {
    let present = ports.sign_ins.attempt(mailed.id).await?;
    let without = present
        .as_ref()
        .and_then(|present| present.withdraw_grant(mailed));
    let (Some(present), Some(without)) = (&present, &without) else {
        return Ok(true);
    };
    let replaced = ports.sign_ins.replace_attempt(present.revision, without);
    replaced.await
}

/// Finds who has an address, where to write to, and what that person may see.
async fn find_person(
    ports: &MessagePorts<'_>,
    address: &EmailAddress,
) -> Result<Option<(EmailAddress, Grant)>, StoreError> {
    let families = ports.families.families().await?;
    let person = PersonId::from_address(address);
    let Some(grant) = grant_among(&families, ports.operators, &person) else {
        return Ok(None);
    };
    // We no longer write to a stopped recipient.
    let reachable = families.iter().flat_map(Family::reachable_recipients);
    let mut known = ports.operators.iter().cloned().chain(reachable);
    let to = known.find(|known| known.is_same_mailbox(address));
    Ok(to.map(|to| (to, grant)))
}

/// What the templates render.
struct SignInView<'a> {
    subject: String,
    heading: &'static str,
    url: &'a str,
    code: String,
    contact: Option<Contact>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Html<'a> {
    view: &'a SignInView<'a>,
}

#[derive(Template)]
#[template(path = "sign_in.txt")]
struct Text<'a> {
    view: &'a SignInView<'a>,
}

/// Composes the mail. The code is in groups of three digits.
fn compose(
    url: &str,
    code: &SignInCode,
    operator_contact: Option<&str>,
) -> Result<MailContent, RenderError> {
    let (first, last) = code.secret_text().split_at_checked(3).unwrap_or_default();
    let view = SignInView {
        subject: "Sign in to LibraryHippo".to_owned(),
        heading: "Sign in to LibraryHippo",
        url,
        code: format!("{first} {last}"),
        contact: Contact::from_words(operator_contact),
    };
    Ok(MailContent {
        text: wrap(&Text { view: &view }.render().map_err(RenderError::from)?),
        html: Html { view: &view }.render().map_err(RenderError::from)?,
        picture: None,
        subject: view.subject,
    })
}

#[cfg(test)]
mod tests;
