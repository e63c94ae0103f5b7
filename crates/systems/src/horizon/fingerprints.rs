//! The fingerprints of Horizon Information Portals.

use hippo_browser::reading::Css;
use url::Url;

use super::{Horizon, PROFILE};
use crate::fingerprint::{Detector, FetchedPage, SiteLocation, form_action};

static NUMBER: Css = Css::new("input[name=sec1]");
static PIN: Css = Css::new("input[name=sec2]");

impl Detector for Horizon {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        vec![
            (
                page.has_form(|form| NUMBER.is_in(form) && PIN.is_in(form)),
                "a login form with the fields sec1 and sec2",
            ),
            (
                page.has_form(|form| form_action(form).contains("ipac.jsp")),
                "a form that goes to ipac.jsp",
            ),
        ]
    }

    fn is_address(&self, url: &Url) -> bool {
        url.path().ends_with("/ipac20/ipac.jsp")
    }

    /// The base URL ends before `/ipac20`. The query may name the profile.
    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        let folder = url.path().split("/ipac20").next()?;
        let mut query = url.query_pairs();
        let profile = query.find(|(name, value)| name == PROFILE && !value.is_empty());
        let profile = profile.map(|(_, value)| value.into_owned());
        Some(SiteLocation::at_path(url, folder)?.with_option(PROFILE, profile))
    }
}
