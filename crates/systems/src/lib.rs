//! How to log in to a library's site and read its account pages, one module a library system.
//!
//! Reading is split from going there: `SYSTEM::pages` has pure functions from a page to what it
//! says, `SYSTEM::visit` is the short script that logs in and fetches, with the [`browser`] that
//! all systems share. A new system is one module and one line in [`SYSTEMS`].

pub mod bibliocommons;
pub mod browser;
pub mod detect;
pub mod enterprise;
pub mod known;
pub mod koha;
mod links;
mod options;
pub mod reading;
pub mod recording;
pub mod saved;
pub mod sierra;
mod sites;

use async_trait::async_trait;
use chrono_tz::Tz;
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use secrecy::SecretString;
use url::Url;

use crate::detect::{Place, SeenPage};
use crate::recording::KeptWords;

pub use crate::browser::{Limits, PrivateAddresses, SitesError};
pub use crate::options::{COMMON_OPTIONS, check_value, known_options};
pub use crate::sites::{Sites, SitesOptions};

/// Every system that LibraryHippo can read.
pub const SYSTEMS: [&dyn System; 4] = [
    &bibliocommons::Bibliocommons,
    &enterprise::Enterprise,
    &koha::Koha,
    &sierra::Sierra,
];

/// The system of this name.
pub fn system(name: &str) -> Option<&'static dyn System> {
    SYSTEMS.into_iter().find(|system| system.name() == name)
}

/// The software behind a library's site: how to log in and read an account.
#[async_trait]
pub trait System: Send + Sync {
    /// Its name: `sierra`.
    fn name(&self) -> &'static str;

    /// The options that a library with this system may have beside [`COMMON_OPTIONS`]: name, and what it
    /// means. None unless the system says so.
    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether a printed number is sent with its spaces and hyphens. No unless the system says so; a
    /// library's option may say otherwise ([`COMMON_OPTIONS`]).
    fn keeps_number_separators(&self) -> bool {
        false
    }

    /// Whether its pages write dates as each library likes, so that a library of it needs a
    /// `date_format`. No unless the system says so.
    fn writes_dates_its_own_way(&self) -> bool {
        false
    }

    /// Whether most of those pages tell how, so that the library's `date_format` is only for the others. No
    /// unless the system says so.
    fn pages_tell_how_dates_are_written(&self) -> bool {
        false
    }

    /// The page that a person opens to see the account; mails link to it.
    fn account_url(&self, library: &Library) -> Option<Url>;

    /// What shows that a page is one of this system's, each in a few words: structure and addresses, not
    /// the words of a language. Empty: nothing does.
    fn signs(&self, _page: &SeenPage<'_>) -> Vec<&'static str> {
        Vec::new()
    }

    /// Whether an address is one that only this system has.
    fn is_address(&self, _url: &Url) -> bool {
        false
    }

    /// Whether its sites have hosts that [`Self::is_address`] knows, and hardly ever others. No unless the
    /// system says so.
    fn has_hosts_of_its_own(&self) -> bool {
        false
    }

    /// Where the site of a page begins, and what its address tells.
    fn place(&self, url: &Url) -> Option<Place> {
        Some(Place {
            base_url: detect::origin(url)?,
            options: [].into(),
        })
    }

    /// The words of its sites that a recording for a bug report keeps: those by which its pages are read,
    /// none of which is a patron's. None unless the system says so.
    fn kept_words(&self) -> Vec<KeptWords> {
        Vec::new()
    }

    /// How a page of its sites writes dates (strftime), where the page itself tells: readers believe it
    /// before the library's entry. None unless the system says so.
    fn date_format_told(&self, _page: &str) -> Option<&'static str> {
        None
    }

    /// Reads saved pages of one account, without a network; the order of the pages is free.
    ///
    /// What the pages do not say is unknown. A page that is not recognised is `page_changed`, one
    /// that shows a refused login is `wrong_credentials`.
    fn read(&self, pages: &[SavedPage], context: &ReadContext<'_>) -> Result<Account, Failure>;

    /// Logs in, reads the whole account, and logs out where the system has a logout (also after an
    /// error).
    async fn visit(&self, session: &mut browser::Session<'_>) -> Result<Account, Failure>;
}

/// A page that was saved: what `hippo read` is given.
#[derive(Debug, Clone)]
pub struct SavedPage {
    /// What the person called it; used in failures.
    pub name: String,
    /// Its text.
    pub body: String,
}

/// The failure of a saved page, which is named; one that says that the session is over is `session_expired`.
fn in_saved_page(page: &SavedPage, failure: Failure) -> Failure {
    let is_unknown = failure.kind == FailureKind::PageChanged;
    let failure = if is_unknown && browser::says_session_is_over(&page.body) {
        session_is_over()
    } else {
        failure
    };
    Failure {
        detail: format!("{}: {}", page.name, failure.detail),
        ..failure
    }
}

fn session_is_over() -> Failure {
    Failure::new(
        FailureKind::SessionExpired,
        "the page says that the session is over",
    )
}

/// What reading a page needs to know about the library and the card.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext<'a> {
    /// Where the site's paths begin; relative links are resolved against it.
    pub base_url: &'a Url,
    /// How visible dates are written (strftime); a visible date without one is an error.
    pub date_format: Option<&'a str>,
    /// The zone in which the library's days are counted.
    pub timezone: Tz,
    /// The card's number, where it is known: the account must be the card's own.
    pub card_number: Option<&'a SecretString>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_tells_the_options_that_it_knows() {
        let names = |name: &str| -> Vec<&str> {
            let options = system(name).unwrap().options();
            options.iter().map(|(name, _)| *name).collect()
        };
        assert_eq!(names("sierra"), ["scope"]);
        assert_eq!(names("enterprise"), ["profile", "locale"]);
        assert!(names("bibliocommons").is_empty());
    }
}
