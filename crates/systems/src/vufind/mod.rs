//! `VuFind`: `MyResearch/CheckedOut`, `MyResearch/Holds` and `MyResearch/Fines`, in German or English.
//!
//! Each page's template is a class of the page.

mod fingerprints;
mod pages;
mod row;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_browser::reading::Css;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{
    AccountDescription, AccountPart, AccountVisit, DescribedSystem, FurtherPages, LoginDescription,
};

static FURTHER: FurtherPages = FurtherPages {
    links: Css::new(".pagination a[href*='page=']"),
    address: |link, page| {
        let url = page.join(link.attr("href")?).ok()?;
        (url.path() == page.path()).then_some(url)
    },
};

/// `VuFind`, as German libraries run it.
#[derive(Debug)]
pub(crate) struct VuFind;

#[async_trait(?Send)]
impl DescribedSystem for VuFind {
    const NAME: &'static str = "vufind-de";
    const ACCOUNT_PAGE: &'static str = "MyResearch/Home";
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = &[
        "MyResearch/CheckedOut",
        "MyResearch/Holds",
        "MyResearch/Fines",
        "Author/Home",
        "Record",
    ];
    const DETECTOR: Option<&'static dyn Detector> = Some(&VuFind);

    /// Logs in, and reads the lists and the fines. The answer to the login may be any page of the account.
    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        let mut page = visit
            .log_in(Self::ACCOUNT_PAGE, "MyResearch/Logout")
            .await?;
        visit.add(&page)?;
        if !visit.knows(AccountPart::has_loans) {
            page = visit.fetch("MyResearch/CheckedOut").await?;
        }
        visit.fetch_further(&page, &FURTHER).await?;
        // The menu's “0” may be a badge for the holds that are ready.
        let page = visit.fetch("MyResearch/Holds").await?;
        visit.fetch_further(&page, &FURTHER).await?;
        if !visit.knows(AccountPart::has_fines) {
            visit.fetch("MyResearch/Fines").await?;
        }
        Ok(())
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        &pages::OTHER_PHRASES
    }
}

#[cfg(test)]
mod tests;
