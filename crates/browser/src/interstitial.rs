//! Pages that stand in for the one that was asked for: captchas, “unusual traffic”, maintenance.

use hippo_core::failure::{Failure, FailureKind};
use scraper::{ElementRef, Node};

use super::Page;
use super::redacted_path::redacted_path;
use crate::reading::{is_session_over, parse_page};

/// A page with more text than this, in characters, is a page of its own, and only its headings are
/// looked at.
const SHORT_PAGE_CHARS: usize = 2_000;

/// What a site says that refuses a visitor for being a machine, or too quick.
const REFUSALS: [&str; 12] = [
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

/// What a site says that is being worked on.
const OUTAGES: [&str; 10] = [
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

/// Says `site_refused` or `site_down` for a page that stands in for the one that was asked for.
///
/// Meant for a page that a system does not know, before it says `page_changed`: a known page may
/// well mention maintenance next week, or a captcha. Only what a reader sees is looked at; the
/// title and the headings, and the whole text where it is short.
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

/// `site_refused` or `site_down`, where words are of a captcha or of maintenance: for what a page
/// says at a place of its own, such as the error beside a form.
pub fn classify_words(words: &str) -> Option<FailureKind> {
    let words = words.to_lowercase();
    let says = |known: &[&str]| known.iter().any(|known| words.contains(known));
    if says(&REFUSALS) {
        return Some(FailureKind::SiteRefused);
    }
    says(&OUTAGES).then_some(FailureKind::SiteDown)
}

/// Whether a page says in its title or headings, or anywhere where it is short, that a session is over.
pub fn says_session_is_over(body: &str) -> bool {
    visible_words(body).is_some_and(|words| is_session_over(&words))
}

/// `session_expired`, for a page that says so.
pub fn session_is_over() -> Failure {
    Failure::new(
        FailureKind::SessionExpired,
        "the page says that the session is over",
    )
}

/// What a reader sees first, in lower case and with spaces folded; `None` for what cannot be parsed.
fn visible_words(body: &str) -> Option<String> {
    let html = parse_page(body).ok()?;
    let mut headings = String::new();
    let mut all = String::new();
    for node in html.tree.root().descendants() {
        let Node::Text(text) = node.value() else {
            continue;
        };
        let mut is_heading = false;
        let mut is_hidden = false;
        for around in node.ancestors().filter_map(ElementRef::wrap) {
            match around.value().name() {
                "title" | "h1" | "h2" => is_heading = true,
                "script" | "style" | "template" => is_hidden = true,
                _ => is_hidden |= is_hidden_element(around),
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

/// Whether an element says of itself that it is not shown: a dialog that waits for the page's script.
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
    fn a_page_that_refuses_machines_is_told_from_one_that_is_down() {
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
    fn session_that_is_over_is_seen_in_a_short_page_or_a_heading() {
        let said = "Your session has timed out.";
        let long = "word ".repeat(1000);
        assert!(says_session_is_over(&format!("<p>{said}</p>")));
        assert!(says_session_is_over(&format!(
            "<h1>{said}</h1><p>{long}</p>"
        )));
        assert!(!says_session_is_over(&format!(
            "<p>{said}</p><p>{long}</p>"
        )));
        assert!(!says_session_is_over(&format!(
            "<div style='Display: none'>{said}</div>"
        )));
        assert!(!says_session_is_over("<p>Your card has expired.</p>"));
    }

    #[test]
    fn what_no_reader_sees_or_a_long_page_mentions_is_not_taken_for_it() {
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
