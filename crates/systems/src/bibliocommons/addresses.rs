//! The URLs of a BiblioCommons site.

use url::Url;

/// The page of the loans; it also states the totals of the whole account.
pub(super) const LOANS_PATH: &str = "/v2/checkedout";

/// Returns the http(s) URL of a path at the library, below the path of its `base_url`.
pub(super) fn address(base: &Url, path: &str) -> Option<Url> {
    let mut url = base.clone();
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut()
        .ok()?
        .pop_if_empty()
        .extend(path.split('/').filter(|part| !part.is_empty()));
    Some(url)
}
