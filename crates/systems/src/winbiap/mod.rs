//! datronic's `WinBIAP` `WebOPAC` (ASP.NET): `user/borrow.aspx` and `user/reservations.aspx`.

mod fingerprints;
mod pages;

use async_trait::async_trait;
use hippo_browser::reading::Css;
use hippo_browser::{Phrase, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{
    AccountDescription, DescribedSystem, LoginDescription, fetch_part, join_visited,
    log_in_by_button, read_part,
};

static BUTTON: Css = Css::new("input[name$=ButtonLogin]");

/// datronic `WinBIAP`.
#[derive(Debug)]
pub(crate) struct WinBiap;

#[async_trait(?Send)]
impl DescribedSystem for WinBiap {
    const NAME: &'static str = "winbiap";
    const ACCOUNT_PAGE: &'static str = "user/overview.aspx";

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
