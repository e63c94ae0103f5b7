//! End-to-end tests of the real command.
//!
//! They are one binary, so that their dependencies are linked once.
// Test helpers may panic as tests do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod add_a_job;
mod add_a_library_system;
mod backup;
mod bad_input;
mod browser;
mod card_numbers;
mod clocks;
mod demo;
mod failures;
mod feeds;
mod followed_page;
mod hostile;
mod identity_provider;
mod interrupted;
mod killed;
mod killed_over_smtp;
mod on_aws;
mod one_machine;
mod other_hosts;
mod read_cases;
mod real_pages;
mod secrets;
mod smtp;
mod soak;
mod transfer;
mod two_runs;

use hippo_demo_library::SystemKind;

/// The systems that the real command is tried with: those of the demo, and one that is described as data. The tests of
/// `hippo-systems` try each system.
const TRIED_SYSTEMS: [SystemKind; 5] = [
    SystemKind::Bibliocommons,
    SystemKind::Sierra,
    SystemKind::Enterprise,
    SystemKind::Koha,
    SystemKind::Bibliotheca,
];
