//! The daily history of the runs, for the commands that show it.

use chrono::NaiveDate;
pub(crate) use hippo_core::run::history::LabelHistory;
use hippo_core::run::history::RunHistory;

use crate::context::Context;
use crate::exit::CommandError;

/// Loads the runs of each label from `from` to `to`, both UTC dates, and corrects their stored days.
pub(crate) async fn load(
    context: &Context,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<LabelHistory>, CommandError> {
    let history = RunHistory::load(&*context.store, from, to, context.now()).await?;
    history.correct_days(&*context.store).await;
    Ok(history.labels)
}
