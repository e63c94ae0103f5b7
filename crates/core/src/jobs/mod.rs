//! The scheduled jobs, written against ports.
//!
//! [`registry`] lists them. [`check_cards`] reads every card, [`notify`] sends what is due, and
//! [`picture_of_the_day`] sends the picture of the day. The first two work in this process (`run`) or enqueue
//! their work (`enqueue`). The third always works in this process. Every run is recorded in the [`ledger`](crate::run::ledger).

pub mod check_cards;
mod error;
pub mod notify;
pub mod picture_of_the_day;
pub mod prelude;
pub mod registry;
pub mod retry;
mod stop;

use std::time::Duration;

pub use error::{JobError, RunError};
pub use stop::StopRequest;

/// The time limit of a job that enqueues its work. A function is ended after 15 minutes.
const ENQUEUE_TIME_LIMIT: Duration = Duration::from_secs(13 * 60);
