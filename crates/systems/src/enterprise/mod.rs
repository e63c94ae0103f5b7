//! SirsiDynix Enterprise, in two generations: lists that the account page's script fetches.
//!
//! The older one asks for its lists by POST; the newer one has a token (`sdcsrf`) that travels with
//! the login form and as a header, and asks by GET.
//!
//! Library options: `profile` (`default` without one) and `locale` (`en_US`), the two parts of the
//! site's addresses, `/client/LOCALE/PROFILE/search/account?`. A `base_url` that has them already
//! is taken as it is.
//!
//! The pages print neither a card number nor fines, and item links lead nowhere outside the page.

mod answer;
mod empty;
mod holds;
mod loans;
mod login;
mod pages;
mod row;
mod shown;
mod signs;
mod visit;
mod words;

use async_trait::async_trait;
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::pages::Says;
use crate::browser::Session;
use crate::detect::{Place, SeenPage};
use crate::recording::KeptWords;
use crate::{ReadContext, SavedPage, System, in_saved_page};

/// SirsiDynix Enterprise.
#[derive(Debug)]
pub struct Enterprise;

#[async_trait]
impl System for Enterprise {
    fn name(&self) -> &'static str {
        "enterprise"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                "profile",
                "the site's profile, as its addresses have it; “default” without it",
            ),
            (
                "locale",
                "the site's language, as its addresses have it; “en_US” without it",
            ),
        ]
    }

    fn writes_dates_its_own_way(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        match &library.account_url {
            Some(url) => Some(url.clone()),
            None => folder(library).ok()?.join("account?").ok(),
        }
    }

    fn signs(&self, page: &SeenPage<'_>) -> Vec<&'static str> {
        signs::signs(page)
    }

    fn is_address(&self, url: &Url) -> bool {
        signs::is_address(url)
    }

    fn place(&self, url: &Url) -> Option<Place> {
        signs::place(url)
    }

    fn kept_words(&self) -> Vec<KeptWords> {
        words::kept()
    }

    fn read(&self, pages: &[SavedPage], context: &ReadContext<'_>) -> Result<Account, Failure> {
        let mut parts = Vec::new();
        for page in pages {
            let in_page = |failure: Failure| in_saved_page(page, failure);
            let failure = match pages::says(&page.body, context).map_err(in_page)? {
                Says::Account(part) => {
                    parts.push(part);
                    continue;
                }
                Says::Broken => Failure::site_down("the site's own page of a system error"),
                Says::Login(Some(failure)) => failure,
                Says::Login(None) => Failure::page_changed("the login form: nobody is logged in"),
                Says::Unknown => Failure::page_changed("neither a list of loans nor of holds"),
            };
            return Err(in_page(failure));
        }
        if parts.is_empty() {
            return Err(Failure::page_changed("no page to read"));
        }
        pages::account(parts, unknown_account()?)
    }

    async fn visit(&self, session: &mut Session<'_>) -> Result<Account, Failure> {
        visit::visit(session).await
    }
}

fn unknown_account() -> Result<Account, Failure> {
    let name = "enterprise"
        .parse()
        .map_err(|_| Failure::not_tried("the system has no name"))?;
    Ok(Account::unknown(name))
}

/// `…/client/en_US/default/search/`, where all addresses of a site begin.
fn folder(library: &Library) -> Result<Url, Failure> {
    let option = |name: &str, default: &str| {
        let value = library.options.get(name).map_or(default, String::as_str);
        let is_plain = !value.is_empty()
            && value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$'))
            && !value.starts_with('.');
        if is_plain {
            Ok(value.to_owned())
        } else {
            Err(Failure::page_changed(format!(
                "the library's option “{name}” has characters that no address of Enterprise has"
            )))
        }
    };
    let mut url = library.base_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let base = url.path().trim_end_matches('/').to_owned();
    let path = match base.split_once("/client/") {
        Some((before, place)) => {
            let mut names = place.split('/');
            let locale = names.next().unwrap_or_default();
            let profile = names.next().unwrap_or("default");
            format!("{before}/client/{locale}/{profile}/search/")
        }
        None => format!(
            "{base}/client/{}/{}/search/",
            option("locale", "en_US")?,
            option("profile", "default")?
        ),
    };
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
