//! OCLC `TouchPoint`: the successor of SISIS's `webOPACClient`, with its rows and addresses.

mod fingerprints;
mod pages;

use std::sync::LazyLock;

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
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &sisis::pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = sisis::pages::ADDRESSES;
    const DETECTOR: Option<&'static dyn Detector> = Some(&TouchPoint);

    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        fetch_account(visit, &LISTS).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        sisis::pages::OTHER_PHRASES
    }
}

#[cfg(test)]
mod tests;
