//! Who gets the family's emails, and who is invited.

use hippo_core::clock::local_date;
use hippo_core::email_address::EmailAddress;
use hippo_core::family::Family;
use hippo_core::invitation::{Invitation, InvitationId};
use hippo_core::notice::phrases::full_day;
use hippo_core::sign_in::PersonId;

use crate::access::session::FamilyMember;
use crate::error::PageError;
use crate::ports::WebPorts;

/// A recipient in the list.
pub(super) struct RecipientView {
    pub(super) address: String,
    pub(super) person: PersonId,
    pub(super) is_self: bool,
    /// Whether emails to the address come back.
    pub(super) is_stopped: bool,
}

/// An open invitation in the list.
pub(super) struct InvitationView {
    pub(super) id: InvitationId,
    pub(super) address: String,
    pub(super) until: String,
}

/// Lists the recipients.
pub(super) fn list_recipients(member: &FamilyMember) -> Vec<RecipientView> {
    let family = &member.loaded.family;
    let view = |address: &EmailAddress| {
        let person = PersonId::from_address(address);
        RecipientView {
            address: address.to_string(),
            is_self: person == member.session.person,
            is_stopped: family.is_stopped(address),
            person,
        }
    };
    family.recipients.iter().map(view).collect()
}

/// Lists the open invitations.
pub(super) async fn list_invitations(
    ports: &WebPorts,
    family: &Family,
) -> Result<Vec<InvitationView>, PageError> {
    let now = ports.clock.now();
    let zone = family.timezone;
    let today = local_date(now, zone);
    let open = open_invitations(ports, family).await?;
    let view = |invitation: Invitation| InvitationView {
        id: invitation.id,
        address: invitation.address.to_string(),
        until: full_day(local_date(invitation.expires_at, zone), today),
    };
    Ok(open.into_iter().map(view).collect())
}

/// Finds the invitations of a family that can still be accepted.
pub(super) async fn open_invitations(
    ports: &WebPorts,
    family: &Family,
) -> Result<Vec<Invitation>, PageError> {
    let now = ports.clock.now();
    let mut found = ports.store.family_invitations(&family.id).await?;
    found.retain(|invitation| invitation.is_open(now));
    Ok(found)
}
