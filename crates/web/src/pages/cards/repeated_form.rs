//! A form with a number and PIN that is sent twice, as by a double click.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hippo_core::card::Card;
use uuid::Uuid;

use super::MAX_CHANGES;
use super::check::{Repeat, start_check, wait_for_check};
use super::secret_form::{announce, may_set_pin};
use crate::access::session::FamilyMember;
use crate::audit::load_changes;
use crate::error::{PageError, PageResult};
use crate::ports::WebPorts;

/// How often to look for the record of the first request, which may still be running.
const MAX_POLLS: u32 = 3;

/// The time between two polls.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Answers a form whose number and PIN are those that the card has: leads to the page that waits for their check.
///
/// If the first request stopped before it was done, this one does the rest.
pub(super) async fn answer_repeated_form(
    ports: &WebPorts,
    member: &FamilyMember,
    card: &Card,
    is_new_card: bool,
) -> PageResult {
    let Some(set_at) = find_when_set(ports, member, card.secret_id).await? else {
        let now = ports.clock.now();
        // Without this limit, a form that claims to be sent again would try a rejected PIN as often as it is sent.
        if may_set_pin(ports, &card.fingerprint).await?.is_none() {
            return Ok(wait_for_check(card, now, Repeat::Yes));
        }
        tracing::info!(card.id = %card.id, "A form was sent again, and is finished now.");
        if !is_new_card {
            ports.store.allow_retry(card.id).await?;
        }
        announce(ports, member, card, is_new_card, now).await;
        return start_check(ports, card, Repeat::Yes).await;
    };
    let present = ports.store.card(card.id).await?;
    let refused = present.and_then(|record| record.state.refused_since);
    if refused.is_some_and(|refused| refused < set_at) {
        // The library refused the PIN before this one, and only that is still on record.
        ports.store.allow_retry(card.id).await?;
        return start_check(ports, card, Repeat::Yes).await;
    }
    Ok(wait_for_check(card, set_at, Repeat::Yes))
}

/// Finds when this number and PIN were set. There is no record if nobody was told yet, or it was done with the command.
async fn find_when_set(
    ports: &WebPorts,
    member: &FamilyMember,
    secret: Uuid,
) -> Result<Option<DateTime<Utc>>, PageError> {
    let family = Some(&member.loaded.family);
    for look in 0..MAX_POLLS {
        if look > 0 {
            ports.clock.sleep(POLL_INTERVAL).await;
        }
        let changes = load_changes(ports, family, MAX_CHANGES).await?;
        if let Some(entry) = changes.iter().find(|entry| entry.id == secret) {
            return Ok(Some(entry.at));
        }
    }
    Ok(None)
}
