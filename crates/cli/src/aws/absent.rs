//! In the place of the stacks on AWS, in a `hippo` that was built without them.

use std::sync::Arc;

use hippo_core::family::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::jobs::check_cards::visit::Visit;
use hippo_core::mail::Mailer;
use hippo_core::run::Job;
use hippo_core::store::Store;
use serde_json::Value;

use crate::commands::doctor::Finding;
use crate::exit::CommandError;
use crate::keys::KeyPlace;

/// None is declared.
pub(crate) const SCHEDULES: [(Job, &str); 0] = [];

/// There is none.
pub(crate) enum Stack {}

impl Stack {
    /// Says what to do instead.
    pub(crate) async fn open(_name: &str, _region: Option<String>) -> Result<Self, CommandError> {
        Err(CommandError::Usage(
            "This hippo was built without AWS. Build one with it: cargo build --release --package hippo-cli."
                .to_owned(),
        ))
    }

    pub(crate) fn name(&self) -> &str {
        match *self {}
    }

    pub(crate) fn zone(&self) -> chrono_tz::Tz {
        match *self {}
    }

    pub(crate) fn contact(&self) -> Option<&str> {
        match *self {}
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match *self {}
    }

    pub(crate) fn keys(&self) -> Box<dyn KeyPlace> {
        match *self {}
    }

    pub(crate) async fn create_keys(&self) -> Result<bool, CommandError> {
        match *self {}
    }

    pub(crate) fn mailer(&self) -> Box<dyn Mailer> {
        match *self {}
    }

    pub(crate) async fn diagnose(&self, _recipients: &[EmailAddress]) -> Vec<Finding> {
        match *self {}
    }

    pub(crate) async fn disabled_schedules(&self) -> Result<Vec<(Job, Label)>, String> {
        match *self {}
    }

    pub(crate) async fn start(&self, _job: Job, _event: &Value) -> Result<Value, CommandError> {
        match *self {}
    }

    pub(crate) async fn enqueue(&self, _visit: Visit) -> Result<(), CommandError> {
        match *self {}
    }
}
