//! What shows that a page is of a system's site.

use std::collections::BTreeMap;

use hippo_browser::reading::Css;
use scraper::{ElementRef, Html};
use url::Url;

static FORMS: Css = Css::new("form");

/// Recognises the sites of one system.
pub trait Detector: Send + Sync {
    /// What would show that a page is one of this system's, each in a few words, and whether the page has it:
    /// structure and addresses, not the words of a language.
    fn fingerprints(&self, page: &SeenPage<'_>) -> Vec<(bool, &'static str)>;

    /// Whether an address is one that only this system has.
    fn is_address(&self, url: &Url) -> bool;

    /// Whether its sites have hosts that [`Self::is_address`] knows, and hardly ever others. No by default.
    fn has_own_hosts(&self) -> bool {
        false
    }

    /// Where the site of a page begins, and what its address tells. The page's origin by default.
    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        origin(url).map(SiteLocation::at)
    }

    /// The fingerprints that the page has.
    fn found_fingerprints(&self, page: &SeenPage<'_>) -> Vec<&'static str> {
        let all = self.fingerprints(page).into_iter();
        all.filter_map(|(is_there, fingerprint)| is_there.then_some(fingerprint))
            .collect()
    }
}

/// A page that was fetched, as the systems look at it.
#[derive(Debug)]
pub struct SeenPage<'a> {
    /// Where it was found, after redirects.
    pub url: &'a Url,
    /// Nobody named the address: it was guessed, and many a site has a page for any.
    pub is_guessed: bool,
    /// The page.
    pub html: &'a Html,
}

impl SeenPage<'_> {
    /// Whether one of the page's forms, of those that go to the page's own host, is like that. Many a library's
    /// own site has a form that goes to its catalogue.
    pub fn has_form(&self, is_like_that: impl Fn(ElementRef<'_>) -> bool) -> bool {
        let goes_here = |form: &ElementRef<'_>| {
            let target = self.url.join(form_action(*form).trim());
            target.is_ok_and(|target| target.host() == self.url.host())
        };
        FORMS
            .all(self.html.root_element())
            .any(|form| goes_here(&form) && is_like_that(form))
    }
}

/// Where a system's site begins, as `hippo library add` wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteLocation {
    /// Where the site's paths begin.
    pub base_url: Url,
    /// The options that the address tells.
    pub options: BTreeMap<String, String>,
}

impl SiteLocation {
    /// A site that begins there, whose address tells no options.
    pub(crate) fn at(base_url: Url) -> Self {
        Self {
            base_url,
            options: BTreeMap::new(),
        }
    }
}

/// Where a form goes, as the page writes it.
pub(crate) fn form_action<'a>(form: ElementRef<'a>) -> &'a str {
    form.attr("action").unwrap_or_default()
}

/// Up to the end of its host.
pub(crate) fn origin(url: &Url) -> Option<Url> {
    let mut origin = url.clone();
    origin.set_query(None);
    origin.set_fragment(None);
    origin.set_path("");
    origin.host().is_some().then_some(origin)
}
