//! The fingerprints of BiblioCommons sites.

use hippo_browser::reading::{Css, Element};
use url::Url;

use super::Bibliocommons;
use crate::fingerprint::{Detector, FetchedPage};

static STATE: Css = Css::new("script[data-iso-key]");
static LOGIN: Css = Css::new("input[name=user_pin]");
/// The first labels of the company's own hosts, which are no library's.
const COMPANY_HOSTS: [&str; 7] = [
    "www",
    "blog",
    "developer",
    "gateway",
    "help",
    "info",
    "support",
];

fn is_login(form: Element<'_>) -> bool {
    form.value().classes().any(|class| class == "loginForm")
}

impl Detector for Bibliocommons {
    fn fingerprints(&self, page: &FetchedPage<'_>) -> Vec<(bool, &'static str)> {
        let root = page.html.root_element();
        vec![
            (
                self.is_address(page.url),
                "its host is one of BiblioCommons'",
            ),
            (STATE.is_in(root), "a script with the page's state as JSON"),
            (
                page.has_form(|form| is_login(form) && LOGIN.is_in(form)),
                "a login form with the field user_pin",
            ),
        ]
    }

    fn is_worth_a_guess(&self) -> bool {
        true
    }

    fn is_address(&self, url: &Url) -> bool {
        let name = url
            .host_str()
            .and_then(|host| host.strip_suffix(".bibliocommons.com"));
        name.is_some_and(|name| !COMPANY_HOSTS.contains(&name))
    }

    fn has_own_hosts(&self) -> bool {
        true
    }
}
