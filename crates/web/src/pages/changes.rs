//! What was changed lately, in words for the family.

use hippo_core::audit::{Actor, AuditEntry, Change};
use hippo_core::clock::local_date;
use hippo_core::notice::phrases::moment;
use hippo_core::sign_in::PersonId;

use crate::access::session::FamilyMember;
use crate::audit::load_changes;
use crate::error::PageError;
use crate::ports::WebPorts;

/// The most changes that are shown.
const MAX_CHANGES: usize = 20;

/// A change in words.
pub(super) struct ChangeView {
    pub(super) time: String,
    pub(super) words: String,
    /// Whose card it concerns, if that card is still there.
    pub(super) patron: Option<String>,
}

/// Loads the family's newest changes.
pub(super) async fn load(
    ports: &WebPorts,
    member: &FamilyMember,
) -> Result<Vec<ChangeView>, PageError> {
    let family = &member.loaded.family;
    let entries = load_changes(ports, Some(family), MAX_CHANGES).await?;
    let (zone, now) = (family.timezone, ports.clock.now());
    let today = local_date(now, zone);
    let view = |entry: AuditEntry| ChangeView {
        time: moment(entry.at, zone, today),
        words: format!(
            "{} {}",
            name_actor(member, &entry.actor),
            entry.change.describe()
        ),
        patron: entry.change.card().and_then(|id| {
            let mut cards = member.loaded.cards.iter().map(|(record, _)| &record.card);
            cards
                .find(|card| card.id == id)
                .map(|card| card.patron.clone())
        }),
    };
    Ok(entries.into_iter().map(view).collect())
}

/// Says who made the newest change of this kind and when, such as `You set a card’s PIN (17:03).`; `None`: none is
/// on record.
pub(super) async fn describe_newest(
    ports: &WebPorts,
    member: &FamilyMember,
    is_wanted: impl Fn(&Change) -> bool,
) -> Result<Option<String>, PageError> {
    let family = &member.loaded.family;
    let entries = load_changes(ports, Some(family), MAX_CHANGES).await?;
    let newest = entries.into_iter().find(|entry| is_wanted(&entry.change));
    let (zone, now) = (family.timezone, ports.clock.now());
    Ok(newest.map(|entry| {
        let who = name_actor(member, &entry.actor);
        let time = moment(entry.at, zone, local_date(now, zone));
        format!("{who} {} ({time}).", entry.change.describe())
    }))
}

/// Whether a change is one of what the settings' forms show. Others belong to a card or a feed, or to an invitation.
pub(super) fn is_of_settings(change: &Change) -> bool {
    matches!(
        change,
        Change::SettingsChanged
            | Change::MailsPaused
            | Change::MailsResumed
            | Change::RecipientAdded
            | Change::RecipientConfirmed
            | Change::RecipientLeft
            | Change::RecipientRemoved { .. }
    )
}

/// Names who made a change. Recipients see each other's addresses on this page anyway.
fn name_actor(member: &FamilyMember, actor: &Actor) -> String {
    let person = match actor {
        Actor::Operator => return "The person who runs LibraryHippo".to_owned(),
        Actor::Command => {
            return "The person who runs LibraryHippo (with the command)".to_owned();
        }
        Actor::Link => return "Somebody with the link of an email".to_owned(),
        Actor::Person(person) => person,
    };
    if *person == member.session.person {
        return "You".to_owned();
    }
    let mut recipients = member.loaded.family.recipients.iter();
    let known = recipients.find(|address| PersonId::from_address(address) == *person);
    known.map_or_else(
        || "Somebody who has left the family".to_owned(),
        ToString::to_string,
    )
}
