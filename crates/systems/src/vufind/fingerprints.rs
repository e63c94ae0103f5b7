//! The fingerprints of `VuFind` sites.

use hippo_browser::reading::Css;
use url::Url;

use super::VuFind;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation};

static GENERATOR: Css = Css::new("meta[name=Generator i][content^=VuFind]");
static SEARCH: Css = Css::new("form[action$='/Search/Results'], form[action*='/Search/Results?']");
static WORDS: Css = Css::new("input[name=lookfor]");
static LOGIN: Css = Css::new("form[action*='/MyResearch/']");
static NUMBER: Css = Css::new("input[name=username]");
static PIN: Css = Css::new("input[name=password]");

impl Detector for VuFind {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        let root = page.html.root_element();
        vec![
            (GENERATOR.is_in(root), "VuFind as the generator"),
            (
                page.has_form(|form| SEARCH.matches(form) && WORDS.is_in(form)),
                "a form sent to Search/Results, with a field lookfor",
            ),
            (
                page.has_form(|form| LOGIN.matches(form) && NUMBER.is_in(form) && PIN.is_in(form)),
                "a login form sent to MyResearch",
            ),
        ]
    }

    fn is_address(&self, url: &Url) -> bool {
        url.path().contains("/MyResearch/")
    }

    /// The site is all before `MyResearch`, or before another of its folders.
    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        let mut base_url = url.clone();
        base_url.set_query(None);
        base_url.set_fragment(None);
        let path = url.path();
        let folders = ["/MyResearch", "/Search", "/Record", "/Alphabrowse"];
        let end = folders.iter().find_map(|folder| path.find(folder));
        let path = path.get(..end.unwrap_or(path.len())).unwrap_or_default();
        base_url.set_path(path.trim_end_matches('/'));
        Some(SiteLocation::at(base_url))
    }
}
