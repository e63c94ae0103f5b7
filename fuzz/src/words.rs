//! Reads one line of a page.

use chrono::Datelike;
use hippo_browser::classify_words;
use hippo_browser::reading::{
    amount, check_declared_count, decode_entities, first_number, join_title, numbers,
    parse_iso_date, split_date, stable_id, tidy, web_link,
};
use hippo_core::text::clean;
use url::Url;

const FORMATS: [Option<&str>; 8] = [
    None,
    Some("%m-%d-%y"),
    Some("%-m/%-d/%y"),
    Some("%d/%m/%Y"),
    Some("%Y-%m-%d"),
    Some("%d %b %Y"),
    Some("%A, %B %e, %Y"),
    Some("%c"),
];

/// Reads an input as a line with each helper; its length selects the date format.
pub fn read(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let all = numbers(text);
    assert_eq!(first_number(text), all.first().copied());
    assert!(check_declared_count(Some(3), all.len(), "numbers").is_ok() == (all.len() == 3));

    for format in [FORMATS[text.len() % FORMATS.len()], Some(text)] {
        if let Ok(Some((date, rest))) = split_date(text, format) {
            assert!((1970..=2199).contains(&date.year()));
            assert_eq!(rest, clean(&rest));
            assert!(rest.len() <= text.len());
        }
    }
    for zone in [
        chrono_tz::UTC,
        chrono_tz::America::Toronto,
        chrono_tz::Pacific::Apia,
    ] {
        if let Some(date) = parse_iso_date(text, zone) {
            assert!((1970..=2199).contains(&date.year()));
        }
    }

    if let Some(sum) = amount(text) {
        assert_eq!(sum.scale(), 2);
        assert_eq!(Ok(sum), sum.to_string().parse());
    }
    let decoded = decode_entities(text);
    assert!(decoded.len() <= text.len());
    let tidied = tidy(text);
    assert_eq!(tidied, tidy(&tidied), "tidied twice");
    assert_eq!(tidied, clean(&tidied));
    let (title, subtitle) = text.split_once(':').unwrap_or((text, ""));
    let joined = join_title(title, subtitle);
    assert_eq!(joined, clean(&joined), "the title is not clean");
    // Must not panic.
    let _ = classify_words(text);
    assert_eq!(stable_id(&[text]).len(), 25);
    let base = Url::parse("https://library.test/patroninfo/7/items").expect("a URL");
    if let Some(link) = web_link(text, &base) {
        assert!(matches!(link.scheme(), "http" | "https") && link.has_host());
    }
}
