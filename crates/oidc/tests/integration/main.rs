//! The provider against a small issuer on loopback.
// Test helpers may panic, as tests do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod refusals;
mod sign_in;
mod world;
