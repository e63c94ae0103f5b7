//! Fingerprints that identify a page of a system's site.

use std::collections::BTreeMap;

use hippo_browser::reading::{Css, Element, ParsedPage};
use url::Url;

use crate::links::at_path;

static FORMS: Css = Css::new("form");

/// Recognises the sites of one system.
pub trait Detector: Send + Sync {
    /// Returns the system's fingerprints, each described in a few words, and whether the page has it. They are
    /// structure and URLs, not words of a language.
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)>;

    /// Whether only this system has such a URL.
    fn is_address(&self, url: &Url) -> bool;

    /// Whether nearly all its sites have hosts that [`Self::is_address`] knows. No by default.
    fn has_own_hosts(&self) -> bool {
        false
    }

    /// Whether a site's account page is worth a request where nothing hints at the system. No by default: a site is
    /// asked for few pages.
    fn is_worth_a_guess(&self) -> bool {
        false
    }

    /// Returns the site's location and the options from a page's URL. By default, the page's origin.
    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        origin(url).map(SiteLocation::at)
    }

    /// Returns the site's location and the options from a page. By default, only its URL reveals them.
    fn locate_site_of_page(&self, page: &FetchedPage<'_>) -> Option<SiteLocation> {
        self.locate_site(page.url)
    }

    /// Returns the fingerprints that the page has.
    fn found_fingerprints(&self, page: &FetchedPage<'_>) -> Vec<&'static str> {
        let all = self.fingerprints(page).into_iter();
        all.filter_map(|(is_there, fingerprint)| is_there.then_some(fingerprint))
            .collect()
    }
}

/// A fetched page, as the detectors see it.
#[derive(Debug)]
pub struct FetchedPage<'a> {
    /// The page's URL after redirects.
    pub url: &'a Url,
    /// Whether the URL was guessed. Many sites have a page for any URL.
    pub is_guessed: bool,
    /// The parsed page.
    pub html: &'a ParsedPage,
}

impl FetchedPage<'_> {
    /// Whether a form that goes to the page's own host matches. Many libraries' own sites have a form that goes to
    /// their catalogue.
    pub fn has_form(&self, is_match: impl Fn(Element<'_>) -> bool) -> bool {
        let goes_here = |form: &Element<'_>| {
            let target = self.url.join(form_action(*form).trim());
            target.is_ok_and(|target| target.host() == self.url.host())
        };
        FORMS
            .all(self.html.root_element())
            .any(|form| goes_here(&form) && is_match(form))
    }
}

/// The location of a system's site, as `hippo library add` expects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteLocation {
    /// The URL under which the site's paths begin.
    pub base_url: Url,
    /// The options that the URL or the page reveals.
    pub options: BTreeMap<String, String>,
}

impl SiteLocation {
    /// Builds the location of the site whose pages are in a URL's folder.
    pub(crate) fn at_folder(url: &Url) -> Option<Self> {
        Self::at_path(url, url.join(".").ok()?.path())
    }

    /// Builds the location of the site that begins at a path of a URL's host.
    pub(crate) fn at_path(url: &Url, path: &str) -> Option<Self> {
        let base_url = at_path(url, path.trim_end_matches('/'));
        base_url.host().is_some().then(|| Self::at(base_url))
    }

    /// Adds an option, if the URL or the page reveals it.
    pub(crate) fn with_option(mut self, name: &str, value: Option<String>) -> Self {
        self.options
            .extend(value.map(|value| (name.to_owned(), value)));
        self
    }

    /// Builds a location without options.
    pub(crate) fn at(base_url: Url) -> Self {
        Self {
            base_url,
            options: BTreeMap::new(),
        }
    }
}

/// Returns a form's action, as the page writes it.
pub(crate) fn form_action<'a>(form: Element<'a>) -> &'a str {
    form.attr("action").unwrap_or_default()
}

/// Returns the URL up to the end of its host.
pub(crate) fn origin(url: &Url) -> Option<Url> {
    let origin = at_path(url, "");
    origin.host().is_some().then_some(origin)
}
