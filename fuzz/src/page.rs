//! Reads one page as the browser, the login and `library detect` do.

use hippo_browser::reading::{element_text, is_cut_short, parse_fragment, parse_page, skeleton};
use hippo_browser::{Form, Page, decode, interstitial};
use hippo_core::text::clean;
use hippo_systems::FetchedPage;
use hippo_systems::detect::recognise;
use url::Url;

const CONTENT_TYPES: [Option<&str>; 4] = [
    None,
    Some("text/html; charset=utf-8"),
    Some("text/html; charset=iso-8859-1"),
    Some("text/html; charset=shift_jis"),
];

/// Reads an input as a page. Its length selects the `Content-Type`.
pub fn fuzz_page(data: &[u8]) {
    let content_type = CONTENT_TYPES[data.len() % CONTENT_TYPES.len()];
    let page = Page {
        url: Url::parse("http://127.0.0.1/account/login?service=1").expect("a URL"),
        status: 200,
        content_type: content_type.map(str::to_owned),
        body: decode(data, content_type),
    };
    // Must not panic.
    is_cut_short(&page.body);
    let page_skeleton = skeleton(&page.body);
    let Ok(html) = parse_page(&page.body) else {
        assert!(
            page_skeleton.is_none(),
            "a page that is not parsed has a skeleton"
        );
        assert!(parse_fragment(&page.body).is_err());
        return;
    };
    let page_skeleton = page_skeleton.expect("a parsed page has a skeleton");
    let reparsed = page_skeleton.as_str().to_owned().try_into();
    assert!(
        reparsed == Ok(page_skeleton),
        "the skeleton can't be stored"
    );

    let words = element_text(html.root_element());
    assert!(clean(&words) == words, "the text is not clean");
    // Must not panic.
    interstitial(&page);
    let fetched = FetchedPage {
        url: &page.url,
        is_guessed: false,
        html: &html,
    };
    for candidate in recognise(&fetched) {
        assert!(!candidate.evidence.is_empty());
    }
    // No form is usable, so all are read.
    let usable_form = Form::find_usable(&page, "form, input[type=password]", |form| {
        check_form(form.clone());
        false
    });
    assert!(usable_form.expect("a page").is_none());
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
