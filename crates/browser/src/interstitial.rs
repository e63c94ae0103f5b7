//! Recognises pages in place of the requested one: captchas, “unusual traffic”, maintenance.

use hippo_core::failure::{Failure, FailureKind};
use scraper::{ElementRef, Node};

use super::Page;
use super::redacted_path::redacted_path;
use crate::reading::{is_session_over, parse_page};

/// On a page with more text than this, in characters, only the title and headings count.
const SHORT_PAGE_CHARS: usize = 2_000;

/// Phrases of pages that refuse robots or too many requests.
const REFUSAL_PHRASES: [&str; 12] = [
    "captcha",
    "unusual traffic",
    "automated access",
    "automated queries",
    "are you a robot",
    "you are not a robot",
    "not a bot",
    "you are human",
    "you are a human",
    "just a moment...",
    "too many requests",
    "attention required! | cloudflare",
];

/// Phrases of maintenance pages.
const OUTAGE_PHRASES: [&str; 10] = [
    "scheduled maintenance",
    "system maintenance",
    "under maintenance",
    "down for maintenance",
    "undergoing maintenance",
    "maintenance mode",
    "temporarily unavailable",
    "temporarily down",
    "service unavailable",
    "bad gateway",
];

/// `site_refused` or `site_down` for a captcha or maintenance page in place of the requested one.
///
/// Call it only for a page that the system doesn't recognise, before `page_changed`: a known page may
/// mention next week's maintenance, or a captcha. Only visible text counts: the title and the
/// headings, and the whole text of a short page.
pub fn interstitial(page: &Page) -> Option<Failure> {
    let kind = classify_words(&visible_words(&page.body)?)?;
    let here = redacted_path(&page.url);
    let detail = match kind {
        FailureKind::SiteRefused => {
            format!("the site asked us to prove we're not a robot, at {here}")
        }
        _ => format!("a maintenance page at {here}"),
    };
    Some(Failure::new(kind, detail))
}

/// `site_refused` or `site_down` if a text is about a captcha or maintenance. For a single message,
/// such as the error beside a form.
pub fn classify_words(words: &str) -> Option<FailureKind> {
    let words = words.to_lowercase();
    let contains_any = |known: &[&str]| known.iter().any(|known| words.contains(known));
    if contains_any(&REFUSAL_PHRASES) {
        return Some(FailureKind::SiteRefused);
    }
    contains_any(&OUTAGE_PHRASES).then_some(FailureKind::SiteDown)
}

/// Whether a page's title or headings, or a short page's text, say that the session is over.
pub fn has_session_over_words(body: &str) -> bool {
    visible_words(body).is_some_and(|words| is_session_over(&words))
}

/// The `session_expired` failure for such a page.
pub fn session_expired_failure() -> Failure {
    Failure::new(
        FailureKind::SessionExpired,
        "the page says that the session is over",
    )
}

/// The visible text of a short page, or a long page's title and headings, in lower case with spaces
/// folded. `None` if it can't be parsed.
fn visible_words(body: &str) -> Option<String> {
    let page = parse_page(body).ok()?;
    let mut headings = String::new();
    let mut all = String::new();
    for node in page.html().tree.root().descendants() {
        let Node::Text(text) = node.value() else {
            continue;
        };
        let mut is_heading = false;
        let mut is_hidden = false;
        for ancestor in node.ancestors().filter_map(ElementRef::wrap) {
            match ancestor.value().name() {
                "title" | "h1" | "h2" => is_heading = true,
                "script" | "style" | "template" => is_hidden = true,
                _ => is_hidden |= is_hidden_element(ancestor),
            }
        }
        if is_hidden {
            continue;
        }
        if is_heading {
            headings.push_str(text);
            headings.push(' ');
        }
        if all.len() <= 2 * SHORT_PAGE_CHARS {
            all.push_str(text);
            all.push(' ');
        }
    }
    let fold = |text: String| {
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase()
    };
    let all = fold(all);
    Some(if all.chars().count() > SHORT_PAGE_CHARS {
        fold(headings)
    } else {
        all
    })
}

/// Whether an element is hidden by its own attributes, such as a dialog that a script shows.
fn is_hidden_element(element: ElementRef<'_>) -> bool {
    let style: String = element
        .attr("style")
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    element.attr("hidden").is_some() || style.to_ascii_lowercase().contains("display:none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(body: &str) -> Option<&'static str> {
        interstitial(&Page {
            url: "https://books.test/account".parse().unwrap(),
            status: 200,
            content_type: None,
            body: body.to_owned(),
        })
        .map(|failure| failure.kind.as_str())
    }

    #[test]
    fn refusal_and_maintenance_pages_have_their_kinds() {
        assert_eq!(
            kind("<title>Just a moment...</title><p>x</p>"),
            Some("site_refused")
        );
        assert_eq!(
            kind("<title>Making sure you&#39;re not a bot!</title><p>x</p>"),
            Some("site_refused")
        );
        assert_eq!(
            kind("<p>Our systems have detected unusual\n traffic from your network.</p>"),
            Some("site_refused")
        );
        assert_eq!(
            kind("<h1>Catalogue</h1><p>The catalogue is down for maintenance.</p>"),
            Some("site_down")
        );
    }

    #[test]
    fn session_end_is_found_in_short_page_or_heading() {
        let phrase = "Your session has timed out.";
        let long = "word ".repeat(1000);
        assert!(has_session_over_words(&format!("<p>{phrase}</p>")));
        assert!(has_session_over_words(&format!(
            "<h1>{phrase}</h1><p>{long}</p>"
        )));
        assert!(!has_session_over_words(&format!(
            "<p>{phrase}</p><p>{long}</p>"
        )));
        assert!(!has_session_over_words(&format!(
            "<div style='Display: none'>{phrase}</div>"
        )));
        assert!(!has_session_over_words("<p>Your card has expired.</p>"));
    }

    #[test]
    fn hidden_text_and_long_pages_are_ignored() {
        assert_eq!(
            kind("<script src=/recaptcha.js>captcha</script><p>Log in</p>"),
            None
        );
        let long = "word ".repeat(1000);
        assert_eq!(kind(&format!("<p>{long} scheduled maintenance</p>")), None);
        assert_eq!(
            kind(&format!("<h1>Scheduled Maintenance</h1><p>{long}</p>")),
            Some("site_down")
        );
        assert_eq!(kind(""), None);
        assert_eq!(kind(&"<div>captcha".repeat(10_000)), None);
    }
}
