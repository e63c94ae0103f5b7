//! DynamoDB and SES, on their emulators.
//!
//! One binary, so that what the tests share is linked once.
// Helpers of tests stop at once where a test would.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod dynamodb;
mod mail;
