//! Whole mails, the searches over schedules, and the store in memory.
//!
//! One binary, so that what the tests share is linked once.
// Test helpers may panic.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod feed;
mod memory_store;
mod notice;
mod picture;
mod restless;
