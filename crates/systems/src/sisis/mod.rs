//! OCLC SISIS-SunRise's `webOPACClient`: `userAccount.do` has a tab for each list.
//!
//! Its successor `TouchPoint` has kindred rows and addresses, and shares `row` and `visit`.

mod fingerprints;
pub(crate) mod pages;
pub(crate) mod row;
pub(crate) mod visit;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_browser::reading::Css;
use hippo_core::failure::Failure;

use self::visit::{ListAddresses, fetch_account};
use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, AccountVisit, DescribedSystem, LoginDescription};

static LISTS: ListAddresses = ListAddresses {
    start: Sisis::ACCOUNT_PAGE,
    loans: "typ=1",
    holds: [
        ("typ=6", Css::new("#label6, #tab6")),
        ("typ=7", Css::new("#label7, #tab7")),
    ],
};

/// OCLC SISIS-SunRise.
#[derive(Debug)]
pub(crate) struct Sisis;

#[async_trait(?Send)]
impl DescribedSystem for Sisis {
    const NAME: &'static str = "sisis";
    const ACCOUNT_PAGE: &'static str = "userAccount.do?methodToCall=show&type=1";
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = pages::ADDRESSES;
    const DETECTOR: Option<&'static dyn Detector> = Some(&Sisis);

    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        fetch_account(visit, &LISTS).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }
}

#[cfg(test)]
mod tests;
