//! Signing an address out of the pages.

use clap::Args;
use hippo_core::audit::Change;
use hippo_core::email_address::EmailAddress;
use hippo_core::former_recipient::sign_out_everywhere;
use hippo_core::sign_in::{PersonId, find_grant};

use crate::audit::record_change;
use crate::context::Context;
use crate::exit::{CommandResult, Outcome};
use crate::output::count;

/// Which person to sign out.
#[derive(Debug, Args)]
pub(crate) struct SignOut {
    /// The address, of a recipient or of the operator.
    address: EmailAddress,
}

/// Ends every session of an address, and unlinks its identities.
pub(super) async fn run(context: &Context, sign_out: SignOut) -> CommandResult {
    let store = &context.store;
    let person = PersonId::from_address(&sign_out.address);
    let unlinked = store.count_identities(&person).await?;
    sign_out_everywhere(&**store, &person).await?;
    let grant = find_grant(&**store, &[], &person).await?;
    let families = grant.map(|grant| grant.families).unwrap_or_default();
    let change = Change::PersonSignedOut { person };
    if families.is_empty() {
        record_change(context, None, change.clone()).await;
    }
    for family in &families {
        record_change(context, Some(family), change.clone()).await;
    }
    context
        .output
        .print_document(&serde_json::json!({ "unlinked": unlinked }));
    let accounts = match unlinked {
        0 => String::new(),
        _ => format!(" Unlinked {}.", count(unlinked, "account", "accounts")),
    };
    context.output.print_text(match families.is_empty() {
        // A misspelt address must not look as if somebody had been signed out.
        true => format!(
            "No family has that address. If it is the operator's, it is signed out everywhere. If not, check its \
             spelling.{accounts}"
        ),
        false => format!(
            "Signed that address out everywhere.{accounts} From now on, only an email signs it in."
        ),
    });
    Ok(Outcome::Done)
}
