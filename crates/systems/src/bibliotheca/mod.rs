//! OCLC Bibliotheca's `WebOPAC` (`index.asp`): the account is one page, with the loans above the holds.
//!
//! The login form has the fields `AUSWEIS` and `PWD`; the site refuses in a box of class `kontomeldung`.

mod fingerprints;
mod pages;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, AccountVisit, DescribedSystem, LoginDescription};

/// OCLC Bibliotheca.
#[derive(Debug)]
pub(crate) struct Bibliotheca;

#[async_trait(?Send)]
impl DescribedSystem for Bibliotheca {
    const NAME: &'static str = "bibliotheca";
    const ACCOUNT_PAGE: &'static str = "index.asp?kontofenster=start";
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = &[
        "index.asp?kontofenster=true&target=verl",
        "index.asp?target=vermsg",
    ];
    const DETECTOR: Option<&'static dyn Detector> = Some(&Bibliotheca);

    /// Logs in; the answer is the account.
    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        let logout = "index.asp?kontofenster=true&target=logoff";
        let answer = visit.log_in(Self::ACCOUNT_PAGE, logout).await?;
        visit.add(&answer)
    }
}

#[cfg(test)]
mod tests;
