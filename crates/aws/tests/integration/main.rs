//! Tests DynamoDB and SES against their emulators.
//!
//! One binary links the shared code once.
// Test helpers may panic, like tests.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod dynamodb;
mod mail;
