//! The mail with the link and the code.
//!
//! It is a message: sent at least once, outside the outbox.

use std::time::Duration;

use askama::Template;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::grant::{Grant, PersonId};
use super::limit::take_permit;
use super::rate_log::{RateKey, TOTAL_LIMITS};
use super::token::{NoRandomness, SignInCode, Token};
use crate::clock::Clock;
use crate::email_address::EmailAddress;
use crate::mail::{Mail, MailAnswer, MailContent, Mailer};
use crate::notice::phrases::wrap;
use crate::notice::render::RenderError;
use crate::notice::view::Contact;
use crate::store::{FamilyStore, SignInStore, StoreError};

/// How often the mail service is asked to take a mail.
const MAX_SENDS: u32 = 3;

/// The time between two tries.
const RESEND_DELAY: Duration = Duration::from_secs(5);

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

/// What the sign-in mail needs from outside.
#[derive(Clone, Copy)]
pub struct SignInMailPorts<'a> {
    /// The attempts.
    pub sign_ins: &'a dyn SignInStore,
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The addresses that sign in as the operator.
    pub operators: &'a [EmailAddress],
    /// The address of the page that takes the link, without the token: `https://…/sign-in/link`.
    pub link_page: &'a str,
    /// The contact for questions: a mail address or a few words.
    pub operator_contact: Option<&'a str>,
}

/// Why a sign-in mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SignInMailError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness for the tokens.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The template failed, which is a bug.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The mail service didn't take it; the reason has no address.
    #[error("{0}")]
    NotSent(String),
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMailOutcome {
    /// The mail was sent.
    Sent,
    /// Nobody with this address may sign in.
    UnknownAddress,
    /// The attempt is over, or already has its mail.
    TooLate,
    /// Too many mails were sent today.
    TooMany,
}

/// Grants an attempt and mails its link and code, if somebody with the address may sign in.
///
/// The mail goes to the address as the family or the configuration has it, never as it was typed.
pub async fn send_sign_in_mail(
    ports: &SignInMailPorts<'_>,
    request: &SignInRequest,
) -> Result<SignInMailOutcome, SignInMailError> {
    let Some((to, grant)) = find_person(ports, &request.address).await? else {
        return Ok(SignInMailOutcome::UnknownAddress);
    };
    let Some(attempt) = ports.sign_ins.attempt(request.attempt).await? else {
        return Ok(SignInMailOutcome::TooLate);
    };
    // Only known addresses count: others must not use up what is left for these.
    let (total, now) = (RateKey::total(), ports.clock.now());
    if !take_permit(ports.sign_ins, &total, &TOTAL_LIMITS, now).await? {
        return Ok(SignInMailOutcome::TooMany);
    }
    let (link, code) = (Token::generate()?, SignInCode::generate()?);
    let Some(granted) = attempt.grant(grant, &link, &code, ports.clock.now()) else {
        return Ok(SignInMailOutcome::TooLate);
    };
    let replaced = ports.sign_ins.replace_attempt(attempt.revision, &granted);
    if !replaced.await? {
        return Ok(SignInMailOutcome::TooLate);
    }
    let url = format!(
        "{}?token={}.{}",
        ports.link_page,
        attempt.id.simple(),
        link.to_secret_text()
    );
    let content = compose(&url, &code, ports.operator_contact)?;
    send(ports, to, content).await?;
    Ok(SignInMailOutcome::Sent)
}

/// Finds who has an address, and what that person may see.
async fn find_person(
    ports: &SignInMailPorts<'_>,
    address: &EmailAddress,
) -> Result<Option<(EmailAddress, Grant)>, StoreError> {
    let is_same = |known: &EmailAddress| known.is_same_mailbox(address);
    let operator = ports.operators.iter().find(|known| is_same(known)).cloned();
    let mut known = operator.clone();
    let mut families = Vec::new();
    for family in ports.families.families().await? {
        // We no longer write to a stopped recipient.
        if let Some(recipient) = family
            .reachable_recipients()
            .into_iter()
            .find(|known| is_same(known))
        {
            known.get_or_insert(recipient);
            families.push(family.id);
        }
    }
    Ok(known.map(|address| {
        let grant = Grant {
            person: PersonId::from_address(&address),
            families,
            is_operator: operator.is_some(),
        };
        (address, grant)
    }))
}

/// Sends the mail, again if it may not have been sent.
async fn send(
    ports: &SignInMailPorts<'_>,
    to: EmailAddress,
    content: MailContent,
) -> Result<(), SignInMailError> {
    let mail = Mail {
        to: vec![to],
        subject: content.subject,
        text: content.text,
        html: content.html,
        picture: None,
        date: ports.clock.now(),
        tag: None,
    };
    let mut last_reason = String::new();
    for sends in 0..MAX_SENDS {
        if sends > 0 {
            ports.clock.sleep(RESEND_DELAY).await;
        }
        match ports.mailer.send(&mail).await {
            MailAnswer::Accepted { refused, .. } => match refused.into_iter().next() {
                None => return Ok(()),
                Some(refused) if refused.is_permanent => {
                    return Err(SignInMailError::NotSent(refused.reason));
                }
                Some(refused) => last_reason = refused.reason,
            },
            MailAnswer::Refused {
                reason,
                is_permanent: true,
            } => return Err(SignInMailError::NotSent(reason)),
            MailAnswer::Refused { reason, .. }
            | MailAnswer::NotSent { reason }
            | MailAnswer::Unknown { reason } => last_reason = reason,
        }
    }
    Err(SignInMailError::NotSent(last_reason))
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
