//! The fingerprints of Enterprise sites.

use hippo_browser::reading::Css;
use url::Url;

use super::Enterprise;
use super::addresses::profile_folder;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation, origin};

static LOGIN: Css = Css::new("input[name=j_username]");

impl Detector for Enterprise {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        vec![
            (
                self.is_address(page.url) && !page.is_guessed,
                "its address has the client, the locale and the profile",
            ),
            (
                page.has_form(|form| form.attr("id") == Some("loginPageForm") && LOGIN.is_in(form)),
                "the login form loginPageForm with the field j_username",
            ),
        ]
    }

    fn is_worth_a_guess(&self) -> bool {
        true
    }

    fn is_address(&self, url: &Url) -> bool {
        profile_folder(url).is_some()
    }

    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        let base_url = profile_folder(url).or_else(|| origin(url))?;
        Some(SiteLocation::at(base_url))
    }
}
