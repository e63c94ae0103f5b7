//! The fingerprints of Polaris PAC sites.

use hippo_browser::reading::Css;
use url::Url;

use super::Polaris;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation, form_action};

static STATE: Css = Css::new("input[name=__VIEWSTATE]");
static PIN: Css = Css::new("input[name$='textboxPassword'], input[name$='textboxOPassword']");
static ACCOUNT: Css = Css::new("a[href*='patronaccount/default.aspx']");

/// What follows the site's own path, in lower case.
const PAGES: [&str; 5] = [
    "/patronaccount",
    "/logon.aspx",
    "/search/",
    "/view.aspx",
    "/default.aspx",
];

impl Detector for Polaris {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        vec![
            (
                page.has_form(|form| STATE.is_in(form) && PIN.is_in(form)),
                "a login form with a state and a field textboxPassword",
            ),
            (
                page.has_form(|form| {
                    form_action(form)
                        .to_ascii_lowercase()
                        .contains("logon.aspx")
                }),
                "a form that goes to logon.aspx",
            ),
            (
                ACCOUNT.is_in(page.html.root_element()),
                "a link to patronaccount/default.aspx",
            ),
        ]
    }

    fn is_address(&self, url: &Url) -> bool {
        let path = url.path().to_ascii_lowercase();
        path.contains("/patronaccount/") || path.ends_with("/logon.aspx")
    }

    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        let path = url.path().to_ascii_lowercase();
        let end = PAGES.iter().filter_map(|page| path.find(page)).min();
        SiteLocation::at_path(url, url.path().get(..end.unwrap_or(path.len()))?)
    }
}
