//! Whole notices: what goes in, and the mail that comes out.
// Helpers of tests stop at once where a test would.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod accounts;
mod fixture;
mod holds;
mod leaving;
mod news;
mod properties;
mod snapshots;
mod trouble;
