//! Links to pages of the library, and to no other.

use hippo_core::account::Account;
use hippo_core::library::Library;
use url::Url;

/// Returns the URL of a path, perhaps with a query, below the path of a library's `base_url`.
pub(crate) fn below_base(library: &Library, path: &str) -> Option<Url> {
    below(&library.base_url, path)
}

/// Returns the URL of another path of a URL's host.
pub(crate) fn at_path(url: &Url, path: &str) -> Url {
    let mut other = url.clone();
    other.set_query(None);
    other.set_fragment(None);
    other.set_path(path);
    other
}

/// Returns the URL of a path, perhaps with a query, below the path of a URL.
pub(crate) fn below(base: &Url, path: &str) -> Option<Url> {
    let mut base = base.clone();
    let folder = format!("{}/", base.path().trim_end_matches('/'));
    base.set_path(&folder);
    base.join(path).ok()
}

/// Drops links to records unless their host is in the library's entry. Mails contain these links, and a
/// page could name any host.
pub(crate) fn keep_own_links(account: &mut Account, library: &Library) {
    let is_own = |link: &String| {
        Url::parse(link).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https") && is_at_library(&url, library)
        })
    };
    let loans = account.loans.iter_mut().flatten().map(|loan| &mut loan.url);
    let holds = account.holds.iter_mut().flatten().map(|hold| &mut hold.url);
    for url in loans.chain(holds) {
        url.take_if(|link| !is_own(link));
    }
}

/// Whether a URL is at the site, at its account page's host, or at a login host.
fn is_at_library(url: &Url, library: &Library) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let pages = [Some(&library.base_url), library.account_url.as_ref()];
    let is_of_entry = |entry: &String| {
        Url::parse(&format!("https://{entry}")).is_ok_and(|entry| entry.host_str() == Some(host))
    };
    pages
        .into_iter()
        .flatten()
        .any(|page| page.host_str() == Some(host))
        || library.login_hosts.iter().any(is_of_entry)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use hippo_browser::test_site::library;

    #[rstest]
    #[case::site("https://books.test/record=b1", true)]
    #[case::site_by_http("http://books.test/record=b1", true)]
    #[case::account_page("https://account.test/record=b1", true)]
    #[case::login_host("https://catalogue.test/record=b1", true)]
    #[case::elsewhere("https://evil.test/record=b1", false)]
    #[case::below_the_site("https://sub.books.test/record=b1", false)]
    #[case::like_the_site("https://books.test.evil.test/", false)]
    #[case::site_as_user("https://books.test@evil.test/", false)]
    #[case::script("javascript:alert(1)", false)]
    #[case::path("/record=b1", false)]
    fn only_links_to_the_library_are_kept(#[case] link: &str, #[case] is_kept: bool) {
        let mut library = library(&"https://books.test/opac".parse().unwrap());
        library.account_url = Some("https://account.test/me".parse().unwrap());
        library.login_hosts = vec!["catalogue.test:8443".to_owned()];
        let loan = |url: &str| {
            serde_json::json!({"id": "1", "title": "T", "author": null, "due": null, "renewals": null,
                "renewable": null, "renewable_reason": null, "digital": false, "format": null, "note": null, "url": url})
        };
        let mut account = Account::unknown("koha".parse().unwrap());
        account.loans = Some(vec![serde_json::from_value(loan(link)).unwrap()]);
        keep_own_links(&mut account, &library);
        let url = account.loans.unwrap().remove(0).url;
        assert_eq!(url.is_some(), is_kept);
    }
}
