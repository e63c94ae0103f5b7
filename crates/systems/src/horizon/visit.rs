//! Logs in and fetches the account.

use hippo_browser::reading::{Css, parse_page};
use hippo_browser::{Page, Session};
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use super::{PORTAL, PROFILE};
use crate::list_reader::{AccountPart, AccountVisit};

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

/// Logs in and fetches the loans, the holds, and the blocks if nothing else says what is owed.
pub(super) async fn fetch_account(visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
    let mut url = visit.session.url(PORTAL)?;
    ask_for_account(&mut url, visit.session.library());
    let page = visit.session.get(&url).await?;
    let logout = address(visit.session, &page, &[("logout", "true")])?;
    let answer = visit.log_in_on(&page, &logout).await?;
    visit.add(&answer)?;
    if !visit.knows(|part| part.has_loans() || part.counts_no_loans()) {
        fetch_list(visit, &answer, "itemsout").await?;
    }
    fetch_list(visit, &answer, "holds").await?;
    if !visit.knows(AccountPart::has_fines) {
        fetch_list(visit, &answer, "blocks").await?;
    }
    Ok(())
}

async fn fetch_list(
    visit: &mut AccountVisit<'_, '_>,
    answer: &Page,
    list: &str,
) -> Result<(), Failure> {
    let list = [("menu", "account"), ("submenu", list)];
    let url = address(visit.session, answer, &list)?;
    let page = visit.session.get(&url).await?;
    visit.add(&page)
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
