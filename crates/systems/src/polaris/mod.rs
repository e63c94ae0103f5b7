//! Polaris PAC (`patronaccount/itemsout.aspx`), from version 3.5.
//!
//! The pages are ASP.NET forms: the login carries the state fields of its page along, and nothing else is ever posted.
//! The fields and the values of a row have fixed ends of their names and ids, whatever the layout puts before them.
//!
//! The lists of loans of version 3.5 are known from pages. Later layouts and the requests are known from what other
//! programs read of them only.

mod fingerprints;
mod pages;
mod values;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{
    AccountDescription, AccountPart, AccountVisit, DescribedSystem, LoginDescription,
};

/// Polaris PAC.
#[derive(Debug)]
pub(crate) struct Polaris;

#[async_trait(?Send)]
impl DescribedSystem for Polaris {
    const NAME: &'static str = "polaris";
    /// Without a session, it leads to the login form.
    const ACCOUNT_PAGE: &'static str = "patronaccount/default.aspx";
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = &[
        "patronaccount/default.aspx",
        "patronaccount/itemsout.aspx",
        "patronaccount/requests.aspx",
        "patronaccount/finesfees.aspx",
        "logon.aspx?logoff=1",
        "view.aspx?cn=&recid=&reqid=",
    ];
    const DETECTOR: Option<&'static dyn Detector> = Some(&Polaris);

    /// Logs in and reads the summary, the loans, the requests, and the fines if nothing else says what is owed.
    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        let logout = "logon.aspx?logoff=1&src=default.aspx";
        let summary = visit.log_in(Self::ACCOUNT_PAGE, logout).await?;
        visit.add(&summary)?;
        visit.fetch("patronaccount/itemsout.aspx").await?;
        visit.fetch("patronaccount/requests.aspx").await?;
        if !visit.knows(AccountPart::has_fines) {
            visit.fetch("patronaccount/finesfees.aspx").await?;
        }
        Ok(())
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }
}

#[cfg(test)]
mod tests;
