//! The recipients of a family who unsubscribed, and how they subscribe again.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect};
use hippo_core::audit::Change;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::MailKind;
use hippo_core::sign_in::PersonId;
use serde::Deserialize;

use super::unsubscribe::kind_words;
use crate::access::session::FamilyMember;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::ports::WebPorts;

/// A recipient who unsubscribed from a kind of email.
pub(crate) struct UnsubscribedView {
    pub(crate) address: String,
    pub(crate) kind: String,
    pub(crate) what: &'static str,
    /// Whether it is the person who is signed in. Nobody else may undo it.
    pub(crate) is_self: bool,
}

/// Lists the recipients who unsubscribed.
pub(crate) fn list_unsubscribed(member: &FamilyMember) -> Vec<UnsubscribedView> {
    let family = &member.loaded.family;
    let mut listed = Vec::new();
    for address in &family.recipients {
        let unsubscribed = family.unsubscribed.iter();
        for one in unsubscribed.filter(|one| one.address.is_same_mailbox(address)) {
            listed.push(UnsubscribedView {
                address: address.to_string(),
                kind: one.kind.to_string(),
                what: kind_words(&one.kind),
                is_self: PersonId::from_address(address) == member.session.person,
            });
        }
    }
    listed
}

/// The form that subscribes a recipient again.
#[derive(Deserialize)]
pub(crate) struct ResubscribeForm {
    family: String,
    address: String,
    kind: String,
}

/// Subscribes the signed-in person again. Succeeds if they are already subscribed: another tab came first.
pub(crate) async fn resubscribe(
    State(ports): State<WebPorts>,
    member: FamilyMember,
    Form(form): Form<ResubscribeForm>,
) -> PageResult {
    let family = &member.loaded.family.id;
    if family.as_str() != form.family {
        return Err(PageError::other_family());
    }
    let address: EmailAddress = form.address.parse().map_err(|_| PageError::not_found())?;
    if PersonId::from_address(&address) != member.session.person {
        return Err(PageError::not_found());
    }
    let kind: MailKind = form.kind.parse().map_err(|_| PageError::not_found())?;
    if ports.store.resubscribe(family, &address, &kind).await? {
        tracing::info!(family.id = %family, mail.kind = %kind, "A recipient subscribed again.");
        let change = Change::Resubscribed;
        record_change(&ports, member.actor(), Some(family), change).await;
    }
    Ok(Redirect::to("/family/settings?saved=yes").into_response())
}
