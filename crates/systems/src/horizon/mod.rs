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

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, DescribedSystem, LoginDescription};
use crate::offline::OfflineReader;
use crate::system::System;

/// The page that the portal consists of.
const PORTAL: &str = "ipac20/ipac.jsp";

/// The library option for the catalogue's profile.
const PROFILE: &str = "profile";

/// Horizon Information Portal.
#[derive(Debug)]
pub(crate) struct Horizon;

#[async_trait(?Send)]
impl System for Horizon {
    fn name(&self) -> &'static str {
        "horizon"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[(
            PROFILE,
            "the catalogue's profile in the site's addresses, like dial; the site's own default if not given",
        )]
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        library.account_url.clone().or_else(|| {
            let mut url = library.base_url.clone();
            let path = format!("{}/{PORTAL}", url.path().trim_end_matches('/'));
            url.set_path(&path);
            visit::ask_for_account(&mut url, library);
            Some(url)
        })
    }

    async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
        visit.browse(visit::read_account).await
    }

    fn offline_reader(&self) -> Option<&dyn OfflineReader> {
        Some(self)
    }

    fn detector(&self) -> Option<&dyn Detector> {
        Some(self)
    }
}

impl DescribedSystem for Horizon {
    fn account(&self) -> &'static AccountDescription {
        &pages::ACCOUNT
    }

    fn login(&self) -> &'static LoginDescription {
        &pages::LOGIN
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }
}

#[cfg(test)]
mod tests;
