//! The scheduled jobs, written against ports.
//!
//! [`check_cards`] reads every card and [`notify`] sends what is due. Each works in this process
//! (`run`) or enqueues its work for workers (`enqueue`). Every run is recorded in the
//! [`ledger`](crate::run::ledger).

pub mod check_cards;
mod error;
pub mod notify;
mod stop;

pub use error::{JobError, RunError};
pub use stop::{StopRequest, StopSignal};
