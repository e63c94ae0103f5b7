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

/// Returns the first quoted address whose path ends with `part`, as script or markup writes it.
///
/// An address that continues after it (`…accordion.renewitems?`) is an action on the list and never requested.
pub(super) fn quoted_address(page: &str, part: &str) -> Option<String> {
    let quoted = page.split(['"', '\'']).skip(1);
    let mut addresses = quoted.filter(|text| text.contains(part)).map(unescape);
    addresses.find(|address| {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        // A server may put its session id there.
        let path = path.split(';').next().unwrap_or_default();
        let is_of_list = path.ends_with(part) && !query.to_ascii_lowercase().contains("renew");
        let is_text = |c: char| c.is_whitespace() || matches!(c, '<' | '>');
        is_of_list && !address.contains(is_text)
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
