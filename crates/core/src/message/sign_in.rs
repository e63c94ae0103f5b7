//! The email with the link and the code.

use askama::Template;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::deliver::deliver;
use super::ports::{MessageError, MessageOutcome, MessagePorts};
use crate::alerts::{Alert, raise_alerts};
use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::mail::MailContent;
use crate::notice::phrases::wrap;
use crate::notice::render::RenderError;
use crate::notice::view::Contact;
use crate::sign_in::limit::take_permit;
use crate::sign_in::{
    Grant, LINK_PAGE, PersonId, RateKey, SignInCode, TOTAL_LIMITS, Token, grant_among,
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

/// Grants an attempt and mails its link and code, if somebody with the address may sign in.
///
/// The mail goes to the address as the family or the configuration has it, never as it was typed.
pub(super) async fn send_sign_in_mail(
    ports: &MessagePorts<'_>,
    request: &SignInRequest,
) -> Result<MessageOutcome, MessageError> {
    let Some((to, grant)) = find_person(ports, &request.address).await? else {
        return Ok(MessageOutcome::UnknownAddress);
    };
    let Some(attempt) = ports.sign_ins.attempt(request.attempt).await? else {
        return Ok(MessageOutcome::TooLate);
    };
    // Only known addresses count: others must not use up what is left for these.
    let (total, now) = (RateKey::total(), ports.clock.now());
    if !take_permit(ports.sign_ins, &total, &TOTAL_LIMITS, now).await? {
        let day = now.date_naive();
        raise_alerts(ports.alerts, &[Alert::ManySignIns { day }], now).await?;
        return Ok(MessageOutcome::TooMany);
    }
    let (link, code) = (Token::generate()?, SignInCode::generate()?);
    let Some(granted) = attempt.grant(grant, &link, &code, ports.clock.now()) else {
        return Ok(MessageOutcome::TooLate);
    };
    let replaced = ports.sign_ins.replace_attempt(attempt.revision, &granted);
    if !replaced.await? {
        return Ok(MessageOutcome::TooLate);
    }
    let url = format!(
        "{}?token={}.{}",
        ports.public_url.page(LINK_PAGE),
        attempt.id.simple(),
        link.to_secret_text()
    );
    let content = compose(&url, &code, ports.operator_contact)?;
    deliver(ports, to, content).await?;
    Ok(MessageOutcome::Sent)
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
