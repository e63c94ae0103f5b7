//! What the fuzz targets do with an input, and how an input is changed.
//!
//! Their first inputs come from our own pages (`crates/systems/examples/seeds.rs`). A finding becomes a test
//! beside the code that it was found in.

pub mod account;
pub mod mutate;
pub mod page;
pub mod words;

/// What parts the pages of one input; no page has it, for a page with it is binary data to the browser.
pub const BETWEEN_PAGES: char = '\0';
