//! Looks at one page as the browser, the login and `library detect` do.

use hippo_browser::reading::{element_text, is_cut_short, parse_fragment, parse_page, skeleton};
use hippo_browser::{Form, Page, decode, interstitial};
use hippo_core::text::clean;
use hippo_systems::FetchedPage;
use hippo_systems::detect::recognise;
use url::Url;

const TYPES: [Option<&str>; 4] = [
    None,
    Some("text/html; charset=utf-8"),
    Some("text/html; charset=iso-8859-1"),
    Some("text/html; charset=shift_jis"),
];

/// Looks at an input as at a page; its length selects the `Content-Type`.
pub fn look(data: &[u8]) {
    let content_type = TYPES[data.len() % TYPES.len()];
    let page = Page {
        url: Url::parse("http://127.0.0.1/account/login?service=1").expect("a URL"),
        status: 200,
        content_type: content_type.map(str::to_owned),
        body: decode(data, content_type),
    };
    is_cut_short(&page.body);
    let kept = skeleton(&page.body);
    let Ok(html) = parse_page(&page.body) else {
        assert!(kept.is_none(), "a page that is not parsed has a skeleton");
        assert!(parse_fragment(&page.body).is_err());
        return;
    };
    let kept = kept.expect("a parsed page has a skeleton");
    let again = kept.as_str().to_owned().try_into();
    assert!(again == Ok(kept), "the skeleton can't be stored");

    let words = element_text(html.root_element());
    assert!(clean(&words) == words, "the text is not clean");
    interstitial(&page);
    let seen = FetchedPage {
        url: &page.url,
        is_guessed: false,
        html: &html,
    };
    for found in recognise(&seen) {
        assert!(!found.evidence.is_empty());
    }
    // No form is usable, so all are read.
    let none = Form::find_usable(&page, "form, input[type=password]", |form| {
        check_form(form.clone());
        false
    });
    assert!(none.expect("a page").is_none());
}

fn check_form(mut form: Form) {
    let names: Vec<String> = form.names().into_iter().map(str::to_owned).collect();
    for name in &names {
        assert!(form.has(name) && form.value(name).is_some());
    }
    if let Some(name) = names.first() {
        form.set(name, "x");
        assert_eq!(form.value(name), Some("x"));
    }
    assert!(!format!("{form:?}").is_empty());
}
