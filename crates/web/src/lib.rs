//! The web pages: an axum [`Router`](axum::Router) over the traits of core.
//!
//! Nothing here knows SQL, AWS or a clock, and nothing is scheduled here. [`router()`] is the same
//! on one machine and behind an API; the caller connects the [`WebPorts`].

mod access;
mod asset;
mod audit;
mod error;
mod feeds;
mod guard;
mod operator_link;
mod page;
mod pages;
mod permit;
mod ports;
mod router;
mod settings;
mod start_job;

pub use guard::network::PeerAddress;
pub use operator_link::{OperatorLinkError, create_operator_link};
pub use ports::{WebPorts, WebStore};
pub use router::router;
pub use settings::WebSettings;
pub use start_job::{StartJob, StartJobError, StartRequest};
