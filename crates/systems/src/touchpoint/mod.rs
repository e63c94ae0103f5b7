//! OCLC `TouchPoint`: the successor of SISIS's `webOPACClient`, with its rows and addresses.

mod fingerprints;
mod pages;

use async_trait::async_trait;
use hippo_browser::reading::Css;
use hippo_browser::{CardVisit, Phrase};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::links::below_base;
use crate::list_reader::{AccountDescription, DescribedSystem, LoginDescription};
use crate::offline::OfflineReader;
use crate::sisis::visit::{Addresses, Descriptions, read_account};
use crate::system::System;

static ADDRESSES: Addresses = Addresses {
    start: "userAccount.do?methodToCall=start",
    loans: "userAccount.do?methodToCall=showAccount&accountTyp=loaned",
    holds: [
        (
            "userAccount.do?methodToCall=showAccount&accountTyp=ordered",
            Css::new("#ordered"),
        ),
        (
            "userAccount.do?methodToCall=showAccount&accountTyp=requested",
            Css::new("#requested"),
        ),
    ],
};

/// OCLC `TouchPoint`.
#[derive(Debug)]
pub(crate) struct TouchPoint;

#[async_trait(?Send)]
impl System for TouchPoint {
    fn name(&self) -> &'static str {
        "touchpoint"
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

impl DescribedSystem for TouchPoint {
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
