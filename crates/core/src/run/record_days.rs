//! Adds runs to the days of their labels.

use super::Run;
use super::day::{DayKey, Square};
use crate::store::{RunStore, StoreResult};

/// Adds runs to their days.
pub async fn upsert_runs(store: &dyn RunStore, runs: &[Run]) -> StoreResult<()> {
    let mut rest = runs;
    while let Some(first) = rest.first() {
        let day = DayKey::from(&first.key);
        let is_same = |run: &&Run| DayKey::from(&run.key) == day;
        let squares: Vec<Square> = rest.iter().take_while(is_same).map(Square::from).collect();
        store.upsert_squares(&day, &squares).await?;
        rest = rest.get(squares.len()..).unwrap_or_default();
    }
    Ok(())
}

/// Adds runs to their days. Logs an error: the ledger has the runs, and a reader corrects the days.
pub(crate) async fn record_in_days(store: &dyn RunStore, runs: &[Run]) {
    if let Err(error) = upsert_runs(store, runs).await {
        tracing::warn!(%error, "A run wasn't added to the daily history.");
    }
}
