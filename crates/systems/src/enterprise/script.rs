//! Finds addresses and the token in a page's scripts.

/// Returns the address in `RedirectAfterLogin('…')`.
pub(super) fn redirect_after_login(script: &str) -> Option<String> {
    quoted_after(script, "RedirectAfterLogin", '(').map(unescape)
}

/// Returns the token in `var __sdcsrf = "…"`.
pub(super) fn find_token(page: &str) -> Option<String> {
    let token = quoted_after(page, "__sdcsrf", '=')?;
    Some(token.to_owned()).filter(|token| !token.is_empty())
}

/// Returns the quoted text right after the first occurrence of a name and a sign.
fn quoted_after<'a>(script: &'a str, name: &str, sign: char) -> Option<&'a str> {
    let (_, after) = script.split_once(name)?;
    let after = after.trim_start().strip_prefix(sign)?.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (text, _) = after.get(1..)?.split_once(quote)?;
    Some(text)
}

/// The maximum number of bytes of a list's address before its name, and after it.
const MAX_ADDRESS_BYTES: usize = 4_096;

/// The maximum number of addresses that are inspected in search of a list's.
const MAX_ADDRESSES: usize = 100;

/// Returns the first quoted address whose path ends with `part`, as script or markup writes it.
///
/// An address that continues after it (`…accordion.renewitems?`) is an action on the list and never requested.
pub(super) fn quoted_address(page: &str, part: &str) -> Option<String> {
    page.match_indices(part)
        .take(MAX_ADDRESSES)
        .find_map(|(at, _)| {
            let (before, from) = page.split_at_checked(at)?;
            // Bounding the text avoids a search of the whole page from each occurrence.
            let before =
                before.get(before.ceil_char_boundary(at.saturating_sub(MAX_ADDRESS_BYTES))..)?;
            let from = from.get(..from.floor_char_boundary(MAX_ADDRESS_BYTES))?;
            let start = before.rfind(['"', '\''])? + 1;
            let end = from.find(['"', '\''])?;
            let address = unescape(&format!("{}{}", before.get(start..)?, from.get(..end)?));
            let (path, query) = address.split_once('?').unwrap_or((&address, ""));
            // A server may put its session id there.
            let path = path.split(';').next().unwrap_or_default();
            let is_of_list = path.ends_with(part) && !query.to_ascii_lowercase().contains("renew");
            let is_address =
                !address.contains(char::is_whitespace) && !address.contains(['<', '>']);
            (is_of_list && is_address).then_some(address)
        })
}

/// Removes the escapes of JavaScript and HTML from an address.
fn unescape(address: &str) -> String {
    address
        .replace("\\/", "/")
        .replace("\\u0026", "&")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "<script>RedirectAfterLogin('https://l.test/client/x/account?');</script>",
        Some("https://l.test/client/x/account?")
    )]
    #[case(
        r#"RedirectAfterLogin( "\/client\/x?a=1&amp;b=2" )"#,
        Some("/client/x?a=1&b=2")
    )]
    #[case("function RedirectAfterLogin(url) {}", None)]
    #[case("nothing", None)]
    fn redirect_after_login_is_found(#[case] script: &str, #[case] expected: Option<&str>) {
        assert_eq!(redirect_after_login(script).as_deref(), expected);
    }

    #[test]
    fn token_and_list_addresses_are_found_in_script() {
        let page =
            r#"var __sdcsrf = "t-1"; x = [{"url": "\/client\/a.libraryholdsaccordion?b=1"}]"#;
        assert_eq!(find_token(page).as_deref(), Some("t-1"));
        assert_eq!(
            quoted_address(page, "libraryholdsaccordion").as_deref(),
            Some("/client/a.libraryholdsaccordion?b=1")
        );
        assert_eq!(quoted_address(page, "librarycheckoutsaccordion"), None);
    }

    #[test]
    fn action_on_a_list_is_not_the_list() {
        let address = |page: &str| quoted_address(page, "librarycheckoutsaccordion");
        let list = "/client/account.checkouts.librarycheckoutsaccordion;jsessionid=1?x=y";
        for act in [
            "/client/account.checkouts.librarycheckoutsaccordion.renewitems?",
            "/client/account.checkouts.librarycheckoutsaccordion:renewAll",
            "/client/account.checkouts.librarycheckoutsaccordion/renew?a=b",
            "/client/account.checkouts.librarycheckoutsaccordion?t:renewall=1",
        ] {
            let page = format!("<form action='{act}'></form>");
            assert_eq!(address(&page), None, "{act}");
            let page = format!("{page}<script>load('{list}')</script>");
            assert_eq!(address(&page).as_deref(), Some(list), "{act}");
        }
    }
}
