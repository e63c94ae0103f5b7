//! The fingerprints of Sierra and Millennium sites.

use hippo_browser::reading::Css;
use url::Url;

use super::Sierra;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation, form_action};

static CODE: Css = Css::new("input[name=code]");
static PIN: Css = Css::new("input[name=pin]");
static TABLE: Css = Css::new("table.patFunc");

impl Detector for Sierra {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        let root = page.html.root_element();
        vec![
            (
                page.has_form(|form| CODE.is_in(form) && PIN.is_in(form)),
                "a login form with the fields code and pin",
            ),
            (TABLE.is_in(root), "a table of the class patFunc"),
            (
                page.has_form(|form| form_action(form).contains("/iii/cas/")),
                "a form that goes to /iii/cas",
            ),
        ]
    }

    fn is_worth_a_guess(&self) -> bool {
        true
    }

    fn is_address(&self, url: &Url) -> bool {
        let path = url.path();
        path.starts_with("/patroninfo")
            || path.starts_with("/iii/cas/")
            || path.starts_with("/search~S")
    }

    /// The scope is `~S3` in the path, or in the address to which the login redirects.
    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        let scope = url.as_str().split("~S").nth(1).and_then(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            (!digits.is_empty()).then(|| format!("S{digits}"))
        });
        Some(SiteLocation::at_path(url, "")?.with_option("scope", scope))
    }
}
