//! The fuzz targets' assertions, and the mutation of inputs.
//!
//! The seed inputs come from our own pages (`crates/systems/examples/seeds.rs`). A finding becomes a test beside the
//! code that it was found in.

pub mod account;
pub mod mutate;
pub mod page;
pub mod words;

/// Separates the pages of one input. No page contains it, because the browser treats a page with it as binary data.
pub const BETWEEN_PAGES: char = '\0';
