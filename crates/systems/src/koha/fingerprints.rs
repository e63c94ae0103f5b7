//! The fingerprints of Koha sites.

use hippo_browser::reading::Css;
use url::Url;

use super::{FOLDER, Koha};
use crate::fingerprint::{Detector, FetchedPage, SiteLocation, form_action};

static GENERATOR: Css = Css::new("meta[name=generator][content^=Koha i]");
static BODY: Css = Css::new("body[id^=opac-]");

impl Detector for Koha {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        let root = page.html.root_element();
        vec![
            (GENERATOR.is_in(root), "it names Koha as its generator"),
            (
                page.has_form(|form| form_action(form).contains("/cgi-bin/koha/opac-")),
                "a form that goes to /cgi-bin/koha/opac-…",
            ),
            (
                BODY.is_in(root) && self.is_address(page.url),
                "its address is below /cgi-bin/koha, and its body's id begins with opac-",
            ),
        ]
    }

    fn is_worth_a_guess(&self) -> bool {
        true
    }

    fn is_address(&self, url: &Url) -> bool {
        url.path().contains(FOLDER)
    }

    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        let before = url.path().split_once(FOLDER).map(|(before, _)| before);
        SiteLocation::at_path(url, before.unwrap_or_default())
    }
}
