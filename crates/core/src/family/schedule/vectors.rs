//! Loads the clock changes of all time zones from `tz_transitions.json`, for tests.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

/// One clock change of one zone.
#[derive(Debug, Deserialize)]
pub(crate) struct Transition {
    pub(crate) zone: Tz,
    pub(crate) instant_utc: DateTime<Utc>,
    pub(crate) whole_local_days_missing: Vec<NaiveDate>,
}

#[derive(Debug, Deserialize)]
struct Transitions {
    cases: Vec<Transition>,
}

/// Loads the table from the folder `SCHEDULE_VECTORS`, by default one beside the project.
///
/// `None`: the file is missing.
pub(crate) fn load_transitions() -> Option<Vec<Transition>> {
    let folder = std::env::var("SCHEDULE_VECTORS").map_or_else(
        |_| {
            std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../../shared/schedule-vectors")
        },
        std::path::PathBuf::from,
    );
    let file = folder.join("tz_transitions.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!(
            "SKIPPED: there is no {}; set SCHEDULE_VECTORS.",
            file.display()
        );
        return None;
    };
    let cases = serde_json::from_str::<Transitions>(&text).unwrap().cases;
    assert!(cases.len() > 300);
    Some(cases)
}
