//! OCLC Bibliotheca's `WebOPAC` (`index.asp`): the account is one page, with the loans above the holds.
//!
//! The login form has the fields `AUSWEIS` and `PWD`; the site refuses in a box of class `kontomeldung`.

mod fingerprints;
mod pages;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::list_reader::{
    AccountDescription, DescribedSystem, LoginDescription, join_visited, log_in, read_part,
};
use crate::offline::OfflineReader;
use crate::system::System;

/// OCLC Bibliotheca.
#[derive(Debug)]
pub(crate) struct Bibliotheca;

#[async_trait(?Send)]
impl System for Bibliotheca {
    fn name(&self) -> &'static str {
        "bibliotheca"
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        library.account_url.clone().or_else(|| {
            let mut url = library.base_url.clone();
            let path = format!("{}/index.asp", url.path().trim_end_matches('/'));
            url.set_path(&path);
            url.set_query(Some("kontofenster=start"));
            Some(url)
        })
    }

    async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
        visit.browse(read_account).await
    }

    fn offline_reader(&self) -> Option<&dyn OfflineReader> {
        Some(self)
    }

    fn detector(&self) -> Option<&dyn Detector> {
        Some(self)
    }
}

impl DescribedSystem for Bibliotheca {
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

/// Logs in; the answer is the account.
async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let form = session.url("index.asp?kontofenster=start")?;
    let logout = session.url("index.asp?kontofenster=true&target=logoff")?;
    let page = session.get(&form).await?;
    let answer = log_in(session, &pages::LOGIN, &page, &logout).await?;
    let part = read_part(session, &pages::ACCOUNT, &pages::LOGIN, &answer)?;
    join_visited(session, &pages::ACCOUNT, vec![part])
}

#[cfg(test)]
mod tests;
