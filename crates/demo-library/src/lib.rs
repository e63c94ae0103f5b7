//! Small library sites of every system, for the demo, the tests and the benchmarks.
//!
//! [`DemoLibrary::start`] serves one [`Site`] on loopback, with sessions, forms with hidden fields, logins that fail
//! and lock, paged lists, and each patron's account. [`Switches`] make it slow, wrong, down or changed while it runs.
//! Its pages have the ids, classes, fields and JSON keys of the real systems. All their text was written for this
//! project.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use hippo_demo_library::{DemoLibrary, Fault, family_sites};
//!
//! let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap_or_default();
//! let [riverside, ..] = family_sites(today);
//! let library = DemoLibrary::start(riverside).await?;
//! println!("{}", library.base_url());
//! library.switches().set(Fault::Maintenance);
//! # Ok(())
//! # }
//! ```

mod account_pages;
mod answer;
mod bibliocommons;
mod bibliotheca;
mod connection;
mod delivery;
mod dialect;
mod enterprise;
mod every_site;
mod fault;
mod filler;
mod handle;
mod horizon;
mod invented;
mod koha;
mod log;
mod page;
mod page_context;
mod paged;
mod patrons;
mod picture;
mod polaris;
mod server;
mod session;
mod sierra;
mod sisis;
mod site;
mod state;
mod switches;
mod symphony_ws;
mod touchpoint;
mod vufind;
mod winbiap;

pub use every_site::EVERY_SITE;
pub use fault::Fault;
pub use invented::{
    family_sites, generated_number, generated_pin, harbour_site, other_sites, sample_site,
};
pub use log::LoggedRequest;
pub use picture::DemoPictureServer;
pub use server::DemoLibrary;
pub use site::{DemoHold, DemoHoldState, DemoLoan, Generation, Patron, Site, SystemKind};
pub use switches::{Rule, Switches};
