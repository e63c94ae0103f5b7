//! Each library system, on pages and on demo libraries.
//!
//! One binary, so that what the tests share is linked once.
// Helpers of tests stop at once where a test would.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod bibliocommons;
mod card_numbers;
mod demo;
mod detect;
mod enterprise;
mod every_step;
mod faults;
mod koha;
mod library_pages;
mod mutation;
mod patrons;
mod recording;
mod requests;
mod saved_case;
mod saved_cases;
mod sierra;
