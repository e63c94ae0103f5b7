//! The email that says that an account elsewhere was linked to somebody.

use serde::{Deserialize, Serialize};

use super::deliver::deliver;
use super::letter::Letter;
use super::ports::{MessageError, MessageOutcome, MessagePorts};
use crate::email_address::EmailAddress;
use crate::ids::FamilyId;
use crate::mail::MessageKind;
use crate::sign_in::PersonId;
use crate::store::StoreResult;

/// An account elsewhere that signs somebody in from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityLinking {
    /// Whom it signs in, and who is told.
    pub person: PersonId,
    /// The families that the person is a recipient of: one of them has the address.
    pub families: Vec<FamilyId>,
    /// What people call the identity provider.
    pub provider: String,
}

/// Mails somebody that an account was linked, so that nobody does it unnoticed.
pub(super) async fn send_identity_linked(
    ports: &MessagePorts<'_>,
    linking: &IdentityLinking,
) -> Result<MessageOutcome, MessageError> {
    let Some(to) = find_address(ports, linking).await? else {
        return Ok(MessageOutcome::TooLate);
    };
    let page = ports.public_url.page(match linking.families.is_empty() {
        true => "/",
        false => "/family/settings",
    });
    let subject = "An account was linked to your sign-in";
    let provider = &linking.provider;
    let letter = Letter {
        subject,
        heading: subject,
        paragraphs: &[
            format!("Your {provider} account can sign you in to LibraryHippo now, without an email."),
            "If you linked it, you’re done.".to_owned(),
            "If you didn’t, somebody else was signed in as you. Sign in, tick the box to unlink the account, and press \
             “Sign out everywhere”. Then tell the person who runs LibraryHippo."
                .to_owned(),
        ],
        button: Some(("See your linked accounts", &page)),
        remark: "You get this email whenever an account is linked to your address.",
    };
    let content = letter.compose(ports.operator_contact)?;
    deliver(ports, MessageKind::IdentityLinked, to, content).await?;
    Ok(MessageOutcome::Sent)
}

/// Finds the person's address among the recipients of the families, or else among the operators.
async fn find_address(
    ports: &MessagePorts<'_>,
    linking: &IdentityLinking,
) -> StoreResult<Option<EmailAddress>> {
    let is_person = |address: &EmailAddress| PersonId::from_address(address) == linking.person;
    for family in &linking.families {
        if let Some(family) = ports.families.family(family).await?
            && let Some(address) = family.reachable_recipients().into_iter().find(is_person)
        {
            return Ok(Some(address));
        }
    }
    let mut operators = ports.operators.iter();
    Ok(operators.find(|address| is_person(address)).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::testing::{FrozenClock, TestMailer, with_ports};
    use crate::store::FamilyStore as _;
    use crate::testing::contract::sample;
    use crate::testing::memory::MemoryStore;

    /// Whom an account that signs in this address is mailed to.
    async fn told(address: &str, families: &[&str]) -> (MessageOutcome, Vec<String>) {
        let (store, mailer) = (MemoryStore::default(), TestMailer::default());
        for id in ["conrad", "lee"] {
            let mut family = sample::family(id);
            family.recipients = vec![format!("{id}@example.org").parse().unwrap()];
            store.add_family(&family).await.unwrap();
        }
        let linking = IdentityLinking {
            person: PersonId::from_address(&address.parse().unwrap()),
            families: families.iter().map(|id| sample::family_id(id)).collect(),
            provider: "Home".to_owned(),
        };
        let send = async |ports: MessagePorts<'_>| send_identity_linked(&ports, &linking).await;
        let outcome = with_ports(&store, &mailer, &FrozenClock, send).await;
        let mails = mailer.mails.lock().unwrap();
        let to = mails.iter().map(|mail| mail.to[0].to_string());
        (outcome.unwrap(), to.collect())
    }

    #[tokio::test]
    async fn linked_account_is_mailed_to_its_person_only() {
        let sent = |to: &str| (MessageOutcome::Sent, vec![to.to_owned()]);
        let both = ["conrad", "lee"];
        assert_eq!(
            told("lee@example.org", &both).await,
            sent("lee@example.org")
        );
        let operator = "operator@example.org";
        assert_eq!(told(operator, &[]).await, sent(operator));
        // Who has left since is told by another email.
        let gone = told("gone@example.org", &both).await;
        assert_eq!(gone, (MessageOutcome::TooLate, Vec::new()));
    }
}
