//! Koha's OPAC: one page, `opac-user.pl`, is login form and whole account.
//!
//! Older sites (to 23.11) take `userid` and `password`, newer ones `login_userid`, `login_password`
//! and a `csrf_token` that is bound to the session in which the form was fetched. Every outcome of a
//! login but a missing token has status 200; `#userdetails` is there only when somebody is logged in.
//!
//! Ids, classes and attributes are the same in all of Koha's languages, so they decide; words do
//! only where Koha has nothing else (a credit, a hold that sleeps where the site shows no buttons).
//!
//! The page names the patron's record, not the card's number: that it is the card's own account
//! rests on the login that it answers.

mod dates;
mod fines;
mod holds;
mod lists;
mod loans;
mod login;
mod marks;
mod messages;
mod pages;
mod signs;
mod table;
mod tabs;
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

/// Koha's OPAC, of the template that it calls “bootstrap”.
#[derive(Debug)]
pub struct Koha;

/// The account page, which is the login form for strangers, below [`root`].
const ACCOUNT: &str = "cgi-bin/koha/opac-user.pl";
/// All charges and payments, below [`root`].
const CHARGES: &str = "cgi-bin/koha/opac-account.pl";
/// Leaving: a GET that ends the session and shows the catalogue, below [`root`].
const LOGOUT: &str = "cgi-bin/koha/opac-main.pl?logout.x=1";

#[async_trait]
impl System for Koha {
    fn name(&self) -> &'static str {
        "koha"
    }

    /// Due dates have a machine-readable twin, and most pages tell how the others are written; the
    /// declared format is for those that do not.
    fn writes_dates_its_own_way(&self) -> bool {
        true
    }

    fn pages_tell_how_dates_are_written(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        match &library.account_url {
            Some(url) => Some(url.clone()),
            None => root(library).join(ACCOUNT).ok(),
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

    fn date_format_told(&self, page: &str) -> Option<&'static str> {
        dates::told(page)
    }

    fn read(&self, pages: &[SavedPage], context: &ReadContext<'_>) -> Result<Account, Failure> {
        let mut parts = Vec::new();
        for page in pages {
            let in_page = |failure: Failure| in_saved_page(page, failure);
            let failure = match pages::says(&page.body, &[], context).map_err(in_page)? {
                Says::Account(part) => {
                    parts.push(part);
                    continue;
                }
                Says::Login(Login::Asked) => {
                    Failure::page_changed("the login form: nobody is logged in")
                }
                Says::Login(Login::Refused {
                    is_of_session: true,
                    ..
                }) => session_is_over(),
                Says::Login(Login::Refused { .. }) => {
                    Failure::wrong_credentials("the login form again, with a word beside it")
                }
                Says::Login(Login::NoForm) => Failure::wrong_credentials(
                    "a word in place of the login form, as for a password that has expired",
                ),
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
    let name = "koha"
        .parse()
        .map_err(|_| Failure::not_tried("the system has no name"))?;
    Ok(Account::unknown(name))
}

/// Where the site's paths begin: `base_url` as a folder, without what a person may have copied of
/// one of the catalogue's own addresses.
fn root(library: &Library) -> Url {
    let mut url = library.base_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path();
    let folder = path
        .split_once("/cgi-bin/koha")
        .map_or(path, |(before, _)| before)
        .trim_end_matches('/');
    let folder = format!("{folder}/");
    url.set_path(&folder);
    url
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
