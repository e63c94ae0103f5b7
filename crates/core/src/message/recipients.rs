//! The emails about who gets a family's emails: invitations and removals.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::deliver::deliver;
use super::letter::Letter;
use super::ports::{MessageError, MessageOutcome, MessagePorts};
use crate::email_address::EmailAddress;
use crate::ids::FamilyId;
use crate::invitation::{INVITATION_PAGE, InvitationId, InvitationLink};
use crate::mail::{MailContent, MessageKind};
use crate::notice::render::RenderError;
use crate::sign_in::{PersonId, Token};

/// A stored invitation that is to be mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRequest {
    /// The family.
    pub family: FamilyId,
    /// The invitation.
    pub invitation: InvitationId,
}

/// A recipient who was removed, by another one or by choice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The family.
    pub family: FamilyId,
    /// The removed address. The family no longer has it.
    pub address: EmailAddress,
    /// Who removed it.
    pub by: PersonId,
    /// Who is told.
    pub to: RemovalReader,
}

/// Who is told of a removal. Each has a request of their own, so that a repeated one tells nobody twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalReader {
    /// The removed recipient.
    Removed,
    /// The one who did it.
    Remover,
}

// An address belongs in no log.
impl fmt::Debug for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removal")
            .field("family", &self.family)
            .finish_non_exhaustive()
    }
}

/// Makes an invitation's token and mails its link. A repeated request makes a new one, which replaces it.
pub(super) async fn send_invitation(
    ports: &MessagePorts<'_>,
    request: &InvitationRequest,
) -> Result<MessageOutcome, MessageError> {
    let (family, invitation) = futures::try_join!(
        ports.families.family(&request.family),
        ports
            .invitations
            .invitation(&request.family, &request.invitation),
    )?;
    let (Some(family), Some(invitation)) = (family, invitation) else {
        return Ok(MessageOutcome::TooLate);
    };
    let token = Token::generate()?;
    let Some(granted) = invitation.with_token(&token, ports.clock.now()) else {
        return Ok(MessageOutcome::TooLate);
    };
    let replaced = ports
        .invitations
        .replace_invitation(invitation.revision, &granted);
    if !replaced.await? {
        return Ok(MessageOutcome::TooLate);
    }
    let link = InvitationLink {
        family: granted.family,
        id: granted.id,
        token,
    };
    let url = format!(
        "{}?token={}",
        ports.public_url.page(INVITATION_PAGE),
        link.to_secret_text()
    );
    let subject = format!("{}: join the library emails", family.name);
    let letter = Letter {
        subject: &subject,
        heading: "An invitation",
        paragraphs: &[
            format!(
                "Somebody in “{}” invited you to their library emails: what to take back, and what to pick up.",
                family.name
            ),
            "Open this link within 7 days, and press the button on its page.".to_owned(),
        ],
        button: Some(("Look at the invitation", &url)),
        remark: "If you don’t know these people or don’t want this, do nothing. You’ll get at most three invitations in a month.",
    };
    let content = letter.compose(ports.operator_contact)?;
    deliver(ports, MessageKind::Invitation, granted.address, content).await?;
    Ok(MessageOutcome::Sent)
}

/// Tells a removed recipient, or the one who did it.
pub(super) async fn send_removal(
    ports: &MessagePorts<'_>,
    removal: &Removal,
) -> Result<MessageOutcome, MessageError> {
    let Some(family) = ports.families.family(&removal.family).await? else {
        return Ok(MessageOutcome::TooLate);
    };
    let (to, content) = match removal.to {
        RemovalReader::Removed => {
            let content = tell_removed(removal, &family.name, ports.operator_contact)?;
            (removal.address.clone(), content)
        }
        RemovalReader::Remover => {
            let mut recipients = family.reachable_recipients().into_iter();
            let remover = recipients.find(|address| PersonId::from_address(address) == removal.by);
            let Some(remover) = remover else {
                return Ok(MessageOutcome::TooLate);
            };
            let content = tell_remover(removal, &family.name, ports.operator_contact)?;
            (remover, content)
        }
    };
    deliver(ports, MessageKind::Removal, to, content).await?;
    Ok(MessageOutcome::Sent)
}

/// Composes the mail to a removed recipient.
fn tell_removed(
    removal: &Removal,
    family: &str,
    operator_contact: Option<&str>,
) -> Result<MailContent, RenderError> {
    let what = match PersonId::from_address(&removal.address) == removal.by {
        true => format!("You left “{family}”."),
        false => format!("Somebody in “{family}” removed you from its library emails."),
    };
    let letter = Letter {
        subject: "You no longer get the library emails",
        heading: "You no longer get the library emails",
        paragraphs: &[
            what,
            "You can’t open the family’s pages any more. No card was changed.".to_owned(),
        ],
        button: None,
        remark: "To get the emails again, ask somebody in the family to invite you.",
    };
    letter.compose(operator_contact)
}

/// Composes the mail to the person who removed a recipient.
fn tell_remover(
    removal: &Removal,
    family: &str,
    operator_contact: Option<&str>,
) -> Result<MailContent, RenderError> {
    let letter = Letter {
        subject: "A recipient was removed",
        heading: "A recipient was removed",
        paragraphs: &[format!(
            "{} no longer gets the library emails of “{family}”, and can’t open its pages.",
            removal.address.as_str()
        )],
        button: None,
        remark: "Somebody who was signed in as you did this. If it wasn’t you, sign out everywhere in the settings, unlink \
                 accounts that you don’t know, and tell the person who runs LibraryHippo.",
    };
    letter.compose(operator_contact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock as _;
    use crate::invitation::Invitation;
    use crate::message::testing::{FrozenClock, TestMailer, with_ports};
    use crate::store::{FamilyStore as _, InvitationStore as _};
    use crate::testing::contract::sample;
    use crate::testing::memory::MemoryStore;

    async fn invite(store: &MemoryStore) -> Invitation {
        let by = PersonId::from_address(&"zoe@example.org".parse().unwrap());
        let address = "new@example.org".parse().unwrap();
        let invitation =
            Invitation::new(sample::family_id("conrad"), address, by, FrozenClock.now());
        assert!(store.add_invitation(&invitation).await.unwrap());
        invitation
    }

    #[tokio::test]
    async fn late_request_keeps_a_newer_invitation() {
        let (store, mailer) = (MemoryStore::default(), TestMailer::default());
        store.add_family(&sample::family("conrad")).await.unwrap();
        let send = async |invitation: &Invitation| {
            let request = InvitationRequest {
                family: invitation.family.clone(),
                invitation: invitation.id,
            };
            let send = async |ports: MessagePorts<'_>| send_invitation(&ports, &request).await;
            with_ports(&store, &mailer, &FrozenClock, send)
                .await
                .unwrap()
        };
        // Its mail failed, and the queue keeps the request for a while.
        let first = invite(&store).await;
        let removed = store.remove_invitation(&first.family, &first.id).await;
        assert!(removed.unwrap());
        let second = invite(&store).await;
        assert_eq!(send(&second).await, MessageOutcome::Sent);
        let mailed = store.invitation(&second.family, &second.id).await.unwrap();
        assert!(mailed.as_ref().unwrap().token_hash.is_some());
        assert_eq!(send(&first).await, MessageOutcome::TooLate);
        assert_eq!(mailer.mails.lock().unwrap().len(), 1);
        let after = store.invitation(&second.family, &second.id).await.unwrap();
        assert_eq!(after, mailed, "the mailed link still works");
        // The same request may come twice: the mail may not have been sent.
        assert_eq!(send(&second).await, MessageOutcome::Sent);
    }
}
