//! OCLC Bibliotheca's `WebOPAC` (`index.asp`): the account is one page, with the loans above the holds.
//!
//! The login form has the fields `AUSWEIS` and `PWD`; the site refuses in a box of class `kontomeldung`.

mod fingerprints;
mod pages;

use async_trait::async_trait;
use hippo_browser::{Phrase, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{
    AccountDescription, DescribedSystem, LoginDescription, join_visited, log_in, read_part,
};

/// OCLC Bibliotheca.
#[derive(Debug)]
pub(crate) struct Bibliotheca;

#[async_trait(?Send)]
impl DescribedSystem for Bibliotheca {
    const NAME: &'static str = "bibliotheca";
    const ACCOUNT_PAGE: &'static str = "index.asp?kontofenster=start";

    fn account(&self) -> &'static AccountDescription {
        &pages::ACCOUNT
    }

    fn login(&self) -> &'static LoginDescription {
        &pages::LOGIN
    }

    async fn read_account(&self, session: &mut Session<'_>) -> Result<Account, Failure> {
        read_account(session).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }

    fn own_detector(&self) -> Option<&dyn Detector> {
        Some(self)
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
