//! What shows that a page is one of Enterprise's.

use url::Url;

use crate::detect::{Place, SeenPage, origin};
use crate::reading::Css;

static LOGIN: Css = Css::new("input[name=j_username]");

/// `…/client/en_US/default`: what stands before it, the locale, the profile.
fn folder(url: &Url) -> Option<(&str, &str, &str)> {
    let (before, rest) = url.path().split_once("/client/")?;
    let mut names = rest.split('/');
    let (locale, profile) = (names.next()?, names.next()?);
    let (language, country) = locale.split_once('_')?;
    let is_locale = language.len() == 2
        && country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase());
    (is_locale && !profile.is_empty()).then_some((before, locale, profile))
}

pub(super) fn is_address(url: &Url) -> bool {
    folder(url).is_some()
}

pub(super) fn signs(page: &SeenPage<'_>) -> Vec<&'static str> {
    let signs = [
        (
            is_address(page.url) && !page.is_guessed,
            "its address has the client, the locale and the profile",
        ),
        (
            page.has_form(|form| form.attr("id") == Some("loginPageForm") && LOGIN.is_in(form)),
            "the login form loginPageForm with the field j_username",
        ),
    ];
    signs
        .into_iter()
        .filter_map(|(is_there, sign)| is_there.then_some(sign))
        .collect()
}

pub(super) fn place(url: &Url) -> Option<Place> {
    let mut base_url = origin(url)?;
    if let Some((before, locale, profile)) = folder(url) {
        base_url.set_path(&format!("{before}/client/{locale}/{profile}"));
    }
    Some(Place {
        base_url,
        options: [].into(),
    })
}
