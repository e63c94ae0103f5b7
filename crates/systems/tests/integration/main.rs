//! Each library system, on pages and against demo libraries.
//!
//! One binary, so that the shared helpers are linked once.
// Test helpers may panic where a test would.
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
mod entry_options;
mod every_step;
mod faults;
mod koha;
mod library_pages;
mod lists;
mod more_pages;
mod mutation;
mod patrons;
#[cfg(debug_assertions)]
mod reading_work;
mod recording;
mod requests;
mod saved_case;
mod saved_cases;
#[path = "../shapes/mod.rs"]
#[cfg(debug_assertions)]
mod shapes;
mod sierra;
