//! From text to the tree of a page, for texts that are fit for it.

use std::borrow::Cow;
use std::collections::HashMap;

use hippo_core::failure::Failure;
use scraper::Html;

/// A page that leaves more tags open than this is not parsed. Pages of real sites are some 50 deep;
/// this also counts the tags that authors leave to the parser to close (`<li>`, `<td>`).
const MOST_OPEN: usize = 5_000;

/// The most steps, in all, from each tag out to the page: reading takes a share of them.
const MOST_STEPS: usize = 200_000_000;

/// The most copies of open formatting tags that a parser may have to make, one set a tag.
const MOST_COPIES: usize = 4_000_000;

const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Tags that a parser opens once more in every block that follows, until they are closed.
const FORMATTING: [&str; 12] = [
    "b", "big", "code", "em", "font", "i", "s", "small", "strike", "strong", "tt", "u",
];

/// Elements in which nothing but their own end is a tag.
const RAW: [&str; 8] = [
    "iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp",
];

/// Parses a page; `page_changed` for one that is nested so deep that parsing would not end in time.
///
/// A parser's work grows with the square of the depth, and nothing can interrupt it: 8 MiB of
/// `<div>` would take it hours. This looks at each byte of the text once.
pub fn parse_page(html: &str) -> Result<Html, Failure> {
    must_be_shallow(html)?;
    Ok(Html::parse_document(html))
}

/// Parses a piece of a page, as [`parse_page`] does.
pub fn parse_piece(html: &str) -> Result<Html, Failure> {
    must_be_shallow(html)?;
    Ok(Html::parse_fragment(html))
}

fn must_be_shallow(html: &str) -> Result<(), Failure> {
    let mut open = Open::default();
    // Raw elements that were found to have no end need not be looked at again.
    let mut endless: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = rest.strip_prefix("!--") {
            let Some((_, after)) = comment.split_once("-->") else {
                break;
            };
            rest = after;
            continue;
        }
        let (is_end, named) = match rest.strip_prefix('/') {
            Some(named) => (true, named),
            None => (false, rest),
        };
        if !named.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let end = named
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '<'))
            .unwrap_or(named.len());
        let (name, after) = named.split_at(end);
        // Nearly all pages write them so, and there are thousands.
        let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        rest = after;
        if VOID.contains(&name.as_ref()) {
            continue;
        }
        if is_end {
            open.close(&name);
            continue;
        }
        if RAW.contains(&name.as_ref()) && !endless.iter().any(|known| *known == name) {
            if let Some(at) = find_end(rest, &name) {
                rest = rest.get(at..).unwrap_or_default();
                continue;
            }
            endless.push(name.clone().into_owned());
        }
        open.open(&name)?;
    }
    Ok(())
}

/// Where `</name` stands in a text.
fn find_end(text: &str, name: &str) -> Option<usize> {
    text.match_indices("</").find_map(|(at, _)| {
        let after = text.get(at + 2..at + 2 + name.len())?;
        // Past the end tag itself: it closes what was not counted.
        after
            .eq_ignore_ascii_case(name)
            .then(|| at + 2 + name.len())
    })
}

/// The tags that are open at one place of a page.
#[derive(Default)]
struct Open {
    by_name: HashMap<String, usize>,
    all: usize,
    formatting: usize,
    steps: usize,
    copies: usize,
}

impl Open {
    fn open(&mut self, name: &str) -> Result<(), Failure> {
        if FORMATTING.contains(&name) {
            self.formatting += 1;
        }
        match self.by_name.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.by_name.insert(name.to_owned(), 1)),
        }
        self.all += 1;
        self.steps += self.all;
        self.copies += self.formatting;
        if self.all > MOST_OPEN || self.steps > MOST_STEPS || self.copies > MOST_COPIES {
            return Err(Failure::page_changed("a page that is nested without end"));
        }
        Ok(())
    }

    fn close(&mut self, name: &str) {
        // An end without a beginning closes nothing.
        if let Some(count) = self.by_name.get_mut(name).filter(|count| **count > 0) {
            *count -= 1;
            self.all -= 1;
            if FORMATTING.contains(&name) {
                self.formatting -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::deep("<div>".repeat(1_600_000))]
    #[case::ends_of_what_is_not_open("<div></p>".repeat(800_000))]
    #[case::names_of_its_own((0..6_000).map(|n| format!("<x-{n}>")).collect())]
    #[case::in_a_title_without_end("<title>".to_owned() + &"<div>".repeat(800_000))]
    #[case::formatting(
        "<p>".to_owned()
            + &(0..4_000).map(|n| format!("<b id={n}>")).collect::<String>()
            + "</p>"
            + &"<p>x</p>".repeat(500_000)
    )]
    fn a_page_without_end_is_refused(#[case] html: String) {
        let failure = parse_page(&html).unwrap_err();
        assert_eq!(failure.kind.as_str(), "page_changed");
        assert!(parse_piece(&html).is_err());
    }

    #[rstest]
    #[case::closed("<div><p>x</p></div>".repeat(100_000))]
    #[case::void("<br><img src=x>".repeat(20_000))]
    #[case::left_to_the_parser("<li>x".repeat(4_000))]
    #[case::in_script(format!("<script>'{}'</script><p>", "<div>".repeat(20_000)))]
    #[case::in_a_comment(format!("<!-- {} --><p>", "<div>".repeat(20_000)))]
    #[case::no_tags("1 < 2 <3 <".repeat(20_000))]
    #[case::empty(String::new())]
    fn a_page_that_is_long_or_careless_is_parsed(#[case] html: String) {
        parse_page(&html).unwrap();
    }

    #[test]
    fn what_stands_after_a_script_still_counts() {
        let html = "<SCRIPT>1</ScRiPt >".to_owned() + &"<div>".repeat(6_000);
        assert!(parse_page(&html).is_err());
    }
}
