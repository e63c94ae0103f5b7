//! Where the parts of a BiblioCommons site are.

use url::Url;

/// The page with what is out; it tells the totals of the whole account, too.
pub(super) const LOANS_PATH: &str = "/v2/checkedout";

/// The address of a path at the library, below the path of its `base_url`; http(s) only.
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
