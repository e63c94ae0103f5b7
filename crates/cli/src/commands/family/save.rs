//! Saves a family, and says so.

use hippo_core::family::Family;
use hippo_core::ids::FamilyId;

use crate::context::Context;
use crate::exit::{CommandResult, Outcome};

/// Saves a family and says what was done.
pub(super) async fn save(context: &Context, family: &Family, what: &str) -> CommandResult {
    save_and_say(context, family, what, "").await
}

/// The same, with one more sentence.
pub(super) async fn save_and_say(
    context: &Context,
    family: &Family,
    what: &str,
    more: &str,
) -> CommandResult {
    context.store.update_family(family).await?;
    say_saved(context, &family.id, what, more).await
}

/// Says what was done, and shows the family as it is now.
pub(super) async fn say_saved(
    context: &Context,
    id: &FamilyId,
    what: &str,
    more: &str,
) -> CommandResult {
    context.output.document(&context.family(id).await?);
    context
        .output
        .say(format!("{what} {id}. {more}").trim_end());
    Ok(Outcome::Done)
}
