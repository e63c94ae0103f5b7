//! The command, run as a person runs it.
//!
//! One binary, so that what the tests share is linked once.
// Helpers of tests stop at once where a test would.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub
)]

mod cards;
mod checks;
mod common;
mod demo;
mod doctor;
mod first_days;
mod import;
mod ledger;
mod mistakes;
mod recording;
mod setup;
mod timers;
