//! `VuFind`: `MyResearch/CheckedOut`, `MyResearch/Holds` and `MyResearch/Fines`, in German or English.
//!
//! Each page's template is a class of the page.

mod fingerprints;
mod pages;
mod row;

use async_trait::async_trait;
use hippo_browser::reading::{Css, element_text};
use hippo_browser::{Page, Phrase, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use scraper::ElementRef;
use url::Url;

use crate::fingerprint::Detector;
use crate::list_reader::{
    AccountDescription, AccountPart, DescribedSystem, LoginDescription, fetch_further,
    join_visited, log_in_by_button, read_part,
};

static BUTTON: Css = Css::new("input[name=processLogin], button[name=processLogin]");
static PAGES: Css = Css::new(".pagination a[href*='page=']");

/// `VuFind`, as German libraries run it.
#[derive(Debug)]
pub(crate) struct VuFind;

#[async_trait(?Send)]
impl DescribedSystem for VuFind {
    const NAME: &'static str = "vufind-de";
    const ACCOUNT_PAGE: &'static str = "MyResearch/Home";

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
        &pages::OTHER_PHRASES
    }

    fn own_detector(&self) -> Option<&dyn Detector> {
        Some(self)
    }
}

/// Logs in, and reads the lists and the fines. The answer to the login may be any page of the account.
async fn read_account(session: &mut Session<'_>) -> Result<Account, Failure> {
    let (account, login) = (&pages::ACCOUNT, &pages::LOGIN);
    let form = session.url("MyResearch/Home")?;
    let logout = session.url("MyResearch/Logout")?;
    let page = session.get(&form).await?;
    let mut page = log_in_by_button(session, login, &BUTTON, &page, &logout).await?;
    let mut part = read_part(session, account, login, &page)?;
    let mut parts = Vec::new();
    if part.loans().0.is_none() {
        parts.push(part);
        (page, part) = fetch(session, "MyResearch/CheckedOut").await?;
    }
    let states_fines = part.fines().is_some();
    parts.push(part);
    parts.extend(fetch_further(session, account, login, &page, find_further).await?);
    // The menu's “0” may be a badge for the holds that are ready.
    let (page, part) = fetch(session, "MyResearch/Holds").await?;
    parts.push(part);
    parts.extend(fetch_further(session, account, login, &page, find_further).await?);
    if !states_fines {
        let (_, part) = fetch(session, "MyResearch/Fines").await?;
        parts.push(part);
    }
    join_visited(session, account, parts)
}

async fn fetch(session: &mut Session<'_>, path: &str) -> Result<(Page, AccountPart), Failure> {
    let url = session.url(path)?;
    let page = session.get(&url).await?;
    let part = read_part(session, &pages::ACCOUNT, &pages::LOGIN, &page)?;
    Ok((page, part))
}

/// Finds the addresses of a list's second and further pages: links whose text is the page's number.
fn find_further(root: ElementRef<'_>, page: &Url) -> Vec<Url> {
    let is_further = |link: &ElementRef<'_>| {
        let number = element_text(*link).parse::<u32>();
        number.is_ok_and(|number| number > 1)
    };
    PAGES
        .all(root)
        .filter(is_further)
        .filter_map(|link| page.join(link.attr("href")?).ok())
        .filter(|url| url.path() == page.path())
        .collect()
}

#[cfg(test)]
mod tests;
