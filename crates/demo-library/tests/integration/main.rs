//! The demo libraries, as a client sees them.
//!
//! One binary, so that shared code is linked once.
// Test helpers may panic, as tests do.
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
