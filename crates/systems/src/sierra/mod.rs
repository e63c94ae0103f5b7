//! Innovative Sierra and Millennium with the classic WebPAC: a CAS login (or the catalogue's own form, if
//! there is no CAS), the patron's summary, and two tables of class `patFunc`.
//!
//! Library option: `scope` (`S3`), the catalogue's scope in the URLs; the site's own default without it.
//!
//! If the login form also asks for the patron's name, the card's number is given as
//! `First Last|number`.
//!
//! The pages print no card number. The record's number in their links shows that they belong to one
//! patron. An empty list has no page: the summary, which doesn't link to it, says that it is empty.

mod addresses;
mod fingerprints;
mod holds;
mod kind;
mod login;
mod pages;
mod summary;
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

/// Innovative Sierra and Millennium.
#[derive(Debug)]
pub(crate) struct Sierra;

#[async_trait(?Send)]
impl DescribedSystem for Sierra {
    const NAME: &'static str = "sierra";
    const ACCOUNT_PAGE: &'static str = "patroninfo";
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &login::LOGIN;
    const ADDRESSES: &'static [&'static str] = pages::ADDRESSES;
    const DETECTOR: Option<&'static dyn Detector> = Some(&Sierra);
    const OPTIONS: &'static [(&'static str, &'static str)] = &[(
        "scope",
        "the catalogue's scope in the site's addresses, like S3; the site's own default if not given",
    )];

    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        visit::fetch_account(visit).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        &pages::OTHER_PHRASES
    }

    fn own_account_url(&self, library: &Library) -> Option<Url> {
        let scope = addresses::scope_suffix(library).unwrap_or_default();
        below_base(library, &format!("{}{scope}", Self::ACCOUNT_PAGE))
    }
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
