//! The fingerprints of Bibliotheca sites.

use hippo_browser::reading::Css;
use url::Url;

use super::Bibliotheca;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation};

static NUMBER: Css = Css::new("input[name=AUSWEIS]");
static PIN: Css = Css::new("input[name=PWD]");
static FORM: Css = Css::new("form#webopac, form[name=webopac]");

impl Detector for Bibliotheca {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        vec![
            (
                page.has_form(|form| NUMBER.is_in(form) && PIN.is_in(form)),
                "a login form with the fields AUSWEIS and PWD",
            ),
            (
                page.has_form(|form| FORM.matches(form)),
                "a form called webopac",
            ),
        ]
    }

    fn is_address(&self, url: &Url) -> bool {
        url.path().to_ascii_lowercase().ends_with("/index.asp")
            && url
                .query()
                .is_some_and(|query| query.contains("kontofenster"))
    }

    /// The site is the folder of `index.asp`.
    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        SiteLocation::at_folder(url)
    }
}
