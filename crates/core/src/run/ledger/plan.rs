//! The plan of a run, before it starts.

use std::collections::BTreeSet;

use super::rules::StartRules;
use crate::alerts::run_hooks::RunHooks;
use crate::ids::LibraryId;
use crate::run::{RunKey, Trigger};
use crate::schedule::Overlap;

/// The plan of a run.
#[derive(Clone)]
pub struct RunPlan<'a> {
    /// Its key.
    pub key: RunKey,
    /// Who started it.
    pub trigger: Trigger,
    /// What it was asked to do; ids and options only.
    pub input: serde_json::Value,
    /// Whether it may start while the last run of its label is still going.
    pub allow_overlap: bool,
    /// When it may start; ignored for a manual run.
    pub rules: StartRules,
    /// The alerts and the heartbeat around the run; `None`: neither.
    pub hooks: Option<&'a RunHooks<'a>>,
}

impl RunPlan<'_> {
    /// Sets the rules of its schedule.
    #[must_use]
    pub fn with_rules(self, rules: StartRules) -> Self {
        let allow_overlap = match rules.overlap {
            Some(overlap) => self.trigger == Trigger::Person || overlap == Overlap::Allow,
            None => self.allow_overlap,
        };
        Self {
            allow_overlap,
            rules,
            ..self
        }
    }

    /// Lists the libraries that its schedule leaves out; none for a manual run.
    pub(super) fn closed_libraries(&self) -> BTreeSet<LibraryId> {
        match self.trigger {
            Trigger::Person => BTreeSet::new(),
            _ => self.rules.libraries_closed_at(self.key.scheduled_time),
        }
    }
}
