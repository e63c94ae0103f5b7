//! `BiblioCommons` V2: every page carries its state as JSON, so no page has to be taken apart.
//!
//! `state` finds and decodes that JSON, `pages` says what one page says, `combine` makes one account
//! of several pages, `visit` logs in and fetches no more pages than have something on them, `login`
//! knows the pages of someone who is not logged in.

mod combine;
mod login;
mod pages;
mod signs;
mod state;
mod totals;
mod values;
mod visit;
mod words;

use async_trait::async_trait;
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::pages::Seen;
use crate::browser::Session;
use crate::detect::SeenPage;
use crate::recording::KeptWords;
use crate::{ReadContext, SavedPage, System, in_saved_page};

const NAME: &str = "bibliocommons";

/// The page with what is out; it tells the totals of the whole account, too.
const LOANS_PATH: &str = "/v2/checkedout";

/// `BiblioCommons` V2: a login form, and account pages with their state as JSON inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bibliocommons;

#[async_trait]
impl System for Bibliocommons {
    fn name(&self) -> &'static str {
        NAME
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        library
            .account_url
            .clone()
            .or_else(|| address(&library.base_url, LOANS_PATH))
    }

    fn signs(&self, page: &SeenPage<'_>) -> Vec<&'static str> {
        signs::signs(page)
    }

    fn has_hosts_of_its_own(&self) -> bool {
        true
    }

    fn is_address(&self, url: &Url) -> bool {
        signs::is_address(url)
    }

    fn kept_words(&self) -> Vec<KeptWords> {
        words::KEPT.to_vec()
    }

    fn read(&self, pages: &[SavedPage], context: &ReadContext<'_>) -> Result<Account, Failure> {
        let mut said = Vec::with_capacity(pages.len());
        for page in pages {
            let seen = pages::look(&page.body, context)
                .and_then(|seen| match seen {
                    Seen::Account(says) => Ok(*says),
                    Seen::Refused(failure) => Err(failure),
                    Seen::LoginForm => {
                        Err(Failure::page_changed("the login form, not an account page"))
                    }
                    Seen::Nobody => Err(Failure::page_changed("a page of nobody's account")),
                })
                .map_err(|failure| in_saved_page(page, failure))?;
            said.push(seen);
        }
        combine::combine(said, context)
    }

    async fn visit(&self, session: &mut Session<'_>) -> Result<Account, Failure> {
        visit::visit(session).await
    }
}

/// The address of a path at the library, below the path of its `base_url`; http(s) only.
fn address(base: &Url, path: &str) -> Option<Url> {
    let mut url = base.clone();
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .extend(path.split('/').filter(|part| !part.is_empty()));
    Some(url)
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
