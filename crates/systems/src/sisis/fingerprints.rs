//! The fingerprints of SISIS sites.

use hippo_browser::reading::Css;
use url::Url;

use super::Sisis;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation};

static SESSION: Css = Css::new("input[name=CSId]");
static SEARCH: Css = Css::new("form[method=post i][action*='search.do']");
static LOGIN: Css = Css::new("form[action*='login.do']");
static STYLE: Css = Css::new("link[href*='infoguide']");

impl Detector for Sisis {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        let root = page.html.root_element();
        let has_style = STYLE.is_in(root);
        vec![
            (has_style, "the style sheet infoguide"),
            (
                page.has_form(|form| SEARCH.matches(form) && SESSION.is_in(form)),
                "a form posted to search.do, with a field CSId",
            ),
            (
                has_style && page.has_form(|form| LOGIN.matches(form) && SESSION.is_in(form)),
                "a form sent to login.do, with a field CSId",
            ),
        ]
    }

    fn is_address(&self, url: &Url) -> bool {
        url.path().to_ascii_lowercase().contains("/webopacclient")
    }

    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        SiteLocation::at_folder(url)
    }
}
