//! The browser that all systems share: one cookie jar a card, connections shared, and every rule
//! of the way there (timeouts, redirects, sizes, and where a PIN may go) in one place.

mod address;
mod charset;
mod connections;
mod form;
mod interstitial;
mod login;
mod page;
mod place;
mod redirect;
mod session;
mod status;
#[cfg(test)]
pub(crate) mod test_site;

pub use self::address::PrivateAddresses;
pub(crate) use self::address::is_loopback;
pub use self::charset::decode;
pub(crate) use self::connections::Connections;
pub use self::connections::{Limits, SitesError};
pub use self::form::{Form, Method};
pub(crate) use self::interstitial::says_session_is_over;
pub use self::interstitial::{interstitial, meaning_of_words};
pub use self::page::Page;
pub use self::session::Session;
