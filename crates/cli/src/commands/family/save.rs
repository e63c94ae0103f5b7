//! Saves a family and prints what was done.

use hippo_core::audit::Change;
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;

use crate::audit::record_change;
use crate::context::Context;
use crate::exit::{CommandResult, Outcome};

/// Saves a family and prints what was done, and `advice`, which may be empty.
pub(super) async fn save_and_print(
    context: &Context,
    family: &Family,
    change: Change,
    verb: &str,
    advice: &str,
) -> CommandResult {
    context.store.update_family(family).await?;
    record_change(context, Some(&family.id), change).await;
    print_saved(context, &family.id, verb, advice).await
}

/// Prints what was done, such as `Changed conrad.`, or the saved family as JSON.
pub(super) async fn print_saved(
    context: &Context,
    id: &FamilyId,
    verb: &str,
    advice: &str,
) -> CommandResult {
    context.output.print_document(&context.family(id).await?);
    context
        .output
        .print_text(format!("{verb} {id}. {advice}").trim_end());
    Ok(Outcome::Done)
}
