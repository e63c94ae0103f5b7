//! Links to pages of the library, and to no other.

use hippo_browser::reading::{Css, Element};
use hippo_core::account::Account;
use hippo_core::library::Library;
use url::Url;

static LINKS: Css = Css::new("a[href]");

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

/// Returns the part of a URL before a folder, or all of it without such a folder: somebody may have copied the address of
/// a page in the folder.
pub(crate) fn before_folder(url: &Url, folder: &str) -> Url {
    let path = url.path();
    at_path(
        url,
        path.split_once(folder).map_or(path, |(before, _)| before),
    )
}

/// Returns the numbers that one of these parameters has in the addresses of an element's links.
pub(crate) fn linked_numbers<'a>(
    element: Element<'a>,
    parameters: &[&str],
) -> impl Iterator<Item = &'a str> {
    let addresses = LINKS.all(element).filter_map(|link| link.attr("href"));
    addresses.filter_map(move |address| number_in_query(address, parameters))
}

fn number_in_query<'a>(address: &'a str, parameters: &[&str]) -> Option<&'a str> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = query
        .split(['&', ';', '#'])
        .filter_map(|pair| pair.split_once('='));
    let (_, number) = pairs.find(|(name, _)| parameters.contains(name))?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
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
    #[case("/opac/detail.pl?biblionumber=3", Some("3"))]
    #[case("/opac/detail.pl?bib=3&x=y", Some("3"))]
    #[case("/opac/MARCdetail.pl?a=b;biblionumber=30", Some("30"))]
    #[case("/opac/renew.pl?item=3", None)]
    #[case("javascript:x?biblionumber=3y", None)]
    fn number_is_read_from_the_query_of_a_link(#[case] href: &str, #[case] expected: Option<&str>) {
        assert_eq!(number_in_query(href, &["biblionumber", "bib"]), expected);
    }

    #[rstest]
    #[case("/cgi-bin/opac/search.pl?q=x#y", "https://books.test/")]
    #[case("/town/cgi-bin/opac", "https://books.test/town")]
    #[case("/town", "https://books.test/town")]
    fn copied_path_is_cut_off(#[case] path: &str, #[case] expected: &str) {
        let url = format!("https://books.test{path}").parse().unwrap();
        assert_eq!(before_folder(&url, "/cgi-bin/opac").as_str(), expected);
    }

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
