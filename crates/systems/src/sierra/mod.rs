//! Innovative Sierra and Millennium, with the classic WebPAC: a CAS login (or the catalogue's own form, where
//! there is no CAS), the patron's summary, and two tables of class `patFunc`.
//!
//! Library options: `scope` (`S3`), the part of the catalogue in whose name the site is visited;
//! without it the site's own default.
//!
//! Where the login form asks for the patron's name as well, the card's number is given as
//! `First Last|number`.
//!
//! The pages print no card number: that the pages belong to one patron is known by the number of
//! the record in their links. A list that is empty has no page; see `visit` for what counts as
//! the site's word for it.

mod holds;
mod loans;
mod login;
mod pages;
mod signs;
mod table;
mod visit;
mod words;

use async_trait::async_trait;
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::login::Login;
use self::pages::Says;
use crate::browser::Session;
use crate::detect::{Place, SeenPage};
use crate::recording::KeptWords;
use crate::{ReadContext, SavedPage, System, in_saved_page, session_is_over};

/// Innovative Sierra and Millennium.
#[derive(Debug)]
pub struct Sierra;

#[async_trait]
impl System for Sierra {
    fn name(&self) -> &'static str {
        "sierra"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[(
            "scope",
            "the part of the catalogue in whose name the site is visited, as S3; the site's own default without it",
        )]
    }

    fn writes_dates_its_own_way(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        if let Some(url) = &library.account_url {
            return Some(url.clone());
        }
        let scope = scope(library).ok()?;
        let mut url = library.base_url.clone();
        let path = format!("{}/patroninfo{scope}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Some(url)
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
            match pages::says(&page.body, context).map_err(in_page)? {
                Says::Account(part) => parts.push(part),
                Says::Login(Login::SessionOver) => return Err(in_page(session_is_over())),
                Says::Login(login) => {
                    return Err(in_page(login.failure(|| {
                        Failure::page_changed("the login form: nobody is logged in")
                    })));
                }
            }
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
    let name = "sierra"
        .parse()
        .map_err(|_| Failure::not_tried("the system has no name"))?;
    Ok(Account::unknown(name))
}

/// `~S3` for the option `scope`, nothing without one.
fn scope(library: &Library) -> Result<String, Failure> {
    let Some(scope) = library.options.get("scope") else {
        return Ok(String::new());
    };
    let number = scope.trim_start_matches('~').trim_start_matches(['S', 's']);
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::page_changed(
            "the library's option “scope” is not of the form S3",
        ));
    }
    Ok(format!("~S{number}"))
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
