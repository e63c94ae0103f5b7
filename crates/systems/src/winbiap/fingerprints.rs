//! The fingerprints of `WinBIAP` sites.

use hippo_browser::reading::Css;
use url::Url;

use super::WinBiap;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation};

static LOGIN: Css = Css::new("input[name$=TextBoxLoginName], input[name$=TextBoxUsername]");
static STATE: Css = Css::new("input[name=__VIEWSTATEFIELDCOUNT], input[name=__VIEWSTATE]");
static MENU: Css = Css::new("a[href$='user/login.aspx'], a[href$='user/overview.aspx']");
static MAKER: Css = Css::new("a[href*='datronic.de']");

impl Detector for WinBiap {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        let root = page.html.root_element();
        let is_asp = page.has_form(|form| STATE.is_in(form));
        vec![
            (
                page.has_form(|form| LOGIN.is_in(form) && STATE.is_in(form)),
                "an ASP.NET login form with the field TextBoxLoginName",
            ),
            (
                is_asp && MENU.is_in(root) && MAKER.is_in(root),
                "links to the reader's account and to datronic",
            ),
        ]
    }

    fn is_address(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        host.ends_with(".winbiap.net") || host.ends_with(".winbiap.de")
    }

    /// The site is the folder of its pages, without `user`.
    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        let mut site = SiteLocation::at_folder(url)?;
        let path = site.base_url.path().to_owned();
        if let Some(folder) = path.strip_suffix("/user") {
            site.base_url.set_path(folder);
        }
        Some(site)
    }
}
