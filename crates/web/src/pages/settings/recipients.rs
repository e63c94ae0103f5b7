//! Who gets the family's emails: inviting, leaving, and removing somebody.

use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use hippo_core::audit::Change;
use hippo_core::email_address::EmailAddress;
use hippo_core::former_recipient::forget_recipient;
use hippo_core::ids::FamilyId;
use hippo_core::invitation::{Invitation, InvitationId};
use hippo_core::message::{InvitationRequest, MessageRequest, Removal, RemovalReader};
use hippo_core::sign_in::{INVITATION_LIMITS, INVITED_LIMITS, PersonId, RateKey, is_recipient};
use serde::Deserialize;

use super::page::{Outcome, show_page};
use super::recipient_list::open_invitations;
use super::replace::replace_or_reload;
use crate::access::form_browser::FormBrowser;
use crate::access::session::{FamilyMember, NoMember, Visitor};
use crate::access::step_up::sign_in_again;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::permit::Permit;
use crate::ports::WebPorts;

/// The most recipients of a family, with those invited.
const MAX_RECIPIENTS: usize = 20;

/// The page's own path.
pub(super) const PATH: &str = "/family/settings";

/// Refuses a form of another browser or family, or asks for a new sign-in.
fn check_form(
    ports: &WebPorts,
    browser: &FormBrowser,
    member: &FamilyMember,
    form_token: &str,
    family: &str,
) -> Result<Option<Response>, PageError> {
    browser.check_form_token(form_token)?;
    member.require_family(family)?;
    Ok(sign_in_again(ports, member, &browser.origin, PATH))
}

/// The form that invites somebody.
#[derive(Deserialize)]
pub(crate) struct InviteForm {
    form_token: String,
    family: String,
    address: String,
}

/// Invites an address: it gets an email with a link.
pub(crate) async fn invite(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: FamilyMember,
    Form(form): Form<InviteForm>,
) -> PageResult {
    if let Some(response) = check_form(&ports, &browser, &member, &form.form_token, &form.family)? {
        return Ok(response);
    }
    match invite_address(&ports, &member, &form.address).await? {
        Ok(saved) => {
            let next = format!("/family/settings?saved={saved}");
            Ok(Redirect::to(&next).into_response())
        }
        Err(problem) => show_page(&ports, &browser, &member, Outcome::Refused(problem)).await,
    }
}

/// Invites an address, and returns what to say: it may be invited already, or even a recipient. Or says what
/// prevents it.
async fn invite_address(
    ports: &WebPorts,
    member: &FamilyMember,
    typed: &str,
) -> Result<Result<&'static str, &'static str>, PageError> {
    let family = &member.loaded.family;
    let Ok(address) = typed.trim().parse::<EmailAddress>() else {
        return Ok(Err(
            "That isn’t an email address. Write it like pat@example.org.",
        ));
    };
    let is_same = |known: &EmailAddress| known.is_same_mailbox(&address);
    if family.recipients.iter().any(is_same) {
        return Ok(Ok("already-recipient"));
    }
    let open = open_invitations(ports, family).await?;
    if open.iter().any(|invitation| is_same(&invitation.address)) {
        return Ok(Ok("already-invited"));
    }
    if family.recipients.len() + open.len() >= MAX_RECIPIENTS {
        return Ok(Err(
            "A family can have at most 20 recipients, including invited ones.",
        ));
    }
    let key = RateKey::invitations(&family.id);
    let Some(family_permit) = Permit::take(ports, key, &INVITATION_LIMITS).await? else {
        return Ok(Err(
            "Your family invited ten people today. Try again tomorrow.",
        ));
    };
    let key = RateKey::invited(&PersonId::from_address(&address));
    let Some(address_permit) = Permit::take(ports, key, &INVITED_LIMITS).await? else {
        family_permit.give_back(ports).await;
        // Two requests may have invited it at once.
        let open = open_invitations(ports, family).await?;
        return Ok(match open.iter().any(|open| is_same(&open.address)) {
            true => Ok("already-invited"),
            false => Err(
                "This address was invited a short while ago. An address gets one invitation a day, and three in 30 \
                 days.",
            ),
        });
    };
    let invited = store_invitation(ports, member, address).await;
    if !matches!(invited, Ok(Invited::Now)) {
        // No email is on its way.
        address_permit.give_back(ports).await;
        family_permit.give_back(ports).await;
    }
    Ok(Ok(match invited? {
        Invited::Now => "invited",
        Invited::Before => "already-invited",
    }))
}

/// What came of inviting an address.
enum Invited {
    Now,
    /// Another request came first.
    Before,
}

/// Stores an invitation, and asks for its email.
async fn store_invitation(
    ports: &WebPorts,
    member: &FamilyMember,
    address: EmailAddress,
) -> Result<Invited, PageError> {
    let family = &member.loaded.family;
    let by = member.session.person.clone();
    let invitation = Invitation::new(family.id.clone(), address, by, ports.clock.now());
    if !ports.store.add_invitation(&invitation).await? {
        return Ok(Invited::Before);
    }
    let message = MessageRequest::Invitation(InvitationRequest {
        family: family.id.clone(),
        invitation: invitation.id,
    });
    if let Err(error) = ports.messages.send(message).await {
        // Without its email, it would only be in the way of another one.
        let removed = ports.store.remove_invitation(&family.id, &invitation.id);
        removed.await?;
        return Err(PageError::unavailable(error));
    }
    tracing::info!(family.id = %family.id, "A family invited somebody.");
    let change = Change::RecipientInvited;
    record_change(ports, member.actor(), Some(&family.id), change).await;
    Ok(Invited::Now)
}

/// The form that withdraws an invitation.
#[derive(Deserialize)]
pub(crate) struct WithdrawForm {
    form_token: String,
    family: String,
    invitation: String,
    /// The invited address, as the page showed it.
    #[serde(default)]
    address: String,
}

/// Withdraws an invitation. Succeeds if another tab already withdrew it. If it was accepted
/// in the meantime, or the address was invited again, the page says so.
pub(crate) async fn withdraw(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: FamilyMember,
    Form(form): Form<WithdrawForm>,
) -> PageResult {
    if let Some(response) = check_form(&ports, &browser, &member, &form.form_token, &form.family)? {
        return Ok(response);
    }
    let id: Result<InvitationId, _> = form.invitation.parse();
    let id = id.map_err(|_| PageError::not_found())?;
    let family = &member.loaded.family.id;
    if ports.store.remove_invitation(family, &id).await? {
        tracing::info!(family.id = %family, "A family withdrew an invitation.");
        let change = Change::InvitationWithdrawn;
        record_change(&ports, member.actor(), Some(family), change).await;
    } else if let Some(accepted) = find_recipient(&ports, family, &form.address).await? {
        let outcome = Outcome::AlreadyAccepted(accepted.to_string());
        return show_page(&ports, &browser, &member, outcome).await;
    } else {
        let open = open_invitations(&ports, &member.loaded.family).await?;
        let mut open = open.into_iter();
        if let Some(later) = open.find(|open| open.id.address_hash == id.address_hash) {
            let outcome = Outcome::InvitedAgain(later.address.to_string());
            return show_page(&ports, &browser, &member, outcome).await;
        }
    }
    Ok(Redirect::to("/family/settings?saved=yes").into_response())
}

/// Finds an address among the recipients of a family as it is now.
async fn find_recipient(
    ports: &WebPorts,
    family: &FamilyId,
    address: &str,
) -> Result<Option<EmailAddress>, PageError> {
    let (Ok(address), Some(family)) = (
        address.parse::<EmailAddress>(),
        ports.store.family(family).await?,
    ) else {
        return Ok(None);
    };
    let mut recipients = family.recipients.into_iter();
    Ok(recipients.find(|known| known.is_same_mailbox(&address)))
}

/// The form that removes a recipient, or oneself.
#[derive(Deserialize)]
pub(crate) struct RemoveForm {
    form_token: String,
    family: String,
    /// A hash of the address.
    person: String,
}

/// Removes a recipient; changes no card. Succeeds if the recipient is already gone.
pub(crate) async fn remove(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    member: Result<FamilyMember, NoMember>,
    visitor: Visitor,
    Form(form): Form<RemoveForm>,
) -> PageResult {
    let mut member = match member {
        Ok(member) => member,
        Err(no_member) => {
            if !has_left(&ports, &visitor, &form).await? {
                return Ok(no_member.into_response());
            }
            browser.check_form_token(&form.form_token)?;
            return Ok(redirect_after_removal(true));
        }
    };
    if let Some(response) = check_form(&ports, &browser, &member, &form.form_token, &form.family)? {
        return Ok(response);
    }
    let before = member.loaded.family.clone();
    let mut recipients = before.recipients.iter();
    let removed =
        recipients.find(|address| PersonId::from_address(address).as_str() == form.person);
    let Some(removed) = removed.cloned() else {
        // Another tab came first, so it is as wanted.
        return Ok(redirect_after_removal(false));
    };
    let person = PersonId::from_address(&removed);
    let is_self = person == member.session.person;
    if before.recipients.len() == 1 {
        let problem = "You’re the only one who gets these emails, so you can’t leave. Pause the emails instead, or \
                       ask the person who runs LibraryHippo to remove the family.";
        return show_page(&ports, &browser, &member, Outcome::Refused(problem)).await;
    }
    let mut after = before.clone();
    after.recipients.retain(|address| *address != removed);
    if !replace_or_reload(&ports, &mut member, &after).await? {
        return match is_recipient(&member.loaded.family, &person) {
            true => show_page(&ports, &browser, &member, Outcome::Changed(None)).await,
            // The same form was sent twice, or another tab came first.
            false => Ok(redirect_after_removal(is_self)),
        };
    }
    let change = match is_self {
        true => Change::RecipientLeft,
        false => Change::RecipientRemoved { person },
    };
    tracing::info!(family.id = %before.id, is_self, "A family removed a recipient.");
    record_change(&ports, member.actor(), Some(&before.id), change).await;
    let removal = |to| Removal {
        family: before.id.clone(),
        address: removed.clone(),
        by: member.session.person.clone(),
        to,
    };
    let mut requests = vec![removal(RemovalReader::Removed)];
    if !is_self {
        requests.push(removal(RemovalReader::Remover));
    }
    for request in requests {
        let message = MessageRequest::Removal(request);
        if let Err(error) = ports.messages.send(message).await {
            tracing::error!(%error, "Couldn't send the email about a removal.");
        }
    }
    let operators = &ports.settings.operators;
    if let Err(error) = forget_recipient(&*ports.store, operators, &after, &removed).await {
        tracing::error!(%error, "Couldn't end a removed recipient's sessions and feeds.");
    }
    Ok(redirect_after_removal(is_self))
}

/// Redirects to the settings, or to the first page for a person who left the family.
fn redirect_after_removal(is_self: bool) -> Response {
    let next = match is_self {
        true => "/",
        false => "/family/settings?saved=yes",
    };
    Redirect::to(next).into_response()
}

/// Whether the signed-in person has already left this form's family with it, as after a double click.
async fn has_left(
    ports: &WebPorts,
    visitor: &Visitor,
    form: &RemoveForm,
) -> Result<bool, PageError> {
    let Visitor(Some(session)) = visitor else {
        return Ok(false);
    };
    let Ok(family) = form.family.parse::<FamilyId>() else {
        return Ok(false);
    };
    if session.person.as_str() != form.person || !session.families.contains(&family) {
        return Ok(false);
    }
    let family = ports.store.family(&family).await?;
    Ok(family.is_some_and(|family| !is_recipient(&family, &session.person)))
}
