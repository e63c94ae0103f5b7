//! The URLs of an Enterprise site.

use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

/// Returns `…/client/en_US/default/search/`, under which all URLs of a site begin.
pub(super) fn site_folder(library: &Library) -> Result<Url, Failure> {
    let option = |name: &str, default: &'static str| {
        let value = library.options.get(name).map_or(default, String::as_str);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
        if value.is_empty() || value.starts_with('.') || !value.chars().all(is_plain) {
            return Err(Failure::page_changed(format!(
                "the library's option “{name}” has characters that Enterprise's URLs can't have"
            )));
        }
        Ok(value.to_owned())
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

/// Returns an address below the folder.
pub(super) fn url_below(folder: &Url, path: &str) -> Result<Url, Failure> {
    folder
        .join(path)
        .map_err(|_| Failure::page_changed("a path that gives no valid address"))
}

/// Resolves an address of the site, if it stays at the site.
pub(super) fn same_site(address: &str, page: &Url, folder: &Url) -> Option<Url> {
    let url = page.join(address).ok()?;
    let is_web =
        url.scheme() == folder.scheme() || (url.scheme() == "https" && folder.scheme() == "http");
    let is_here = url.host_str() == folder.host_str() || url.origin() == page.origin();
    (is_web && is_here).then_some(url)
}

/// Removes a token from an address and returns it.
pub(super) fn take_token(url: &mut Url, name: &str) -> Option<String> {
    let pairs = url.query_pairs().into_owned();
    let (own, rest): (Vec<_>, Vec<_>) = pairs.partition(|(key, _)| key == name);
    let (_, token) = own.into_iter().next()?;
    url.query_pairs_mut().clear().extend_pairs(rest);
    Some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/client/en_US/x/search/account?", true)]
    #[case("https://library.test/x", true)]
    #[case("http://library.test/x", false)]
    #[case("https://elsewhere.test/x", false)]
    #[case("//elsewhere.test/x", false)]
    #[case("javascript:alert(1)", false)]
    fn only_addresses_of_the_site_are_followed(#[case] address: &str, #[case] expected: bool) {
        let page = Url::parse("https://library.test/client/en_US/x/search/login").unwrap();
        assert_eq!(same_site(address, &page, &page).is_some(), expected);
    }

    #[test]
    fn token_is_removed_from_an_address() {
        let mut url = Url::parse("https://library.test/a?x=1&sdcsrf=t&y=2").unwrap();
        assert_eq!(take_token(&mut url, "sdcsrf").as_deref(), Some("t"));
        assert_eq!(url.as_str(), "https://library.test/a?x=1&y=2");
        assert_eq!(take_token(&mut url, "sdcsrf"), None);
    }
}
