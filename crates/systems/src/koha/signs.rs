//! What shows that a page is one of Koha's.

use url::Url;

use crate::detect::{Place, SeenPage, action, origin};
use crate::reading::Css;

static GENERATOR: Css = Css::new("meta[name=generator][content^=Koha i]");
static BODY: Css = Css::new("body[id^=opac-]");

const FOLDER: &str = "/cgi-bin/koha";

pub(super) fn is_address(url: &Url) -> bool {
    url.path().contains(FOLDER)
}

pub(super) fn signs(page: &SeenPage<'_>) -> Vec<&'static str> {
    let root = page.html.root_element();
    let signs = [
        (GENERATOR.is_in(root), "it names Koha as its generator"),
        (
            page.has_form(|form| action(form).contains("/cgi-bin/koha/opac-")),
            "a form that goes to /cgi-bin/koha/opac-…",
        ),
        (
            BODY.is_in(root) && is_address(page.url),
            "its address is below /cgi-bin/koha, and its body's id begins with opac-",
        ),
    ];
    signs
        .into_iter()
        .filter_map(|(is_there, sign)| is_there.then_some(sign))
        .collect()
}

pub(super) fn place(url: &Url) -> Option<Place> {
    let mut base_url = origin(url)?;
    if let Some((before, _)) = url.path().split_once(FOLDER) {
        base_url.set_path(before);
    }
    Some(Place {
        base_url,
        options: [].into(),
    })
}
