//! From text to the tree of a page, within limits.

use hippo_core::failure::Failure;
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{ParseOpts, Parser, QualName, local_name, ns};
use scraper::{Html, HtmlTreeSink};

use self::measured::Measured;

mod measured;

/// The most pairs of what may be attributes of one tag: each new one is compared with all before it.
const MAX_ATTRIBUTE_PAIRS: usize = 400_000_000;

/// So many bytes are parsed before the work is looked at again.
const PIECE: usize = 1024;

/// Parses a page; `page_changed` for one that would keep the parser busy without end.
///
/// A parser's work grows with the square of the depth and of the attributes of a tag, and nothing can
/// interrupt it: 8 MiB of `<div>` would take it hours. So the page is given to it in pieces, and what it did
/// is counted after each. What a page is made of is never guessed beforehand: a parser takes many a thing for
/// no tag that looks like one, and the other way round.
pub fn parse_page(html: &str) -> Result<Html, Failure> {
    let sink = Measured::new(HtmlTreeSink::new(Html::new_document()));
    feed(html5ever::parse_document(sink, ParseOpts::default()), html)
}

/// Parses a piece of a page, as [`parse_page`] does.
pub fn parse_piece(html: &str) -> Result<Html, Failure> {
    let sink = Measured::new(HtmlTreeSink::new(Html::new_fragment()));
    let body = QualName::new(None, ns!(html), local_name!("body"));
    feed(
        html5ever::parse_fragment(sink, ParseOpts::default(), body, Vec::new(), false),
        html,
    )
}

fn feed(mut parser: Parser<Measured>, html: &str) -> Result<Html, Failure> {
    let mut attributes = Attributes::default();
    let mut rest = html;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
        rest = after;
        parser.process(StrTendril::from(piece));
        let sink = &parser.tokenizer.sink.sink;
        attributes.look_at(piece, sink.parts());
        if let Some(limit) = sink.exceeded_limit() {
            return Err(Failure::page_changed(limit.to_string()));
        }
        if attributes.pairs > MAX_ATTRIBUTE_PAIRS {
            return Err(Failure::page_changed("a tag with too many attributes"));
        }
    }
    Ok(parser.finish())
}

/// How many attributes the tag may have that has begun and not ended. The parser says nothing of it
/// before its end.
#[derive(Default)]
struct Attributes {
    parts: usize,
    of_this_tag: usize,
    pairs: usize,
}

impl Attributes {
    /// `parts`: how many the page was found to have, with this piece.
    fn look_at(&mut self, piece: &str, parts: usize) {
        if parts != self.parts {
            self.parts = parts;
            self.of_this_tag = 0;
            return;
        }
        let ends_one = |byte: u8| byte.is_ascii_whitespace() || b"/\"'".contains(&byte);
        let mut new = 0;
        let mut is_between = true;
        for byte in piece.bytes() {
            let was_between = std::mem::replace(&mut is_between, ends_one(byte));
            new += usize::from(was_between && !is_between);
        }
        self.pairs += self.of_this_tag * new;
        self.of_this_tag += new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DEEP: usize = 60_000;

    fn divs() -> String {
        "<div>".repeat(DEEP)
    }

    #[rstest]
    #[case::deep("<div>".repeat(1_600_000))]
    #[case::ends_of_what_is_not_open("<div></p>".repeat(DEEP))]
    #[case::names_of_its_own((0..6_000).map(|n| format!("<x-{n}>")).collect())]
    #[case::formatting(
        "<p>".to_owned()
            + &(0..500).map(|n| format!("<b id={n}>")).collect::<String>()
            + "</p>"
            + &"<p>x</p>".repeat(50_000)
    )]
    // What looks like an end, a comment or a script stands in an attribute.
    #[case::ends_in_attributes("<div a='</div>'>".repeat(DEEP))]
    #[case::a_comment_in_an_attribute("<p a='<!--'>".to_owned() + &divs())]
    #[case::a_script_in_an_attribute("<p a='<script>'>".to_owned() + &divs() + "</script>")]
    // These comments end where they begin, or by another end than the usual.
    #[case::an_abrupt_comment("<!-->".to_owned() + &divs())]
    #[case::another_end_of_a_comment("<!-- --!>".to_owned() + &divs())]
    // In a drawing these are no texts.
    #[case::a_title_in_a_drawing("<svg><title>".to_owned() + &divs() + "</title>")]
    #[case::a_style_in_a_drawing("<svg><style>".to_owned() + &"<g>".repeat(DEEP) + "</style>")]
    // A way out to the page for each end of what was never open.
    #[case::ends_of_nothing("<x-a>".repeat(500) + &"</x-b>".repeat(50_000))]
    #[case::ends_of_no_formatting("<x-a>".repeat(500) + &"</b>".repeat(50_000))]
    #[case::ends_of_nothing_in_a_drawing(
        "<svg>".to_owned() + &"<g>".repeat(500) + &"</h>".repeat(50_000)
    )]
    #[case::attributes(
        "<p ".to_owned() + &(0..40_000).map(|n| format!("a{n} ")).collect::<String>() + ">"
    )]
    #[case::attributes_after_quotes(
        "<p ".to_owned() + &(0..40_000).map(|n| format!("a{n}=''")).collect::<String>() + ">"
    )]
    #[case::attributes_of_which_some_stand_twice(
        "<p ".to_owned() + &(0..40_000).map(|n| format!("a{n} a0 ")).collect::<String>() + ">"
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
    #[case::in_a_title_without_end("<title>".to_owned() + &"<div>".repeat(20_000))]
    #[case::in_a_comment(format!("<!-- {} --><p>", "<div>".repeat(20_000)))]
    #[case::words_in_a_comment(format!("<!-- {} --><p>", "many a word ".repeat(7_000)))]
    #[case::a_picture_in_an_attribute(format!("<img src='data:;,{}'>", "aB3".repeat(900_000)))]
    #[case::space(" \n".repeat(2_000_000))]
    #[case::no_tags("1 < 2 <3 <".repeat(20_000))]
    #[case::empty(String::new())]
    fn a_page_that_is_long_or_careless_is_parsed(#[case] html: String) {
        parse_page(&html).unwrap();
    }

    #[test]
    fn a_page_is_the_same_wherever_it_is_cut_into_pieces() {
        let part = "<!DOCTYPE html><table><tr>é<td class='a &amp;\u{a0}b'>&notin;x&#233;\r\n</b>\
                    <!-- – --><script>'<!--<script>'</script>--></script><p><b>日<p>本</b></table>\
                    <textarea>\n&lt;</textarea><svg><title>a<p>b</title></svg>";
        let whole = part.repeat(30);
        for shift in (0..part.len()).step_by(3) {
            let page = format!("{}{whole}", "-".repeat(shift));
            let (pieces, once) = (parse_page(&page).unwrap(), Html::parse_document(&page));
            assert_eq!(pieces.html(), once.html(), "{shift}");
            let (pieces, once) = (parse_piece(&page).unwrap(), Html::parse_fragment(&page));
            assert_eq!(pieces.html(), once.html(), "{shift}");
        }
    }
}
