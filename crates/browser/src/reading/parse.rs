//! Parses pages within limits.

use hippo_core::failure::Failure;
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{ParseOpts, Parser, QualName, local_name, ns};
use scraper::{Html, HtmlTreeSink};

use self::measured::CountingSink;
use super::parsed_page::ParsedPage;

mod measured;

/// The most pairs of attributes of one tag. The parser compares each attribute with all before it.
const MAX_ATTRIBUTE_PAIRS: usize = 400_000_000;

/// How many bytes are parsed before the limits are checked again.
const CHUNK_SIZE: usize = 4096;

/// Parses a page. `page_changed` for one that would take the parser too long.
///
/// A parser's work grows with the square of the depth and of a tag's attributes, and can't be interrupted:
/// 8 MiB of `<div>` would take hours. So the parser gets the page in chunks, and its work is counted after
/// each. The page isn't checked beforehand, because only the parser knows what is a tag.
pub fn parse_page(html: &str) -> Result<ParsedPage, Failure> {
    let sink = CountingSink::new(HtmlTreeSink::new(Html::new_document()));
    feed(html5ever::parse_document(sink, ParseOpts::default()), html)
}

/// Parses a fragment of a page, with the limits of [`parse_page`].
pub fn parse_fragment(html: &str) -> Result<ParsedPage, Failure> {
    let sink = CountingSink::new(HtmlTreeSink::new(Html::new_fragment()));
    let body = QualName::new(None, ns!(html), local_name!("body"));
    feed(
        html5ever::parse_fragment(sink, ParseOpts::default(), body, Vec::new(), false),
        html,
    )
}

fn feed(mut parser: Parser<CountingSink>, html: &str) -> Result<ParsedPage, Failure> {
    let mut attributes = Attributes::default();
    let mut rest = html;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(CHUNK_SIZE));
        rest = after;
        parser.process(StrTendril::from(chunk));
        let sink = &parser.tokenizer.sink.sink;
        attributes.count_attributes(chunk, sink.parts());
        if let Some(limit) = sink.exceeded_limit() {
            return Err(Failure::page_changed(limit.to_string()));
        }
        if attributes.pairs > MAX_ATTRIBUTE_PAIRS {
            return Err(Failure::page_changed("a tag with too many attributes"));
        }
    }
    Ok(ParsedPage::new(parser.finish()))
}

/// Estimates the attributes of an unfinished tag, which the parser doesn't report before its end.
#[derive(Default)]
struct Attributes {
    parts: usize,
    in_current_tag: usize,
    pairs: usize,
}

impl Attributes {
    /// Counts attributes in a chunk. `parts` is the parser's count of parts after this chunk.
    fn count_attributes(&mut self, chunk: &str, parts: usize) {
        if parts != self.parts {
            self.parts = parts;
            self.in_current_tag = 0;
            return;
        }
        let is_separator = |byte: u8| byte.is_ascii_whitespace() || b"/\"'".contains(&byte);
        let mut new = 0;
        let mut is_between = true;
        for byte in chunk.bytes() {
            let was_between = std::mem::replace(&mut is_between, is_separator(byte));
            new += usize::from(was_between && !is_between);
        }
        self.pairs += self.in_current_tag * new;
        self.in_current_tag += new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DEEP: usize = 60_000;

    fn deep_divs() -> String {
        "<div>".repeat(DEEP)
    }

    #[rstest]
    #[case::deep("<div>".repeat(1_600_000))]
    #[case::end_tags_without_start("<div></p>".repeat(DEEP))]
    #[case::custom_names((0..6_000).map(|n| format!("<x-{n}>")).collect())]
    #[case::formatting(
        "<p>".to_owned()
            + &(0..500).map(|n| format!("<b id={n}>")).collect::<String>()
            + "</p>"
            + &"<p>x</p>".repeat(50_000)
    )]
    // End tags, comments and scripts inside an attribute.
    #[case::end_tags_in_attributes("<div a='</div>'>".repeat(DEEP))]
    #[case::comment_in_attribute("<p a='<!--'>".to_owned() + &deep_divs())]
    #[case::script_in_attribute("<p a='<script>'>".to_owned() + &deep_divs() + "</script>")]
    // Comments with an unusual end.
    #[case::abrupt_comment("<!-->".to_owned() + &deep_divs())]
    #[case::unusual_comment_end("<!-- --!>".to_owned() + &deep_divs())]
    // Inside SVG, these elements contain tags, not text.
    #[case::title_in_svg("<svg><title>".to_owned() + &deep_divs() + "</title>")]
    #[case::style_in_svg("<svg><style>".to_owned() + &"<g>".repeat(DEEP) + "</style>")]
    // Each end tag without a start makes the parser search up to the root.
    #[case::unmatched_end_tags("<x-a>".repeat(500) + &"</x-b>".repeat(50_000))]
    #[case::unmatched_formatting_ends("<x-a>".repeat(500) + &"</b>".repeat(50_000))]
    #[case::unmatched_end_tags_in_svg(
        "<svg>".to_owned() + &"<g>".repeat(500) + &"</h>".repeat(50_000)
    )]
    #[case::attributes(
        "<p ".to_owned() + &(0..40_000).map(|n| format!("a{n} ")).collect::<String>() + ">"
    )]
    #[case::attributes_after_quotes(
        "<p ".to_owned() + &(0..40_000).map(|n| format!("a{n}=''")).collect::<String>() + ">"
    )]
    #[case::duplicate_attributes(
        "<p ".to_owned() + &(0..40_000).map(|n| format!("a{n} a0 ")).collect::<String>() + ">"
    )]
    fn too_expensive_page_is_refused(#[case] html: String) {
        let failure = parse_page(&html).unwrap_err();
        assert_eq!(failure.kind.as_str(), "page_changed");
        assert!(parse_fragment(&html).is_err());
    }

    #[rstest]
    #[case::closed("<div><p>x</p></div>".repeat(100_000))]
    #[case::void("<br><img src=x>".repeat(20_000))]
    #[case::implied_end_tags("<li>x".repeat(4_000))]
    #[case::in_script(format!("<script>'{}'</script><p>", "<div>".repeat(20_000)))]
    #[case::in_open_title("<title>".to_owned() + &"<div>".repeat(20_000))]
    #[case::in_comment(format!("<!-- {} --><p>", "<div>".repeat(20_000)))]
    #[case::words_in_comment(format!("<!-- {} --><p>", "many a word ".repeat(7_000)))]
    #[case::image_in_attribute(format!("<img src='data:;,{}'>", "aB3".repeat(900_000)))]
    #[case::space(" \n".repeat(2_000_000))]
    #[case::no_tags("1 < 2 <3 <".repeat(20_000))]
    #[case::empty(String::new())]
    fn long_or_malformed_page_is_parsed(#[case] html: String) {
        parse_page(&html).unwrap();
    }

    #[test]
    fn chunk_boundaries_do_not_change_the_tree() {
        let part = "<!DOCTYPE html><table><tr>é<td class='a &amp;\u{a0}b'>&notin;x&#233;\r\n</b>\
                    <!-- – --><script>'<!--<script>'</script>--></script><p><b>日<p>本</b></table>\
                    <textarea>\n&lt;</textarea><svg><title>a<p>b</title></svg>";
        let whole = part.repeat(30);
        for shift in (0..part.len()).step_by(3) {
            let page = format!("{}{whole}", "-".repeat(shift));
            let (pieces, once) = (parse_page(&page).unwrap(), Html::parse_document(&page));
            assert_eq!(pieces.html().html(), once.html(), "{shift}");
            let (pieces, once) = (parse_fragment(&page).unwrap(), Html::parse_fragment(&page));
            assert_eq!(pieces.html().html(), once.html(), "{shift}");
        }
    }
}
