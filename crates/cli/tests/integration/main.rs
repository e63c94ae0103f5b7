//! Tests of the command as a person runs it.
//!
//! They are one binary, so that shared code is linked once.
// Test helpers may panic like tests.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub
)]

mod audit;
mod backfill;
mod cards;
mod checks;
mod common;
mod demo;
mod doctor;
mod feeds;
mod first_days;
mod history;
mod import;
mod ledger;
mod mistakes;
mod pauses;
mod pictures;
mod recording;
#[cfg(feature = "aws")]
mod schedule_render;
mod schedules;
#[cfg(feature = "web")]
mod serve;
mod setup;
#[cfg(feature = "web")]
mod sign_in_mails;
mod suggested;
mod unsubscribing;
