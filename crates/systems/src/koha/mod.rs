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

mod addresses;
mod columns;
mod dates;
mod fines;
mod fingerprints;
mod holds;
mod lists;
mod loans;
mod login;
mod pages;
mod phrases;
mod summary;
mod visit;
mod work;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, AccountVisit, DescribedSystem, LoginDescription};

/// Koha's OPAC with its “bootstrap” template.
#[derive(Debug)]
pub(crate) struct Koha;

#[async_trait(?Send)]
impl DescribedSystem for Koha {
    const NAME: &'static str = "koha";
    const ACCOUNT_PAGE: &'static str = addresses::ACCOUNT;
    /// Due dates have a machine-readable twin, and most pages state the format of the other dates. The declared
    /// format is for the rest.
    const STATES_DATE_FORMAT: bool = true;
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &login::LOGIN;
    const ADDRESSES: &'static [&'static str] = &phrases::ADDRESSES;
    const DETECTOR: Option<&'static dyn Detector> = Some(&Koha);

    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        visit::fetch_account(visit).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        &phrases::OTHER_PHRASES
    }

    fn own_account_url(&self, library: &Library) -> Option<Url> {
        addresses::url_below(library, Self::ACCOUNT_PAGE).ok()
    }
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
