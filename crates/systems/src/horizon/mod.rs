//! Horizon Information Portal (HIP, iPac): `ipac20/ipac.jsp`, with the session in each address.
//!
//! The login form has the fields `sec1` and `sec2`. An entry is a row whose title cell is a table of its own. Headers
//! are links that sort the list; their addresses tell the columns, whatever the library calls them.
//!
//! Library option: `profile` (`dial`), the catalogue's profile in the addresses; the site's own default without it.
//!
//! The lists of loans are known from pages. The lists of holds and the page of blocks are known from what other
//! programs read of them only.

mod fingerprints;
mod pages;
mod title;
mod visit;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::links::below_base;
use crate::list_reader::{AccountDescription, AccountVisit, DescribedSystem, LoginDescription};

/// The page that the portal consists of.
const PORTAL: &str = "ipac20/ipac.jsp";

/// The library option for the catalogue's profile.
const PROFILE: &str = "profile";

/// Horizon Information Portal.
#[derive(Debug)]
pub(crate) struct Horizon;

#[async_trait(?Send)]
impl DescribedSystem for Horizon {
    const NAME: &'static str = "horizon";
    const ACCOUNT_PAGE: &'static str = PORTAL;
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = pages::ADDRESSES;
    const DETECTOR: Option<&'static dyn Detector> = Some(&Horizon);
    const OPTIONS: &'static [(&'static str, &'static str)] = &[(
        PROFILE,
        "the catalogue's profile in the site's addresses, like dial; the site's own default if not given",
    )];

    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        visit::fetch_account(visit).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }

    fn own_account_url(&self, library: &Library) -> Option<Url> {
        let mut url = below_base(library, PORTAL)?;
        visit::ask_for_account(&mut url, library);
        Some(url)
    }
}

#[cfg(test)]
mod tests;
