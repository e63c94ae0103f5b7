//! The URLs of a Koha site.

use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

/// The account page, or the login form while nobody is logged in.
pub(super) const ACCOUNT: &str = "cgi-bin/koha/opac-user.pl";
/// The page of all charges and payments.
pub(super) const CHARGES: &str = "cgi-bin/koha/opac-account.pl";
/// The logout: a GET that ends the session and shows the catalogue.
pub(super) const LOGOUT: &str = "cgi-bin/koha/opac-main.pl?logout.x=1";

/// Returns the URL of a path of the site. `base_url` may have a copied path of the catalogue.
pub(super) fn url_below(library: &Library, path: &str) -> Result<Url, Failure> {
    let mut url = library.base_url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let own = url.path();
    let folder = own
        .split_once("/cgi-bin/koha")
        .map_or(own, |(before, _)| before);
    let folder = format!("{}/", folder.trim_end_matches('/'));
    url.set_path(&folder);
    url.join(path)
        .map_err(|_| Failure::page_changed("a path that gives no valid address with base_url"))
}

/// Returns the record's number from `opac-detail.pl?biblionumber=3`, or `?bib=3` of older overdues.
pub(super) fn record_number(href: &str) -> Option<&str> {
    let (_, query) = href.split_once('?')?;
    let number = query
        .split(['&', ';', '#'])
        .find_map(|pair| match pair.split_once('=') {
            Some(("biblionumber" | "bib", value)) => Some(value),
            _ => None,
        })?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/cgi-bin/koha/opac-detail.pl?biblionumber=3", Some("3"))]
    #[case("/cgi-bin/koha/opac-detail.pl?bib=3&x=y", Some("3"))]
    #[case("/cgi-bin/koha/opac-MARCdetail.pl?a=b;biblionumber=30", Some("30"))]
    #[case("/cgi-bin/koha/opac-renew.pl?item=3", None)]
    #[case("javascript:x?biblionumber=3y", None)]
    fn record_number_is_read_from_a_link(#[case] href: &str, #[case] expected: Option<&str>) {
        assert_eq!(record_number(href), expected);
    }
}
