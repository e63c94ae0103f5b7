//! The store, keys and mail of one machine, on a real file system.
//!
//! One binary, so that shared code is linked once.
// Test helpers may panic, as tests do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod key_files;
mod mail_folder;
mod smtp;
mod store_contract;
mod store_file;
