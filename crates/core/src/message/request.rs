//! The requests for messages.

use serde::{Deserialize, Serialize};

use super::card_pin::{PinChange, send_pin_changed};
use super::identity::{IdentityLinking, send_identity_linked};
use super::ports::{MessageError, MessageOutcome, MessagePorts};
use super::recipients::{InvitationRequest, Removal, send_invitation, send_removal};
use super::sign_in::{SignInRequest, send_sign_in_mail};

/// A request for a message. It holds no token: the sender of the message makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum MessageRequest {
    /// The link and the code that sign somebody in.
    SignIn(SignInRequest),
    /// Tells a recipient that a card's PIN was changed, or that a card was added.
    PinChanged(PinChange),
    /// Tells somebody that an account elsewhere was linked.
    IdentityLinked(IdentityLinking),
    /// Invites somebody to a family's emails.
    Invitation(InvitationRequest),
    /// Tells a removed recipient, or the one who did it.
    Removal(Removal),
}

/// Composes a message and sends it.
pub async fn send_message(
    ports: &MessagePorts<'_>,
    request: &MessageRequest,
) -> Result<MessageOutcome, MessageError> {
    let sent = match request {
        MessageRequest::SignIn(request) => send_sign_in_mail(ports, request).await,
        MessageRequest::PinChanged(change) => send_pin_changed(ports, change).await,
        MessageRequest::IdentityLinked(linking) => send_identity_linked(ports, linking).await,
        MessageRequest::Invitation(request) => send_invitation(ports, request).await,
        MessageRequest::Removal(removal) => send_removal(ports, removal).await,
    };
    match sent {
        Err(MessageError::Refused(reason)) => {
            tracing::warn!(reason, "The address of a message is refused.");
            Ok(MessageOutcome::Refused)
        }
        sent => sent,
    }
}
