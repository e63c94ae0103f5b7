//! Logs in by a described form, and fetches the described pages.

use std::collections::HashSet;

use hippo_browser::reading::{Css, parse_page};
use hippo_browser::{Page, Session, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;
use url::Url;

use super::account::{self, AccountPart, join_parts};
use super::description::AccountDescription;
use super::login::LoginDescription;

/// The most pages that follow a list's first; a page has at least ten entries.
const MAX_FURTHER_PAGES: usize = 100;

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

/// Like [`log_in`], for a form whose button must be sent: ASP.NET and others look for its name.
pub(crate) async fn log_in_by_button(
    session: &mut Session<'_>,
    login: &'static LoginDescription,
    button: &'static Css,
    page: &Page,
    logout: &Url,
) -> Result<Page, Failure> {
    let mut form = login.fill_form(page, session)?;
    if let Some(name) = login.find_button(page, button) {
        form.press(&name);
    }
    session.log_out_at_end(logout);
    session.log_in(form).await
}

/// Fetches the pages on which the list of a page goes on, each once. `links` finds their addresses.
pub(crate) async fn fetch_further(
    session: &mut Session<'_>,
    account: &'static AccountDescription,
    login: &'static LoginDescription,
    first: &Page,
    links: fn(ElementRef<'_>, &Url) -> Vec<Url>,
) -> Result<Vec<AccountPart>, Failure> {
    let find_links = |page: &Page| -> Result<Vec<Url>, Failure> {
        let mut links = links(parse_page(&page.body)?.root_element(), &page.url);
        links.retain(|link| link.origin() == page.url.origin() && *link != first.url);
        Ok(links)
    };
    let (mut known, mut in_order) = (HashSet::new(), Vec::new());
    let mut parts = Vec::new();
    let mut found = find_links(first)?;
    loop {
        for link in found {
            if known.insert(link.clone()) {
                in_order.push(link);
            }
            if in_order.len() > MAX_FURTHER_PAGES {
                return Err(Failure::page_changed("a list on too many pages"));
            }
        }
        let Some(next) = in_order.get(parts.len()) else {
            return Ok(parts);
        };
        let page = session.get(next).await?;
        parts.push(read_part(session, account, login, &page)?);
        found = find_links(&page)?;
    }
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
    if account::is_account_page(account, login, &page.body) {
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
        None if login.is_shown(root) => Err(session.failure_for_login_page(page, "the account")),
        None => Err(interstitial(page).unwrap_or_else(|| {
            session.failure_for_unknown_answer(page, "neither the account nor the login form")
        })),
    }
}

/// Joins the pages of a visit. A list that none of them has must be one that the site says is empty.
pub(crate) fn join_visited(
    session: &Session<'_>,
    description: &'static AccountDescription,
    parts: Vec<AccountPart>,
) -> Result<Account, Failure> {
    let mut account = join_parts(description, parts, session.unknown_account())?;
    // The site's own total of none is its word for an empty list.
    if account.declared.loans == Some(0) {
        account.loans.get_or_insert_default();
    }
    if account.declared.holds == Some(0) {
        account.holds.get_or_insert_default();
    }
    match (&account.loans, &account.holds) {
        (Some(_), Some(_)) => Ok(account),
        (None, _) => Err(Failure::page_changed(
            "no list of loans, and no word that there are none",
        )),
        (_, None) => Err(Failure::page_changed(
            "no list of holds, and no word that there are none",
        )),
    }
}
