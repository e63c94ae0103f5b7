//! Koha's OPAC: one page, `opac-user.pl`, is both the login form and the whole account.
//!
//! Older sites (to 23.11) take `userid` and `password`, newer ones `login_userid`, `login_password`
//! and a `csrf_token` that is bound to the session in which the form was fetched. Every outcome of a
//! login has status 200, except a missing token; `#userdetails` exists only when somebody is logged in.
//!
//! Ids, classes and attributes are the same in all of Koha's languages, so they decide. Words decide
//! only where Koha has nothing else (a credit, a suspended hold on a site without buttons).
//!
//! The page names the patron's record, not the card's number: the login that it answers is the only proof that
//! the account is the card's own.

mod fingerprints;
mod lists;
mod pages;
mod phrases;
mod visit;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::links::{before_folder, below};
use crate::list_reader::{AccountDescription, AccountVisit, DescribedSystem, LoginDescription};

/// The folder of all pages.
const FOLDER: &str = "/cgi-bin/koha";

/// Koha's OPAC with its “bootstrap” template.
#[derive(Debug)]
pub(crate) struct Koha;

#[async_trait(?Send)]
impl DescribedSystem for Koha {
    const NAME: &'static str = "koha";
    /// The account, or the login form while nobody is logged in.
    const ACCOUNT_PAGE: &'static str = "cgi-bin/koha/opac-user.pl";
    /// Due dates have a machine-readable twin, and most pages state the format of the other dates. The declared
    /// format is for the rest.
    const STATES_DATE_FORMAT: bool = true;
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = &phrases::ADDRESSES;
    const DETECTOR: Option<&'static dyn Detector> = Some(&Koha);

    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        visit::fetch_account(visit, Self::ACCOUNT_PAGE).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        &phrases::OTHER_PHRASES
    }

    fn own_account_url(&self, library: &Library) -> Option<Url> {
        url_below(library, Self::ACCOUNT_PAGE)
    }
}

/// Returns the URL of a page of the site. `base_url` may have a copied path of the catalogue.
fn url_below(library: &Library, page: &str) -> Option<Url> {
    below(&before_folder(&library.base_url, FOLDER), page)
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
