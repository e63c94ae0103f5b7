//! datronic's `WinBIAP` `WebOPAC` (ASP.NET): `user/borrow.aspx` and `user/reservations.aspx`.

mod fingerprints;
mod pages;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{
    AccountDescription, AccountPart, AccountVisit, DescribedSystem, LoginDescription,
};

/// datronic `WinBIAP`.
#[derive(Debug)]
pub(crate) struct WinBiap;

#[async_trait(?Send)]
impl DescribedSystem for WinBiap {
    const NAME: &'static str = "winbiap";
    const ACCOUNT_PAGE: &'static str = "user/overview.aspx";
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = &[
        "user/login.aspx",
        "user/logout.aspx",
        "user/overview.aspx",
        "user/borrow.aspx",
        "user/reservations.aspx",
    ];
    const DETECTOR: Option<&'static dyn Detector> = Some(&WinBiap);

    /// Logs in; the answer's menu counts the lists. An empty one is not fetched.
    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        let logout = "user/logout.aspx";
        let overview = visit.log_in("user/login.aspx", logout).await?;
        visit.add(&overview)?;
        if !visit.knows(AccountPart::counts_no_loans) {
            visit.fetch("user/borrow.aspx").await?;
        }
        if !visit.knows(AccountPart::counts_no_holds) {
            visit.fetch("user/reservations.aspx").await?;
        }
        Ok(())
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }
}

#[cfg(test)]
mod tests;
