//! Logs in by a described form, and fetches the described pages.

use hippo_browser::reading::parse_page;
use hippo_browser::{Page, Session, interstitial};
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use super::account::{self, AccountPart};
use super::description::AccountDescription;
use super::login::LoginDescription;

/// Fills in the login form of a page and sends it, once. The session logs out at `logout` in the end.
pub(crate) async fn log_in(
    session: &mut Session<'_>,
    login: &'static LoginDescription,
    page: &Page,
    logout: &Url,
) -> Result<Page, Failure> {
    let form = login.fill_form(page, session)?;
    session.log_out_at_end(logout);
    session.log_in(form).await
}

/// Fetches and reads a page of the account.
pub(crate) async fn fetch_part(
    session: &mut Session<'_>,
    account: &'static AccountDescription,
    login: &'static LoginDescription,
    url: &Url,
) -> Result<AccountPart, Failure> {
    let page = session.get(url).await?;
    read_part(session, account, login, &page)
}

/// Reads a page of the account that was fetched, perhaps the answer to the login.
pub(crate) fn read_part(
    session: &mut Session<'_>,
    account: &'static AccountDescription,
    login: &'static LoginDescription,
    page: &Page,
) -> Result<AccountPart, Failure> {
    if account::is_account_page(account, &page.body) {
        session.mark_logged_in();
        return account::read_page(account, login, &page.body, &session.read_context());
    }
    let parsed = parse_page(&page.body)?;
    let root = parsed.root_element();
    match login.failure_of_words(root) {
        // A refusal after a page that showed us logged in is about something else.
        Some(failure)
            if failure.kind == FailureKind::WrongCredentials && session.is_logged_in() =>
        {
            Err(session.failure_for_login_page(page, "the account"))
        }
        Some(failure) => Err(session.expired_only_after_login(failure)),
        None if login.is_form.is_in(root) => {
            Err(session.failure_for_login_page(page, "the account"))
        }
        None => Err(interstitial(page).unwrap_or_else(|| {
            session.failure_for_unknown_answer(page, "neither the account nor the login form")
        })),
    }
}
