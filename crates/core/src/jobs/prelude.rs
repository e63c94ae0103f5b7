//! What the module of a job uses: `use super::prelude::*`.

pub use async_trait::async_trait;

pub use super::JobError;
pub use super::registry::JobPorts;
pub use crate::run::JobName;
pub use crate::run::job::{Job, NoInput};
pub use crate::run::ledger::OpenRun;
