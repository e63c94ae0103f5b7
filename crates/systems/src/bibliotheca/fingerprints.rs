//! The fingerprints of Bibliotheca sites.

use hippo_browser::reading::Css;
use url::Url;

use super::{Bibliotheca, DATABASE};
use crate::fingerprint::{Detector, FetchedPage, SiteLocation};

static NUMBER: Css = Css::new("input[name=AUSWEIS]");
static PIN: Css = Css::new("input[name=PWD]");
static DATABASE_FIELD: Css = Css::new("input[name=vkontodb][value]");
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

    /// The login form may name the library's database.
    fn locate_site_of_page(&self, page: &FetchedPage<'_>) -> Option<SiteLocation> {
        let field = DATABASE_FIELD.first(page.html.root_element());
        let database = field.and_then(|field| field.attr("value"));
        let database = database.filter(|name| !name.is_empty());
        let site = self.locate_site(page.url)?;
        Some(site.with_option(DATABASE, database.map(str::to_owned)))
    }
}
