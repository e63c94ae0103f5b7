//! OCLC SISIS-SunRise's `webOPACClient`: `userAccount.do` has a tab for each list.
//!
//! Its successor `TouchPoint` has kindred rows and addresses, and shares `row` and `visit`.

mod fingerprints;
pub(crate) mod pages;
pub(crate) mod row;
pub(crate) mod visit;

use async_trait::async_trait;
use hippo_browser::reading::Css;
use hippo_browser::{Phrase, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use self::visit::{Addresses, Descriptions, read_account};
use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, DescribedSystem, LoginDescription};

/// The page with the account or the login form.
const START: &str = "userAccount.do?methodToCall=show&type=1";

static ADDRESSES: Addresses = Addresses {
    start: START,
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
impl DescribedSystem for Sisis {
    const NAME: &'static str = "sisis";
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
