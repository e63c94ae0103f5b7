//! The URLs of an Enterprise site.

use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

/// Returns `…/client/en_US/default/search/`, under which all URLs of a site begin.
pub(super) fn site_folder(library: &Library) -> Result<Url, Failure> {
    let option = |name: &str, default: &str| {
        let value = library.options.get(name).map_or(default, String::as_str);
        let is_plain = !value.is_empty()
            && value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$'))
            && !value.starts_with('.');
        if is_plain {
            Ok(value.to_owned())
        } else {
            Err(Failure::page_changed(format!(
                "the library's option “{name}” has characters that Enterprise's URLs can't have"
            )))
        }
    };
    let mut url = library.base_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let base = url.path().trim_end_matches('/').to_owned();
    let path = match base.split_once("/client/") {
        Some((before, place)) => {
            let mut names = place.split('/');
            let locale = names.next().unwrap_or_default();
            let profile = names.next().unwrap_or("default");
            format!("{before}/client/{locale}/{profile}/search/")
        }
        None => format!(
            "{base}/client/{}/{}/search/",
            option("locale", "en_US")?,
            option("profile", "default")?
        ),
    };
    url.set_path(&path);
    Ok(url)
}
