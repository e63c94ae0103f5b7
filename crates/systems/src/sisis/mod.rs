//! OCLC SISIS-SunRise's `webOPACClient`: `userAccount.do` has a tab for each list.
//!
//! Its successor `TouchPoint` has kindred rows and addresses, and shares `row` and `visit`.

mod fingerprints;
pub(crate) mod pages;
pub(crate) mod row;
pub(crate) mod visit;

use async_trait::async_trait;
use hippo_browser::reading::Css;
use hippo_browser::{CardVisit, Phrase};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::visit::{Addresses, Descriptions, read_account};
use crate::fingerprint::Detector;
use crate::links::below_base;
use crate::list_reader::{AccountDescription, DescribedSystem, LoginDescription};
use crate::offline::OfflineReader;
use crate::system::System;

static ADDRESSES: Addresses = Addresses {
    start: "userAccount.do?methodToCall=show&type=1",
    loans: "userAccount.do?methodToCall=showAccount&typ=1",
    holds: [
        (
            "userAccount.do?methodToCall=showAccount&typ=6",
            Css::new("#label6, #tab6"),
        ),
        (
            "userAccount.do?methodToCall=showAccount&typ=7",
            Css::new("#label7, #tab7"),
        ),
    ],
};

/// OCLC SISIS-SunRise.
#[derive(Debug)]
pub(crate) struct Sisis;

#[async_trait(?Send)]
impl System for Sisis {
    fn name(&self) -> &'static str {
        "sisis"
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        let account = library.account_url.clone();
        account.or_else(|| below_base(library, ADDRESSES.start))
    }

    async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
        visit
            .browse(async |session| {
                let descriptions = Descriptions {
                    account: &pages::ACCOUNT,
                    login: &pages::LOGIN,
                };
                read_account(session, &ADDRESSES, descriptions).await
            })
            .await
    }

    fn offline_reader(&self) -> Option<&dyn OfflineReader> {
        Some(self)
    }

    fn detector(&self) -> Option<&dyn Detector> {
        Some(self)
    }
}

impl DescribedSystem for Sisis {
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
