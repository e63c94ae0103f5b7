//! OCLC Bibliotheca's `WebOPAC` (`index.asp`): the account is one page, with the loans above the holds.
//!
//! The login form has the fields `AUSWEIS` and `PWD`; the site refuses in a box of class `kontomeldung`.
//!
//! Library option: `db` (`glad`), the database of the library where several share a site. The form has a field for it,
//! or else a script adds it. Without the option, the form's own value is sent.

mod fingerprints;
mod pages;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, AccountVisit, DescribedSystem, LoginDescription};

/// The library option for the library's database, and the field that has it.
const DATABASE: &str = "db";
const DATABASE_FIELD: &str = "vkontodb";

/// OCLC Bibliotheca.
#[derive(Debug)]
pub(crate) struct Bibliotheca;

#[async_trait(?Send)]
impl DescribedSystem for Bibliotheca {
    const NAME: &'static str = "bibliotheca";
    const ACCOUNT_PAGE: &'static str = "index.asp?kontofenster=start";
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &pages::LOGIN;
    const ADDRESSES: &'static [&'static str] = &[
        "index.asp?kontofenster=true&target=verl",
        "index.asp?target=vermsg",
    ];
    const OPTIONS: &'static [(&'static str, &'static str)] = &[(
        DATABASE,
        "the library's database (vkontodb) where several libraries share the site, like glad",
    )];
    const DETECTOR: Option<&'static dyn Detector> = Some(&Bibliotheca);

    /// Logs in; the answer is the account.
    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        let page = visit.get(Self::ACCOUNT_PAGE).await?;
        let mut form = visit.fill_form(&page)?;
        if let Some(database) = visit.session.library().options.get(DATABASE) {
            form.set_extra(DATABASE_FIELD, database);
        }
        let logout = visit
            .session
            .url("index.asp?kontofenster=true&target=logoff")?;
        visit.session.log_out_at_end(&logout);
        let answer = visit.session.log_in(form).await?;
        visit.add(&answer)
    }
}

#[cfg(test)]
mod tests;
