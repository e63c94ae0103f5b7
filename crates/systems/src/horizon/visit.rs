//! Logs in and fetches the account.

use hippo_browser::reading::{Css, parse_page};
use hippo_browser::{Page, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use super::pages::{ACCOUNT, LOGIN};
use super::{PORTAL, PROFILE};
use crate::list_reader::{fetch_part, join_visited, log_in, read_part};

static SESSION: Css = Css::new("input[name=session]");
static PROFILE_FIELD: Css = Css::new("input[name=profile]");

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
    let mut url = session.url(PORTAL)?;
    ask_for_account(&mut url, session.library());
    let page = session.get(&url).await?;
    let logout = address(session, &page, &[("logout", "true")])?;
    let answer = log_in(session, &LOGIN, &page, &logout).await?;
    let landing = read_part(session, &ACCOUNT, &LOGIN, &answer)?;
    let (loans, total) = landing.loans();
    let has_loans = loans.is_some() || total == Some(0);
    let mut parts = vec![landing];
    let list = |name| [("menu", "account"), ("submenu", name)];
    if !has_loans {
        let url = address(session, &answer, &list("itemsout"))?;
        parts.push(fetch_part(session, &ACCOUNT, &LOGIN, &url).await?);
    }
    let url = address(session, &answer, &list("holds"))?;
    parts.push(fetch_part(session, &ACCOUNT, &LOGIN, &url).await?);
    if parts.iter().all(|part| part.fines().is_none()) {
        let url = address(session, &answer, &list("blocks"))?;
        parts.push(fetch_part(session, &ACCOUNT, &LOGIN, &url).await?);
    }
    join_visited(session, &ACCOUNT, parts)
}

/// Returns an address with the session and the profile that a page has in its form.
fn address(
    session: &Session<'_>,
    page: &Page,
    parameters: &[(&str, &str)],
) -> Result<Url, Failure> {
    let parsed = parse_page(&page.body)?;
    let root = parsed.root_element();
    let mut url = session.url(PORTAL)?;
    let mut query = url.query_pairs_mut();
    for (name, field) in [("session", &SESSION), (PROFILE, &PROFILE_FIELD)] {
        let value = field.first(root).and_then(|field| field.attr("value"));
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.extend_pairs(parameters);
    drop(query);
    Ok(url)
}
