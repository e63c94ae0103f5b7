//! The work of reading grows linearly with the page, and stops at its limits.

use hippo_browser::reading::work::measure;
use hippo_browser::{Form, Page, ReadContext, SavedPage, interstitial};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use url::Url;

use hippo_systems::{offline_reader, systems_with_pages};

use crate::shapes::{SHAPES, page, pages};

fn read(system_name: &str, body: &str) -> Result<Account, Failure> {
    let base_url = Url::parse("https://library.test/").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some(match system_name {
            "sierra" => "%m-%d-%y",
            "bibliotheca" | "sisis" | "touchpoint" | "vufind-de" | "winbiap" => "%d.%m.%Y",
            _ => "%m/%d/%y",
        }),
        timezone: chrono_tz::UTC,
        card_number: None,
    };
    let pages = [SavedPage {
        name: "page.html".to_owned(),
        body: body.to_owned(),
    }];
    offline_reader(system_name).unwrap().read(&pages, &context)
}

fn read_all(system_name: &str, body: &str) {
    let _ = read(system_name, body);
    let page = Page {
        url: Url::parse("https://library.test/login").unwrap(),
        status: 200,
        content_type: None,
        body: body.to_owned(),
    };
    interstitial(&page);
    let _ = Form::find_usable(&page, "form", |form| form.has("password"));
}

#[test]
fn reading_work_is_linear_in_the_page_size() {
    const BYTES: usize = 16_000;
    for (system, kind) in pages() {
        for shape in SHAPES {
            let half = page(system, kind, shape, BYTES);
            let whole = page(system, kind, shape, 2 * BYTES);
            let work = [half, whole].map(|body| measure(|| read_all(system, &body)));
            assert!(
                work[1] <= work[0] * 5 / 2 + 4_000,
                "{system}'s {kind} of {shape}: {work:?}"
            );
        }
    }
}

#[test]
fn accounts_of_several_shapes_are_read() {
    for (system, kind) in pages().filter(|(_, kind)| *kind != "login") {
        for shape in ["rows", "alerts", "nested lists", "words"] {
            let account = read(system, &page(system, kind, shape, 20_000)).unwrap();
            assert!(
                !account.loans.unwrap().is_empty(),
                "{system}'s {kind}: {shape}"
            );
        }
    }
}

#[test]
fn page_over_a_limit_fails_and_names_the_limit() {
    for (shape, bytes, named) in [
        ("forms", 100_000, "2000 forms"),
        ("inputs", 1_100_000, "50000 form fields"),
        ("options", 1_100_000, "100000 options"),
        ("rows", 1_000_000, "20000 table rows"),
        ("cells", 1_200_000, "200000 table cells"),
        ("nested lists", 3_000_000, "20000000 steps"),
    ] {
        let failure = read("koha", &page("koha", "login", shape, bytes)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged, "{shape}");
        assert!(failure.detail.contains(named), "{shape}: {failure}");
    }
    for kind in ["login", "account"] {
        let failure = read("koha", &page("koha", kind, "alerts", 100_000)).unwrap_err();
        assert!(failure.detail.contains("1000 alerts"), "{failure}");
    }
}

#[test]
fn list_over_the_entry_limit_is_a_changed_page() {
    for system in systems_with_pages() {
        let failure = read(system, &page(system, "account", "rows", 1_200_000)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged, "{system}");
        assert!(failure.detail.contains("more than 5000 loans"), "{failure}");
    }
}
