//! SirsiDynix Enterprise, in two generations: the account page's script fetches the lists.
//!
//! The older generation fetches its lists by POST. The newer one has a token (`sdcsrf`), sent with the login form
//! and as a header, and fetches by GET.
//!
//! Library options: `profile` (default `default`) and `locale` (default `en_US`), the two parts of the
//! site's URLs, `/client/LOCALE/PROFILE/search/account?`. A `base_url` that already has them is used
//! as it is.
//!
//! The pages print neither a card number nor fines, and item links lead nowhere outside the page.

mod addresses;
mod fingerprints;
mod login;
mod pages;
mod row;
mod script;
mod visit;

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::Phrase;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::links::below;
use crate::list_reader::{AccountDescription, AccountVisit, DescribedSystem, LoginDescription};

/// SirsiDynix Enterprise.
#[derive(Debug)]
pub(crate) struct Enterprise;

#[async_trait(?Send)]
impl DescribedSystem for Enterprise {
    const NAME: &'static str = "enterprise";
    const ACCOUNT_PAGE: &'static str = "account?";
    const ACCOUNT: &'static LazyLock<AccountDescription> = &pages::ACCOUNT;
    const LOGIN: &'static LazyLock<LoginDescription> = &login::LOGIN;
    const ADDRESSES: &'static [&'static str] = &[
        "client/search/default/patronlogin/patronloginform/loginpageform/submit",
        "accountnonmobile/checkouts/librarycheckoutsaccordion/holds/libraryholdsaccordion",
        "finesandblocks/renew/cancel/ent/results/t",
    ];
    const DETECTOR: Option<&'static dyn Detector> = Some(&Enterprise);
    const OPTIONS: &'static [(&'static str, &'static str)] = &[
        (
            "profile",
            "the profile in the site's addresses; “default” if not given",
        ),
        (
            "locale",
            "the language in the site's addresses; “en_US” if not given",
        ),
    ];

    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure> {
        visit::fetch_account(visit).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        &pages::OTHER_PHRASES
    }

    fn own_account_url(&self, library: &Library) -> Option<Url> {
        below(&addresses::site_folder(library)?, Self::ACCOUNT_PAGE)
    }
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
