//! OCLC `TouchPoint`: the successor of SISIS's `webOPACClient`, with its rows and addresses.

mod fingerprints;
mod pages;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_browser::reading::Css;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, AccountVisit, DescribedSystem, LoginDescription};
use crate::sisis;
use crate::sisis::visit::{ListAddresses, fetch_account};

static LISTS: ListAddresses = ListAddresses {
    start: TouchPoint::ACCOUNT_PAGE,
    loans: "accountTyp=loaned",
    holds: [
        ("accountTyp=ordered", Css::new("#ordered")),
        ("accountTyp=requested", Css::new("#requested")),
    ],
};

/// OCLC `TouchPoint`.
#[derive(Debug)]
pub(crate) struct TouchPoint;

#[async_trait(?Send)]
impl DescribedSystem for TouchPoint {
    const NAME: &'static str = "touchpoint";
    const ACCOUNT_PAGE: &'static str = "userAccount.do?methodToCall=start";

    fn account(&self) -> &'static AccountDescription {
        &pages::ACCOUNT
    }

    fn login(&self) -> &'static LoginDescription {
        &sisis::pages::LOGIN
    }

    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        fetch_account(visit, &LISTS).await
    }

    fn addresses(&self) -> &'static [&'static str] {
        sisis::pages::ADDRESSES
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        sisis::pages::OTHER_PHRASES
    }

    fn own_detector(&self) -> Option<&dyn Detector> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
