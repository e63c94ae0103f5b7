//! What shows that a page is one of BiblioCommons'.

use scraper::ElementRef;
use url::Url;

use crate::detect::SeenPage;
use crate::reading::Css;

static STATE: Css = Css::new("script[data-iso-key]");
static LOGIN: Css = Css::new("input[name=user_pin]");
/// The first part of the hosts that are the company's own, and no library's.
const OF_THE_COMPANY: [&str; 7] = [
    "www",
    "blog",
    "developer",
    "gateway",
    "help",
    "info",
    "support",
];

pub(super) fn is_address(url: &Url) -> bool {
    let name = url
        .host_str()
        .and_then(|host| host.strip_suffix(".bibliocommons.com"));
    name.is_some_and(|name| !OF_THE_COMPANY.contains(&name))
}

fn is_login(form: ElementRef<'_>) -> bool {
    form.value().classes().any(|class| class == "loginForm")
}

pub(super) fn signs(page: &SeenPage<'_>) -> Vec<&'static str> {
    let root = page.html.root_element();
    let signs = [
        (is_address(page.url), "its host is one of BiblioCommons'"),
        (STATE.is_in(root), "a script with the page's state as JSON"),
        (
            page.has_form(|form| is_login(form) && LOGIN.is_in(form)),
            "a login form with the field user_pin",
        ),
    ];
    signs
        .into_iter()
        .filter_map(|(is_there, sign)| is_there.then_some(sign))
        .collect()
}
