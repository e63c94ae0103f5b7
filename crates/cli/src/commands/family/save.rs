//! Saves a family and prints what was done.

use hippo_core::audit::Change;
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;

use crate::audit::record_change;
use crate::context::Context;
use crate::exit::{CommandResult, Outcome};

/// Saves a family and prints what was done.
pub(super) async fn save(
    context: &Context,
    family: &Family,
    change: Change,
    what: &str,
) -> CommandResult {
    save_and_print(context, family, change, what, "").await
}

/// Saves a family and prints what was done, with one more sentence.
pub(super) async fn save_and_print(
    context: &Context,
    family: &Family,
    change: Change,
    what: &str,
    more: &str,
) -> CommandResult {
    context.store.update_family(family).await?;
    record_change(context, Some(&family.id), change).await;
    print_saved(context, &family.id, what, more).await
}

/// Prints what was done, or the saved family as JSON.
pub(super) async fn print_saved(
    context: &Context,
    id: &FamilyId,
    what: &str,
    more: &str,
) -> CommandResult {
    context.output.print_document(&context.family(id).await?);
    context
        .output
        .print_text(format!("{what} {id}. {more}").trim_end());
    Ok(Outcome::Done)
}
