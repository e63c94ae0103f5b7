//! The fingerprints of Symphony Web Services.

use url::Url;

use super::SymphonyWs;
use crate::fingerprint::{Detector, FetchedPage, SiteLocation};

/// Returns the path up to the interface's folder: `/edpl_ilsws` of `/edpl_ilsws/user/patron/login`.
fn interface_folder(url: &Url) -> Option<&str> {
    let first = url.path_segments()?.next()?;
    let is_folder = matches!(first, "symws" | "ilsws") || first.ends_with("_ilsws");
    is_folder.then_some(first)
}

impl Detector for SymphonyWs {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        vec![(
            self.is_address(page.url) && !page.is_guessed,
            "its address has the folder of Symphony Web Services",
        )]
    }

    fn is_address(&self, url: &Url) -> bool {
        interface_folder(url).is_some()
    }

    fn locate_site(&self, url: &Url) -> Option<SiteLocation> {
        SiteLocation::at_path(url, interface_folder(url).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "https://lib.test/town_ilsws/user/patron/login",
        Some("https://lib.test/town_ilsws")
    )]
    #[case("https://lib.test:8443/symws/", Some("https://lib.test:8443/symws"))]
    #[case("https://lib.test/client/en_US/default", None)]
    #[case("https://lib.test/", None)]
    fn interface_is_known_by_its_folder(#[case] url: &str, #[case] expected: Option<&str>) {
        let url = Url::parse(url).unwrap();
        assert_eq!(SymphonyWs.is_address(&url), expected.is_some());
        if let Some(expected) = expected {
            let site = SymphonyWs.locate_site(&url).unwrap();
            assert_eq!(site.base_url.as_str(), expected);
        }
    }
}
