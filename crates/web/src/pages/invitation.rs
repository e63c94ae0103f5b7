//! The page of an invitation's link. Opening it changes nothing: a mail scanner opens links too.

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use hippo_core::audit::{Actor, Change};
use hippo_core::family::Family;
use hippo_core::invitation::{Invitation, InvitationLink};
use hippo_core::sign_in::PersonId;
use serde::Deserialize;

use crate::access::form_browser::FormBrowser;
use crate::access::form_token::form_page;
use crate::access::session::Visitor;
use crate::audit::record_change;
use crate::error::{PageError, PageResult};
use crate::page::Page;
use crate::ports::WebPorts;

/// How often the family is read again after somebody else changed it.
const MAX_RETRIES: u32 = 5;

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage {
    page: Page,
    form_token: String,
    state: InvitationState,
}

/// What the page shows.
enum InvitationState {
    /// A button that accepts the invitation.
    Open { family: String, token: String },
    /// It was accepted.
    Accepted { family: String },
    /// The link doesn't work.
    Over,
}

/// The token in a link.
#[derive(Deserialize)]
pub(crate) struct LinkQuery {
    #[serde(default)]
    token: String,
}

/// Shows the button.
pub(crate) async fn show(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    visitor: Visitor,
    Query(query): Query<LinkQuery>,
) -> PageResult {
    let state = match find(&ports, &query.token).await? {
        Some((family, _)) => InvitationState::Open {
            family: family.name,
            token: query.token,
        },
        None => InvitationState::Over,
    };
    show_page(&browser, &visitor, state)
}

fn show_page(browser: &FormBrowser, visitor: &Visitor, state: InvitationState) -> PageResult {
    let token = browser.form_token()?;
    let status = match state {
        InvitationState::Over => StatusCode::GONE,
        _ => StatusCode::OK,
    };
    let page = InvitationPage {
        page: visitor.page("An invitation"),
        form_token: token.field.clone(),
        state,
    };
    form_page(status, &page, token)
}

/// Finds the invitation of a link, and its family.
async fn find(ports: &WebPorts, text: &str) -> Result<Option<(Family, Invitation)>, PageError> {
    let Some(link) = InvitationLink::from_secret_text(text) else {
        return Ok(None);
    };
    let invitation = ports.store.invitation(&link.family, &link.id).await?;
    let now = ports.clock.now();
    let Some(invitation) = invitation.filter(|known| known.is_accepted_by(&link, now)) else {
        return Ok(None);
    };
    // A removed recipient's invitations no longer count.
    let family = ports.store.family(&link.family).await?;
    let family = family.filter(|family| invitation.is_inviter_still_recipient(family));
    Ok(family.map(|family| (family, invitation)))
}

/// The form of the button.
#[derive(Deserialize)]
pub(crate) struct AcceptForm {
    form_token: String,
    token: String,
}

/// Makes the invited address a recipient.
pub(crate) async fn accept(
    State(ports): State<WebPorts>,
    browser: FormBrowser,
    visitor: Visitor,
    Form(form): Form<AcceptForm>,
) -> PageResult {
    browser.check_form_token(&form.form_token)?;
    let state = match find(&ports, &form.token).await? {
        Some((family, invitation)) => {
            add_recipient(&ports, &family, &invitation).await?;
            InvitationState::Accepted {
                family: family.name,
            }
        }
        None => InvitationState::Over,
    };
    show_page(&browser, &visitor, state)
}

/// Adds the invited address, and uses the invitation up.
async fn add_recipient(
    ports: &WebPorts,
    family: &Family,
    invitation: &Invitation,
) -> Result<(), PageError> {
    let (id, address) = (&family.id, &invitation.address);
    let mut before = family.clone();
    for _ in 0..MAX_RETRIES {
        let mut known = before.recipients.iter();
        let is_recipient = known.any(|known| known.is_same_mailbox(address));
        let mut after = before.clone();
        if !is_recipient {
            after.recipients.push(address.clone());
        }
        // A person who accepts wants the emails, even after unsubscribing once.
        ports.store.allow_every_mail(id, address).await?;
        let is_new = !is_recipient && ports.store.replace_family(&before, &after).await?;
        if is_new || is_recipient {
            // If we stop before this, the link only does the same once more.
            let was_open = ports.store.remove_invitation(id, &invitation.id).await?;
            if is_new || was_open {
                tracing::info!(family.id = %id, "Somebody accepted an invitation.");
                let actor = Actor::Person(PersonId::from_address(address));
                record_change(ports, actor, Some(id), Change::RecipientConfirmed).await;
            }
            return Ok(());
        }
        let present = ports.store.family(id).await?;
        before = present.ok_or_else(PageError::not_found)?;
    }
    Err(PageError::changed_meanwhile())
}
