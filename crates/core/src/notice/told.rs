//! What a notice told, for the next one to compare with.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What the newest notice that was sent told: “new since” and “became” compare with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Holds that were ready, as `card/hold id`.
    pub ready_holds: BTreeSet<String>,
    /// Loans that could be renewed then, as `card/loan id`.
    pub renewable_loans: BTreeSet<String>,
    /// What wanted attention, by a key that stays the same while it lasts.
    pub attention: BTreeMap<String, ToldAttention>,
}

/// One thing that wanted attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldAttention {
    /// What of it, if it changes, makes it worth telling again (an amount, a stage).
    pub stage: String,
    /// The local date on which it was last told.
    pub told_on: NaiveDate,
}
