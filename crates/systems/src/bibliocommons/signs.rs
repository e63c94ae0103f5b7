//! What shows that a page is one of BiblioCommons'.

use url::Url;

use crate::detect::SeenPage;
use crate::reading::Css;

static STATE: Css = Css::new("script[data-iso-key]");
static LOGIN: Css = Css::new("form.loginForm input[name=user_pin]");

pub(super) fn is_address(url: &Url) -> bool {
    url.host_str()
        .is_some_and(|host| host.ends_with(".bibliocommons.com"))
}

pub(super) fn signs(page: &SeenPage<'_>) -> Vec<&'static str> {
    let root = page.html.root_element();
    let signs = [
        (is_address(page.url), "its host is one of BiblioCommons'"),
        (STATE.is_in(root), "a script with the page's state as JSON"),
        (LOGIN.is_in(root), "a login form with the field user_pin"),
    ];
    signs
        .into_iter()
        .filter_map(|(is_there, sign)| is_there.then_some(sign))
        .collect()
}
