//! Sending one message.

use std::time::Duration;

use super::ports::{MessageError, MessagePorts};
use crate::email_address::EmailAddress;
use crate::mail::{Mail, MailContent, MessageKind, SendOutcome};

/// How often the mail service is asked to take a mail.
const MAX_SEND_ATTEMPTS: u32 = 3;

/// The time between two tries.
const RESEND_DELAY: Duration = Duration::from_secs(5);

/// What the mail service said of a mail to one address. No reason has an address.
pub(super) enum Delivery {
    /// It took the mail.
    Accepted,
    /// It refuses the mail for good.
    Refused(String),
    /// It certainly didn't take the mail, but may do so later.
    NotNow(String),
    /// It may have taken the mail.
    InDoubt(String),
}

/// Sends the mail, again if it may not have been sent.
pub(super) async fn deliver(
    ports: &MessagePorts<'_>,
    kind: MessageKind,
    to: EmailAddress,
    content: MailContent,
) -> Result<(), MessageError> {
    let mut last_reason = String::new();
    for sends in 0..MAX_SEND_ATTEMPTS {
        if sends > 0 {
            ports.clock.sleep(RESEND_DELAY).await;
        }
        match deliver_once(ports, kind, to.clone(), content.clone()).await {
            Delivery::Accepted => return Ok(()),
            Delivery::Refused(reason) => return Err(MessageError::Refused(reason)),
            Delivery::NotNow(reason) | Delivery::InDoubt(reason) => last_reason = reason,
        }
    }
    Err(MessageError::NotSent(last_reason))
}

/// Sends the mail at most once.
pub(super) async fn deliver_once(
    ports: &MessagePorts<'_>,
    kind: MessageKind,
    to: EmailAddress,
    content: MailContent,
) -> Delivery {
    let mail = Mail::for_message(kind, to, content, ports.clock.now());
    match ports.mailer.send(&mail).await {
        SendOutcome::Accepted {
            refused_recipients: refused,
            ..
        } => match refused.into_iter().next() {
            None => Delivery::Accepted,
            Some(refused) if refused.is_permanent => Delivery::Refused(refused.reason),
            Some(refused) => Delivery::NotNow(refused.reason),
        },
        SendOutcome::Refused {
            reason,
            is_permanent: true,
        } => Delivery::Refused(reason),
        SendOutcome::Refused { reason, .. } | SendOutcome::NotSent { reason } => {
            Delivery::NotNow(reason)
        }
        SendOutcome::Unknown { reason } => Delivery::InDoubt(reason),
    }
}
