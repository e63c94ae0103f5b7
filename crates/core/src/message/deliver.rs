//! Sending one message.

use std::time::Duration;

use super::ports::{MessageError, MessagePorts};
use crate::email_address::EmailAddress;
use crate::mail::{Mail, MailAnswer, MailContent};

/// How often the mail service is asked to take a mail.
const MAX_SENDS: u32 = 3;

/// The time between two tries.
const RESEND_DELAY: Duration = Duration::from_secs(5);

/// Sends the mail, again if it may not have been sent.
pub(super) async fn deliver(
    ports: &MessagePorts<'_>,
    to: EmailAddress,
    content: MailContent,
) -> Result<(), MessageError> {
    let mail = Mail {
        to: vec![to],
        subject: content.subject,
        text: content.text,
        html: content.html,
        picture: None,
        date: ports.clock.now(),
        tag: None,
        unsubscribe: None,
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
                    return Err(MessageError::Refused(refused.reason));
                }
                Some(refused) => last_reason = refused.reason,
            },
            MailAnswer::Refused {
                reason,
                is_permanent: true,
            } => return Err(MessageError::Refused(reason)),
            MailAnswer::Refused { reason, .. }
            | MailAnswer::NotSent { reason }
            | MailAnswer::Unknown { reason } => last_reason = reason,
        }
    }
    Err(MessageError::NotSent(last_reason))
}

/// Sends the mail like [`deliver`], but passes over an address that is refused for good: the others
/// would get theirs again with each try.
pub(super) async fn deliver_if_possible(
    ports: &MessagePorts<'_>,
    to: EmailAddress,
    content: MailContent,
) -> Result<(), MessageError> {
    match deliver(ports, to, content).await {
        Err(MessageError::Refused(reason)) => {
            tracing::warn!(reason, "A recipient of a message is refused.");
            Ok(())
        }
        delivered => delivered,
    }
}
