//! The fingerprints of `TouchPoint` sites.

use hippo_browser::reading::Css;
use url::Url;

use super::TouchPoint;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation};

static SESSION: Css = Css::new("input[name=CSId]");
static PARAMETER: Css = Css::new("input[name=methodToCallParameter]");
static STYLE: Css = Css::new("link[href*='touchpoint.css']");
static COMPLETION: Css = Css::new("#ajaxUrlSolrAutoCompletion, #ajaxUrlFastAutoCompletion");

impl Detector for TouchPoint {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        let root = page.html.root_element();
        vec![
            (
                page.has_form(|form| SESSION.is_in(form) && PARAMETER.is_in(form)),
                "a form with the fields CSId and methodToCallParameter",
            ),
            (STYLE.is_in(root), "the style sheet touchpoint.css"),
            (
                COMPLETION.is_in(root),
                "the address of the completion of searches",
            ),
        ]
    }

    fn is_address(&self, url: &Url) -> bool {
        let path = url.path().to_ascii_lowercase();
        path.contains("/touchpoint") && path.ends_with(".do")
    }

    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        SiteLocation::at_folder(url)
    }
}
