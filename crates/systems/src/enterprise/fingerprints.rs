//! The fingerprints of Enterprise sites.

use hippo_browser::reading::Css;
use url::Url;

use super::Enterprise;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation, origin};

static LOGIN: Css = Css::new("input[name=j_username]");

/// Splits `…/client/en_US/default` into the part before it, the locale and the profile.
fn split_site_folder(url: &Url) -> Option<(&str, &str, &str)> {
    let (before, rest) = url.path().split_once("/client/")?;
    let mut names = rest.split('/');
    let (locale, profile) = (names.next()?, names.next()?);
    let (language, country) = locale.split_once('_')?;
    let is_locale = language.len() == 2
        && country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_locale && !profile.is_empty()).then_some((before, locale, profile))
}

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
        split_site_folder(url).is_some()
    }

    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        let mut base_url = origin(url)?;
        if let Some((before, locale, profile)) = split_site_folder(url) {
            base_url.set_path(&format!("{before}/client/{locale}/{profile}"));
        }
        Some(SiteLocation::at(base_url))
    }
}
