//! HAR files written by browsers.

use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn answer(url: &str, status: u16, mime_type: &str, text: &str) -> Value {
    json!({
        "request": { "method": "GET", "url": url },
        "response": { "status": status, "content": { "mimeType": mime_type, "text": text } },
    })
}

fn read_entries(
    entries: &[Value],
) -> Result<hippo_core::account::Account, hippo_core::failure::Failure> {
    let har: har::Har = serde_json::from_value(json!({ "log": { "entries": entries } })).unwrap();
    let url: Url = "https://books.example.org/".parse().unwrap();
    let context = ReadContext {
        base_url: &url,
        date_format: None,
        timezone: chrono_tz::America::Toronto,
        card_number: None,
    };
    let koha = hippo_systems::offline_reader("koha").unwrap();
    read(&har, &|pages| koha.read(pages, &context))
}

const ACCOUNT: &str = "https://books.example.org/cgi-bin/koha/opac-user.pl";

#[rstest]
#[case("https://books.example.org/x.css", 200, "text/css", ".x{}")]
#[case(
    "https://books.example.org/x.js",
    200,
    "application/javascript",
    "var x = 1;"
)]
#[case("https://books.example.org/x", 200, "text/javascript", "var x = 1;")]
#[case("https://books.example.org/x.svg", 200, "image/svg+xml", "<svg>")]
#[case("https://books.example.org/x.png", 0, "", "")]
#[case("https://books.example.org/covers", 503, "image/png", "")]
#[case("https://tracker.example.net/hit", 200, "text/html", "<p>thanks")]
#[case("https://tracker.example.net/hit", 0, "", "")]
#[case(
    "https://books.example.org/api/news",
    200,
    "application/json",
    "{\"news\":[]}"
)]
fn assets_and_other_hosts_are_skipped(
    #[case] url: &str,
    #[case] status: u16,
    #[case] mime_type: &str,
    #[case] text: &str,
) {
    let account = answer(
        ACCOUNT,
        200,
        "text/html; charset=utf-8",
        &koha_page("metric"),
    );
    let other = answer(url, status, mime_type, text);
    let read = read_entries(&[other.clone(), account, other]).unwrap();
    assert_eq!(read.loans.unwrap().len(), 2);
}

#[test]
fn page_in_base64_is_read() {
    let page = koha_page("metric");
    let mut account = answer(
        ACCOUNT,
        200,
        "text/html; charset=iso-8859-1",
        &super::canaries::base64(&page),
    );
    account["response"]["content"]["encoding"] = json!("base64");
    assert_eq!(read_entries(&[account]).unwrap().loans.unwrap().len(), 2);
}

#[test]
fn missing_page_is_site_down() {
    let account = answer(ACCOUNT, 200, "text/html", &koha_page("metric"));
    let mut none = answer(ACCOUNT, 0, "", "");
    none["_resourceType"] = json!("document");
    let failure = read_entries(&[account, none]).unwrap_err();
    assert_eq!(failure.kind, hippo_core::failure::FailureKind::SiteDown);
}
