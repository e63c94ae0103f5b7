//! The addresses that get a family's notices.

use clap::Args;
use hippo_core::audit::Change;
use hippo_core::email_address::EmailAddress;
use hippo_core::family::Family;
use hippo_core::former_recipient::forget_recipient;
use hippo_core::ids::FamilyId;
use hippo_core::mail::MailKind;
use hippo_core::sign_in::PersonId;

use super::save::{print_saved, save_and_print};
use crate::audit::record_change;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult};
use crate::suggested::HIPPO;

/// A family and an address.
#[derive(Debug, Args)]
pub(crate) struct Recipient {
    /// The family.
    id: FamilyId,
    /// The address.
    address: EmailAddress,
}

/// Whether two addresses are the same, ignoring case.
pub(super) fn is_same(one: &EmailAddress, other: &EmailAddress) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

/// An address, and which emails it doesn't get: `sam@example.org (no daily)`.
pub(super) fn describe(family: &Family, address: &EmailAddress) -> String {
    if family.is_stopped(address) {
        return format!("{address} (stopped)");
    }
    let kinds = MailKind::ALL.iter();
    let without: Vec<String> = kinds
        .filter(|kind| family.is_unsubscribed(address, kind))
        .map(|kind| format!("no {kind}"))
        .collect();
    match without.is_empty() {
        true => address.to_string(),
        false => format!("{address} ({})", without.join(", ")),
    }
}

/// Adds an address to a family.
pub(super) async fn add(context: &Context, recipient: Recipient) -> CommandResult {
    let mut family = context.family(&recipient.id).await?;
    if family
        .recipients
        .iter()
        .any(|known| is_same(known, &recipient.address))
    {
        return Err(CommandError::usage(format!(
            "The family {} already has that address. Nothing was changed.",
            family.id
        )));
    }
    // This comes first: an address that was added but not allowed would get no emails.
    context
        .store
        .allow_every_mail(&family.id, &recipient.address)
        .await?;
    family.recipients.push(recipient.address);
    save_and_print(
        context,
        &family,
        Change::RecipientAdded,
        "Added an address to",
        "",
    )
    .await
}

/// Removes an address from a family.
pub(super) async fn remove(context: &Context, recipient: Recipient) -> CommandResult {
    let mut family = context.family(&recipient.id).await?;
    let before = family.recipients.len();
    family
        .recipients
        .retain(|address| !is_same(address, &recipient.address));
    if family.recipients.len() == before {
        return Err(no_such_address(&family.id));
    }
    let what = if family.recipients.is_empty() {
        "Removed the last address, so we can't send notices to"
    } else {
        "Removed an address from"
    };
    let store = &context.store;
    store.update_family(&family).await?;
    let person = PersonId::from_address(&recipient.address);
    record_change(
        context,
        Some(&family.id),
        Change::RecipientRemoved { person },
    )
    .await;
    // The command doesn't know who is the operator: they link their account again.
    forget_recipient(&**store, &[], &family, &recipient.address).await?;
    print_saved(context, &family.id, what, "").await
}

/// Sends again to an address that was stopped or unsubscribed.
pub(super) async fn allow(context: &Context, recipient: Recipient) -> CommandResult {
    let family = context.family(&recipient.id).await?;
    if !family
        .recipients
        .iter()
        .any(|known| is_same(known, &recipient.address))
    {
        return Err(no_such_address(&family.id));
    }
    if !context
        .store
        .allow_every_mail(&family.id, &recipient.address)
        .await?
    {
        return Err(CommandError::usage(format!(
            "That address of the family {} gets its emails already. Nothing was changed.",
            family.id
        ))
        .try_command(format!("{HIPPO} family list")));
    }
    record_change(context, Some(&family.id), Change::Resubscribed).await;
    print_saved(
        context,
        &family.id,
        "Emails go out again to that address of",
        "",
    )
    .await
}

fn no_such_address(family: &FamilyId) -> CommandError {
    CommandError::usage(format!("The family {family} doesn't have that address."))
        .try_command(format!("{HIPPO} family list"))
}
