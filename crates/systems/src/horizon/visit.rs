//! Logs in and fetches the account.

use hippo_browser::reading::{Css, parse_page, web_link};
use hippo_browser::{Page, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use super::PROFILE;
use super::pages::{ACCOUNT, LOGIN};
use crate::list_reader::{fetch_part, join_visited, log_in, read_part};

static SESSION: Css = Css::new("input[name=session]");
static LOANS: Css = Css::new("a[href*='submenu=itemsout']:not([href*='sortby='])");
static HOLDS: Css = Css::new("a[href*='submenu=holds']:not([href*='sortby='])");
static BLOCKS: Css = Css::new("a[href*='submenu=blocks']:not([href*='sortby='])");

/// Asks for the loans, so that the answer to the login may already be their page.
pub(super) fn ask_for_account(url: &mut Url, library: &Library) {
    let mut query = url.query_pairs_mut();
    query.clear();
    if let Some(profile) = library.options.get(PROFILE) {
        query.append_pair(PROFILE, profile);
    }
    query.append_pair("menu", "account");
    query.append_pair("submenu", "itemsout");
}

/// Logs in and reads the loans, the holds, and the blocks if nothing else says what is owed.
pub(super) async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let mut form = session.url("ipac20/ipac.jsp")?;
    ask_for_account(&mut form, session.library());
    let page = session.get(&form).await?;
    let logout = logout_url(&page)?;
    let answer = log_in(session, &LOGIN, &page, &logout).await?;
    let landing = read_part(session, &ACCOUNT, &LOGIN, &answer)?;
    let has_loans = landing.loans().0.is_some();
    let mut parts = vec![landing];
    if !has_loans {
        let url = find_link(&answer, &LOANS)?;
        parts.push(fetch_part(session, &ACCOUNT, &LOGIN, &url).await?);
    }
    let url = find_link(&answer, &HOLDS)?;
    parts.push(fetch_part(session, &ACCOUNT, &LOGIN, &url).await?);
    if parts.iter().all(|part| part.fines().is_none())
        && let Ok(url) = find_link(&answer, &BLOCKS)
        // The page is known from no library: what it does not say stays unknown.
        && let Ok(blocks) = fetch_part(session, &ACCOUNT, &LOGIN, &url).await
    {
        parts.push(blocks);
    }
    join_visited(session, &ACCOUNT, parts)
}

/// Returns the address of the logout. The session is in it.
fn logout_url(page: &Page) -> Result<Url, Failure> {
    let parsed = parse_page(&page.body)?;
    let visit = SESSION.first(parsed.root_element());
    let mut url = page.url.clone();
    let mut query = url.query_pairs_mut();
    query.clear();
    if let Some(visit) = visit.and_then(|field| field.attr("value")) {
        query.append_pair("session", visit);
    }
    query.append_pair("logout", "true");
    drop(query);
    Ok(url)
}

fn find_link(page: &Page, css: &'static Css) -> Result<Url, Failure> {
    let parsed = parse_page(&page.body)?;
    let link = css.first(parsed.root_element());
    link.and_then(|link| web_link(link.attr("href")?, &page.url))
        .ok_or_else(|| Failure::page_changed("no link to a page of the account"))
}
