//! The input of `notify-all`.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::FamilyId;

/// Selects what a run of `notify-all` sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyAllInput {
    /// This local date for every family, at any time of day; `None`: what is due.
    pub date: Option<NaiveDate>,
    /// Only this family.
    pub family: Option<FamilyId>,
    /// Also the notices that wait after a temporary refusal.
    pub at_once: bool,
}
