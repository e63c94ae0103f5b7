//! Visits library sites carefully, and reads what their pages have in common.
//!
//! A [`Session`] is one card's visit. It has its own cookie jar on [`Connections`] that all cards share, and keeps
//! the rules for timeouts, redirects, sizes, and hosts that may get a PIN. [`reading`] has the parts that all
//! systems use to read pages.

mod address;
mod charset;
mod connections;
mod context;
mod exchange;
mod form;
mod headers;
mod interstitial;
mod login;
mod options;
mod page;
mod phrase;
mod picture;
pub mod reading;
mod redacted_path;
mod redirect;
pub mod saved_page;
mod session;
mod status;
#[cfg(any(test, feature = "testing"))]
pub mod test_site;
mod visit;

pub use self::address::{PrivateAddresses, is_loopback};
pub use self::charset::decode;
pub use self::connections::{BrowserError, Connections};
pub use self::context::ReadContext;
pub use self::exchange::{Exchange, ExchangeObserver, HttpResponse, LoginStep};
pub use self::form::{Form, Method};
pub use self::interstitial::{
    classify_words, has_session_over_words, interstitial, session_expired_failure,
};
pub use self::options::{BrowserOptions, Limits};
pub use self::page::Page;
pub use self::phrase::Phrase;
pub use self::picture::HttpPictureFetcher;
pub use self::saved_page::SavedPage;
pub use self::session::Session;
pub use self::visit::{CardVisit, Interruption, VisitHandle, VisitSignals};
