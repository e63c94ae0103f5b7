//! What shows that a page is one of Sierra's or Millennium's.

use url::Url;

use crate::detect::{Place, SeenPage, action, origin};
use crate::reading::Css;

static CODE: Css = Css::new("input[name=code]");
static PIN: Css = Css::new("input[name=pin]");
static TABLE: Css = Css::new("table.patFunc");

pub(super) fn is_address(url: &Url) -> bool {
    let path = url.path();
    path.starts_with("/patroninfo")
        || path.starts_with("/iii/cas/")
        || path.starts_with("/search~S")
}

pub(super) fn signs(page: &SeenPage<'_>) -> Vec<&'static str> {
    let root = page.html.root_element();
    let signs = [
        (
            page.has_form(|form| CODE.is_in(form) && PIN.is_in(form)),
            "a login form with the fields code and pin",
        ),
        (TABLE.is_in(root), "a table of the class patFunc"),
        (
            page.has_form(|form| action(form).contains("/iii/cas/")),
            "a form that goes to /iii/cas",
        ),
    ];
    signs
        .into_iter()
        .filter_map(|(is_there, sign)| is_there.then_some(sign))
        .collect()
}

/// The scope is `~S3` in the path, or in the address that a login goes on to.
pub(super) fn place(url: &Url) -> Option<Place> {
    let scope = url.as_str().split("~S").nth(1).and_then(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then(|| format!("S{digits}"))
    });
    Some(Place {
        base_url: origin(url)?,
        options: scope
            .map(|scope| ("scope".to_owned(), scope))
            .into_iter()
            .collect(),
    })
}
