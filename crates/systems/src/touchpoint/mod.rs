//! OCLC `TouchPoint`: the successor of SISIS's `webOPACClient`, with its rows and addresses.

mod fingerprints;
mod pages;

use async_trait::async_trait;
use hippo_browser::reading::Css;
use hippo_browser::{Phrase, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, DescribedSystem, LoginDescription};
use crate::sisis::visit::{Addresses, Descriptions, read_account};

/// The page with the account or the login form.
const START: &str = "userAccount.do?methodToCall=start";

static ADDRESSES: Addresses = Addresses {
    start: START,
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
impl DescribedSystem for TouchPoint {
    const NAME: &'static str = "touchpoint";
    const ACCOUNT_PAGE: &'static str = START;

    fn account(&self) -> &'static AccountDescription {
        &pages::ACCOUNT
    }

    fn login(&self) -> &'static LoginDescription {
        &pages::LOGIN
    }

    async fn read_account(&self, session: &mut Session<'_>) -> Result<Account, Failure> {
        let descriptions = Descriptions {
            account: &pages::ACCOUNT,
            login: &pages::LOGIN,
        };
        read_account(session, &ADDRESSES, descriptions).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }

    fn own_detector(&self) -> Option<&dyn Detector> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
