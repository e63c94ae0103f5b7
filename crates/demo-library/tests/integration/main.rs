//! What the demo libraries serve, as a client sees it.
//!
//! One binary, so that what the tests share is linked once.
// Helpers of tests stop at once where a test would.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod common;
mod faults;
mod flows;
mod hostile;
mod koha;
