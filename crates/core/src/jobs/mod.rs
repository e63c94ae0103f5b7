//! The jobs: scheduled work, written against the ports for everything outside.
//!
//! [`check_cards`] reads every card and [`notify`] sends what is due. Each can do its work in this
//! process (`run`) or hand it to a queue (`enqueue`) for workers. Every run goes through
//! [`crate::run::ledger`].

pub mod check_cards;
mod error;
pub mod notify;
mod stop;

pub use error::{JobError, RunError};
pub use stop::{StopRequest, StopSignal};
