//! Logs in to a library's site and reads its account, one module per library system.
//!
//! A [`System`] checks one card with what [`hippo_browser`] gives it. Most systems read pages: `SYSTEM::pages` has pure
//! functions that read a page (`PageReader`), `SYSTEM::visit` is the short script that logs in and fetches, and
//! `SYSTEM::fingerprints` recognises the system's sites ([`Detector`]). A new system is one module and one line in
//! [`SYSTEMS`]; docs/ADD-A-LIBRARY-SYSTEM.md has the steps.

mod bibliocommons;
mod bibliotheca;
pub mod catalogue;
pub mod detect;
mod enterprise;
mod fingerprint;
mod horizon;
mod json_reader;
mod koha;
mod links;
mod list_reader;
mod offline;
mod options;
mod page_reader;
mod polaris;
mod registry;
mod sierra;
mod sisis;
mod sites;
mod symphony_ws;
mod system;
mod touchpoint;
pub mod untried;
mod vufind;
mod winbiap;

pub use crate::fingerprint::{Detector, FetchedPage, SiteLocation};
pub use crate::offline::OfflineReader;
pub use crate::options::{COMMON_OPTIONS, check_value, known_options};
pub use crate::registry::{SYSTEMS, offline_reader, system, systems_with_pages};
pub use crate::sites::Sites;
pub use crate::system::System;
