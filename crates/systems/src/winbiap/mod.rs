//! datronic's `WinBIAP` `WebOPAC` (ASP.NET): `user/borrow.aspx` and `user/reservations.aspx`.

mod fingerprints;
mod pages;

use async_trait::async_trait;
use hippo_browser::reading::Css;
use hippo_browser::{CardVisit, Phrase, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::links::below_base;
use crate::list_reader::{
    AccountDescription, DescribedSystem, LoginDescription, fetch_part, join_visited,
    log_in_by_button, read_part,
};
use crate::offline::OfflineReader;
use crate::system::System;

static BUTTON: Css = Css::new("input[name$=ButtonLogin]");

/// datronic `WinBIAP`.
#[derive(Debug)]
pub(crate) struct WinBiap;

#[async_trait(?Send)]
impl System for WinBiap {
    fn name(&self) -> &'static str {
        "winbiap"
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        let account = library.account_url.clone();
        account.or_else(|| below_base(library, "user/overview.aspx"))
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

impl DescribedSystem for WinBiap {
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

/// Logs in; the answer's menu counts the lists. An empty one is not fetched.
async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let (account, login) = (&pages::ACCOUNT, &pages::LOGIN);
    let form = session.url("user/login.aspx")?;
    let loans = session.url("user/borrow.aspx")?;
    let holds = session.url("user/reservations.aspx")?;
    let logout = session.url("user/logout.aspx")?;
    let page = session.get(&form).await?;
    let answer = log_in_by_button(session, login, &BUTTON, &page, &logout).await?;
    let overview = read_part(session, account, login, &answer)?;
    let (has_no_loans, has_no_holds) =
        (overview.loans().1 == Some(0), overview.holds().1 == Some(0));
    let mut parts = vec![overview];
    if !has_no_loans {
        parts.push(fetch_part(session, account, login, &loans).await?);
    }
    if !has_no_holds {
        parts.push(fetch_part(session, account, login, &holds).await?);
    }
    join_visited(session, account, parts)
}

#[cfg(test)]
mod tests;
