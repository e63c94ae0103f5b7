//! Logs in and fetches the account.

use hippo_browser::reading::Css;
use hippo_browser::{Page, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use super::pages::{ACCOUNT, LOGIN};
use crate::list_reader::{fetch_part, join_visited, log_in_by_button, read_part};

/// The account's first page; without a session, it leads to the login form.
pub(super) const ACCOUNT_PATH: &str = "patronaccount/default.aspx";

static BUTTON: Css = Css::new("input[type=submit][name$='ubmit']");

/// Logs in and reads the summary, the loans, the requests, and the fines if nothing else says what is owed.
pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let url = session.url(ACCOUNT_PATH)?;
    let page = session.get(&url).await?;
    let answer = log_in(session, &page).await?;
    let mut parts = vec![read_part(session, &ACCOUNT, &LOGIN, &answer)?];
    for path in ["patronaccount/itemsout.aspx", "patronaccount/requests.aspx"] {
        let url = session.url(path)?;
        parts.push(fetch_part(session, &ACCOUNT, &LOGIN, &url).await?);
    }
    if parts.iter().all(|part| part.fines().is_none()) {
        let url = session.url("patronaccount/finesfees.aspx")?;
        parts.push(fetch_part(session, &ACCOUNT, &LOGIN, &url).await?);
    }
    join_visited(session, &ACCOUNT, parts)
}

/// Sends the login form with its button, without which the site takes the form for something else.
async fn log_in(session: &mut Session<'_>, page: &Page) -> Result<Page, Failure> {
    let logout = session.url("logon.aspx?logoff=1&src=default.aspx")?;
    log_in_by_button(session, &LOGIN, &BUTTON, page, &logout).await
}
