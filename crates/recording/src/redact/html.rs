//! Redacts pages. Keeps tags and their names, and a truncated page stays truncated.
//!
//! A page is split into tags and texts, without a tree, so that malformed markup stays as it was.

use super::markup::{
    Tag, decode_text, decode_value, escape_text, find_markup, find_raw_end, parse_tag, skip_comment,
};
use super::{Mode, Redactor};
use crate::allow_list;

/// Elements whose content isn't markup.
const RAW_ELEMENTS: [&str; 8] = [
    "iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp",
];

const VOID_ELEMENTS: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Classes of a work's data.
const WORK_CLASSES: [&str; 14] = [
    "title",
    "patFuncTitle",
    "patFuncBibTitle",
    "patFuncTitleMain",
    "patFuncBarcode",
    "patFuncCallNo",
    "hideIE",
    "authBreak",
    "author",
    "item-details",
    "biblio-title",
    "subtitle",
    "call_no",
    "myAccountCoverArt",
];

/// Classes of a person's data.
const PERSON_CLASSES: [&str; 5] = [
    "patNameAddress",
    "patronName",
    "loggedinusername",
    "welcome",
    "userlabel",
];

/// Classes of the library's messages to a person.
const MESSAGE_CLASSES: [&str; 2] = ["patMessage", "accountMessage"];

/// Elements in which a number that is the whole text is a count.
const CELL_ELEMENTS: [&str; 19] = [
    "a", "button", "caption", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "label",
    "legend", "li", "option", "p", "td", "th",
];

/// Words in the class or id of an element that contains a count.
const COUNT_WORDS: [&str; 12] = [
    "amount", "badge", "balance", "count", "counter", "fines", "number", "position", "rank",
    "renewals", "sum", "total",
];

/// Elements within a line, such as the one of a label before its value.
const INLINE_ELEMENTS: [&str; 7] = ["b", "em", "font", "i", "span", "strong", "u"];

/// How many elements may be open at once, as in browsers. Deeper ones aren't tracked.
const MAX_DEPTH: usize = 512;

/// An open element.
struct OpenElement {
    name: String,
    mode: Mode,
    /// Whether a number that is its whole text may stay.
    is_cell: bool,
}

impl Redactor {
    /// Redacts a page or a fragment.
    pub(super) fn redact_html(&mut self, page: &str) -> String {
        self.learn_page_ids(page);
        let mut filled = String::with_capacity(page.len());
        let mut open: Vec<OpenElement> = Vec::new();
        let mut rest = page;
        let mut follows_start_tag = false;
        // Whether a count may follow: `<b>Renewed:</b> 2`.
        let mut follows_count_phrase = false;
        while !rest.is_empty() {
            let end = find_markup(rest);
            let (text, markup) = rest.split_at(end);
            if !text.is_empty() {
                let mode = match open.last() {
                    None => Mode::Words,
                    Some(open)
                        if follows_start_tag
                            && open.is_cell
                            && is_end_tag_of(markup, &open.name) =>
                    {
                        open.mode.in_cell()
                    }
                    Some(open) => open.mode,
                };
                let plain = decode_text(text);
                let (text, ends_with_one) =
                    self.redact_text_behind(&plain, mode, follows_count_phrase);
                filled.push_str(&escape_text(&text));
                follows_count_phrase = ends_with_one;
            }
            follows_start_tag = false;
            if markup.is_empty() {
                break;
            }
            if let Some(after) = skip_comment(markup, &mut filled) {
                rest = after;
                continue;
            }
            let (tag, after) = parse_tag(markup);
            rest = after;
            follows_start_tag = !tag.is_end;
            let name = tag.name.to_ascii_lowercase();
            follows_count_phrase &= INLINE_ELEMENTS.contains(&name.as_str());
            self.redact_tag(&tag, &mut open, &mut filled);
            if tag.is_end || !tag.is_whole {
                continue;
            }
            if RAW_ELEMENTS.contains(&name.as_str()) {
                let end = find_raw_end(rest, &name);
                let (content, after) = rest.split_at(end);
                let mode = open.last().map_or(Mode::Words, |open| open.mode);
                let content = self.redact_raw_content(&name, &tag, content, mode);
                filled.push_str(&content);
                rest = after;
            }
        }
        filled
    }

    fn redact_page_text(&mut self, text: &str, mode: Mode) -> String {
        let plain = decode_text(text);
        escape_text(&self.redact_text(&plain, mode))
    }

    /// Redacts the content of a raw element: a script, a style, a title.
    fn redact_raw_content(
        &mut self,
        name: &str,
        tag: &Tag<'_>,
        content: &str,
        mode: Mode,
    ) -> String {
        match name {
            "script" => {
                let kind = tag
                    .attribute("type")
                    .unwrap_or_default()
                    .to_ascii_lowercase();
                let start = content.trim_start();
                let value = (kind.contains("json") || start.starts_with('{'))
                    .then(|| serde_json::from_str(start).ok())
                    .flatten();
                match value {
                    Some(value) => self.redact_json(value).replace("</", "<\\/"),
                    None => self.redact_script(content),
                }
            }
            "title" | "textarea" => self.redact_page_text(content, mode),
            _ => String::new(),
        }
    }

    fn redact_tag(&mut self, tag: &Tag<'_>, open: &mut Vec<OpenElement>, filled: &mut String) {
        let lower = tag.name.to_ascii_lowercase();
        if tag.is_end {
            if let Some(index) = open.iter().rposition(|open| open.name == lower) {
                open.truncate(index);
            }
        } else {
            close_before(&lower, open);
        }
        self.words.leave(open.len());
        filled.push_str(if tag.is_end { "</" } else { "<" });
        filled.push_str(&self.redact_element_name(tag.name));
        let outer = open.last().map_or(Mode::Words, |open| open.mode);
        let mode = inner_mode(tag, &lower, outer);
        for (name, value) in &tag.attributes {
            let kept = self.redact_attribute_name(name);
            filled.push(' ');
            filled.push_str(&kept);
            if let Some(value) = value {
                let value = self.redact_attribute(
                    tag,
                    &name.to_ascii_lowercase(),
                    &decode_value(value),
                    mode,
                );
                filled.push_str("=\"");
                filled.push_str(&escape_text(&value).replace('"', "&quot;"));
                filled.push('"');
            }
        }
        if tag.is_whole {
            filled.push('>');
        }
        let opens = !tag.is_end
            && !VOID_ELEMENTS.contains(&lower.as_str())
            && !RAW_ELEMENTS.contains(&lower.as_str());
        if opens && open.len() < MAX_DEPTH {
            let is_cell = CELL_ELEMENTS.contains(&lower.as_str()) || is_count(tag);
            open.push(OpenElement {
                name: lower,
                mode,
                is_cell,
            });
            for name in ["id", "class", "href"] {
                let names = tag.attribute(name).unwrap_or_default();
                for name in names.split_ascii_whitespace() {
                    self.words.enter(open.len(), name);
                }
            }
        }
    }
}

/// Whether the class or id of an element marks a count.
fn is_count(tag: &Tag<'_>) -> bool {
    ["class", "id"]
        .into_iter()
        .filter_map(|name| tag.attribute(name))
        .flat_map(allow_list::words)
        .any(|word| COUNT_WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

/// Whether the markup begins with the end tag of this element.
fn is_end_tag_of(markup: &str, name: &str) -> bool {
    markup
        .strip_prefix("</")
        .and_then(|after| after.get(..name.len()))
        .is_some_and(|found| found.eq_ignore_ascii_case(name))
}

/// The mode of the texts within an element.
fn inner_mode(tag: &Tag<'_>, name: &str, outer: Mode) -> Mode {
    let classes: Vec<&str> = tag
        .attribute("class")
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    let is_any = |known: &[&str]| classes.iter().any(|class| known.contains(class));
    // The head of a list has the class of its titles, but contains the count.
    let is_head = matches!(name, "th" | "tr" | "table" | "thead");
    if outer == Mode::Nothing || (!is_head && is_any(&WORK_CLASSES)) {
        Mode::Nothing
    } else if is_any(&PERSON_CLASSES) {
        Mode::Person
    } else if outer == Mode::Person && (name == "a" || is_any(&MESSAGE_CLASSES)) {
        Mode::Words
    } else if outer == Mode::Words && name == "caption" {
        // A list's total, in any language.
        Mode::Counts
    } else {
        outer
    }
}

/// Closes the elements that a new element implicitly ends.
fn close_before(name: &str, open: &mut Vec<OpenElement>) {
    let (ended, within): (&[&str], &[&str]) = match name {
        "td" | "th" => (&["td", "th"], &["table", "tr"]),
        "tr" => (&["tr"], &["table"]),
        "tbody" | "thead" | "tfoot" => (&["tbody", "thead", "tfoot"], &["table"]),
        "li" => (&["li"], &["ul", "ol"]),
        "option" => (&["option"], &["select"]),
        _ => return,
    };
    for index in (0..open.len()).rev() {
        let own = open.get(index).map_or("", |open| open.name.as_str());
        if ended.contains(&own) {
            open.truncate(index);
            return;
        }
        if within.contains(&own) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::redact::tests::redactor;

    #[rstest]
    #[case(
        "<td class=x>6</td><b>Ready</b>.</td>",
        "<td class=\"x\">6</td><b>Ready</b>.</td>",
        ""
    )]
    #[case("<!DOCTYPE HTML><!-- canary --><p>", "<!DOCTYPE html><!-- --><p>", "")]
    #[case(
        "<p style='color:red;DISPLAY : none'>",
        "<p style=\"display: none\">",
        ""
    )]
    #[case(
        "<input disabled type=checkbox",
        "<input disabled type=\"checkbox\"",
        ""
    )]
    #[case("DUE 11-21-26", "{} 11-22-26", "DUE")]
    #[case("a < &amp;", "{} &lt; &amp;", "a")]
    #[case("<style>.canary{}</style>", "<style></style>", "")]
    #[case(
        "<div class='patNameAddress'>EXP DATE:11-21-26 <a>6</a> 14</div>",
        "<div class=\"patNameAddress\">EXP DATE:11-22-26 <a>6</a> {}</div>",
        "14"
    )]
    #[case("<b>Renewed:</b> 7 !", "<b>Renewed:</b> 7 !", "")]
    #[case(
        "<b>Renewed</b> : <span>7</span><p>",
        "<b>Renewed</b> : <span>7</span><p>",
        ""
    )]
    #[case("<td>Renewed 7 <br> 14", "<td>Renewed 7 <br> {}", "14")]
    fn structure_counts_and_known_words_are_kept(
        #[case] page: &str,
        #[case] expected: &str,
        #[case] redacted: &str,
    ) {
        let filled = redactor().redact_html(page);
        match expected.split_once("{}") {
            None => assert_eq!((filled.as_str(), redacted), (expected, "")),
            Some((start, end)) => {
                assert!(
                    filled.starts_with(start) && filled.ends_with(end),
                    "{filled}"
                );
                assert_eq!(
                    filled.len(),
                    expected.len() - "{}".len() + redacted.len(),
                    "{filled}"
                );
            }
        }
    }

    #[rstest]
    #[case("<p>Canary")]
    #[case("<p title=Canary>")]
    #[case("<a href='/x/Canary?Q=%43anary'>")]
    #[case("<p>C&#97;nary &Canary;")]
    #[case("<Canary1234 Canary1234=1>")]
    #[case("<Canary Canary>")]
    #[case("<canary canary>")]
    #[case("<p canary=1 data-canary=2>")]
    #[case("<a href='?canary=1&x=2#canary'>")]
    #[case("<p alt='Ada O'canary canary'>")]
    #[case("<p Canary=1>")]
    #[case("<p alt='Ada O'Canary Canary'>")]
    #[case("<p alt=Ada Canary>")]
    #[case("<p title=\"The \"Canary Tiger\"\">")]
    #[case("<a href='#Canary-okafor'>")]
    #[case("<a href='?Canary=1'>")]
    #[case("<input name='hold[The Canary Tiger]'>")]
    #[case("<body class='branch-CANARY'>")]
    #[case("<script type=application/json>{\"x\":\"<Canary Canary> and more\"}</script>")]
    #[case("<script type=application/json>{\"Canary, Ada\":1}</script>")]
    #[case("<script type=application/json>{\"Canary\":1}</script>")]
    #[case("<script>var x = 'C\\u0061nary'; Canary()</script>")]
    #[case("<style>Canary")]
    #[case("<!-- Canary")]
    #[case("<?Canary ?>")]
    #[case("<td data-x=\"Canary")]
    #[case("<iframe>Canary</iframe>")]
    #[case("<script type=application/json>{\"a\":\"C\\u0061nary\"}</script>")]
    #[case("<script>{\"a\":\"Canary")]
    fn values_are_replaced_everywhere(#[case] page: &str) {
        let filled = redactor().redact_html(page);
        let plain = filled.to_lowercase();
        assert!(!plain.contains("canary"), "{filled}");
        assert!(
            !plain.contains("1234") && !plain.contains("9128"),
            "{filled}"
        );
    }
}
