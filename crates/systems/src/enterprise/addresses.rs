//! The URLs of an Enterprise site.

use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::links::{at_path, below, below_base};

/// Returns the part of an address that ends with the client, the locale and the profile: `…/client/en_US/default`.
pub(super) fn profile_folder(url: &Url) -> Option<Url> {
    let (before, rest) = url.path().split_once("/client/")?;
    let mut names = rest.split('/');
    let (locale, profile) = (names.next()?, names.next()?);
    let (language, country) = locale.split_once('_')?;
    let is_place = language.len() == 2 && country.len() == 2 && !profile.is_empty();
    is_place.then(|| at_path(url, &format!("{before}/client/{locale}/{profile}")))
}

/// Returns `…/client/en_US/default/search/`, under which all URLs of a site begin. `None` if an option has characters
/// that they can't have.
pub(super) fn site_folder(library: &Library) -> Option<Url> {
    let option = |name: &str, default: &'static str| {
        let value = library.options.get(name).map_or(default, String::as_str);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$');
        let is_name = value.starts_with(char::is_alphanumeric) && value.chars().all(is_plain);
        is_name.then(|| value.to_owned())
    };
    let folder = match profile_folder(&library.base_url) {
        Some(folder) => folder,
        None => {
            let (locale, profile) = (option("locale", "en_US")?, option("profile", "default")?);
            below_base(library, &format!("client/{locale}/{profile}"))?
        }
    };
    below(&folder, "search/")
}

/// Resolves an address of the site. Fails with `page_changed` if it leads to another site.
pub(super) fn same_site(address: &str, page: &Url, folder: &Url) -> Result<Url, Failure> {
    let is_here = |url: &Url| {
        (url.host_str() == folder.host_str() || url.origin() == page.origin())
            && (url.scheme() == folder.scheme() || url.scheme() == "https")
    };
    let url = page.join(address).ok().filter(is_here);
    url.ok_or_else(|| Failure::page_changed("an address that leads to another site"))
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
        assert_eq!(same_site(address, &page, &page).is_ok(), expected);
    }

    #[test]
    fn token_is_removed_from_an_address() {
        let mut url = Url::parse("https://library.test/a?x=1&sdcsrf=t&y=2").unwrap();
        assert_eq!(take_token(&mut url, "sdcsrf").as_deref(), Some("t"));
        assert_eq!(url.as_str(), "https://library.test/a?x=1&y=2");
        assert_eq!(take_token(&mut url, "sdcsrf"), None);
    }
}
