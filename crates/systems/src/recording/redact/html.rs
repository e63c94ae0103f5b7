//! Pages: tags and their names stay, and a page that breaks off breaks off there still.
//!
//! A page is taken apart into tags and texts only, no tree is built: so what a site sent that is no sound page
//! stays as unsound as it was.

use scraper::Html;

use super::{Mode, Redactor};

/// Elements whose content is no markup.
const RAW: [&str; 8] = [
    "iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp",
];

const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Classes of what names a work.
const OF_WORK: [&str; 14] = [
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

/// Classes of what names a person, or speaks of one.
const OF_PERSON: [&str; 5] = [
    "patNameAddress",
    "patronName",
    "loggedinusername",
    "welcome",
    "userlabel",
];

/// Classes of the library's words to a person.
const MESSAGES: [&str; 2] = ["patMessage", "accountMessage"];

/// Attributes whose value is a name or several.
const NAMES: [&str; 18] = [
    "id",
    "class",
    "name",
    "for",
    "zoneid",
    "headers",
    "aria-controls",
    "aria-labelledby",
    "aria-describedby",
    "data-iso-key",
    "data-js",
    "data-test-id",
    "data-type",
    "data-toggle",
    "data-target",
    "data-dismiss",
    "itemprop",
    "form",
];

/// Attributes that have one of a few values in any page, or a small number.
const HARMLESS: [&str; 27] = [
    "type",
    "method",
    "enctype",
    "rel",
    "charset",
    "http-equiv",
    "lang",
    "dir",
    "colspan",
    "rowspan",
    "maxlength",
    "size",
    "width",
    "height",
    "align",
    "valign",
    "border",
    "checked",
    "selected",
    "disabled",
    "hidden",
    "readonly",
    "required",
    "target",
    "role",
    "scope",
    "tabindex",
];

/// Words that attributes have in any page.
const WORDS_OF_ATTRIBUTES: [&str; 78] = [
    "text",
    "password",
    "hidden",
    "checkbox",
    "radio",
    "submit",
    "button",
    "reset",
    "image",
    "file",
    "email",
    "tel",
    "number",
    "search",
    "date",
    "url",
    "post",
    "get",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "application/json",
    "application/ld+json",
    "text/javascript",
    "application/javascript",
    "module",
    "text/css",
    "text/html",
    "text/template",
    "utf-8",
    "iso-8859-1",
    "windows-1252",
    "stylesheet",
    "icon",
    "shortcut icon",
    "canonical",
    "nofollow",
    "noopener",
    "noreferrer",
    "content-type",
    "refresh",
    "x-ua-compatible",
    "col",
    "row",
    "colgroup",
    "rowgroup",
    "checked",
    "selected",
    "disabled",
    "readonly",
    "required",
    "true",
    "false",
    "left",
    "right",
    "center",
    "top",
    "middle",
    "bottom",
    "baseline",
    "justify",
    "ltr",
    "rtl",
    "_self",
    "_blank",
    "_parent",
    "_top",
    "main",
    "navigation",
    "alert",
    "dialog",
    "tab",
    "tabpanel",
    "tablist",
    "menu",
    "menuitem",
    "presentation",
    "status",
    "form",
];

/// Attributes whose value is an address.
const ADDRESSES: [&str; 10] = [
    "href",
    "src",
    "action",
    "formaction",
    "data-action",
    "data-href",
    "data-url",
    "data-src",
    "cite",
    "xlink:href",
];

/// An element that is open.
struct Open {
    name: String,
    mode: Mode,
}

/// A tag: its name, its attributes, and whether it ends.
struct Tag<'a> {
    name: &'a str,
    is_end: bool,
    attributes: Vec<(&'a str, Option<&'a str>)>,
    is_whole: bool,
}

impl Redactor {
    /// Replaces the texts and values of a page or a piece of one.
    pub(super) fn html(&mut self, page: &str) -> String {
        let mut filled = String::with_capacity(page.len());
        let mut open: Vec<Open> = Vec::new();
        let mut rest = page;
        while !rest.is_empty() {
            let end = next_markup(rest);
            let (text, markup) = rest.split_at(end);
            if !text.is_empty() {
                let mode = open.last().map_or(Mode::Words, |open| open.mode);
                filled.push_str(&self.text_of_page(text, mode));
            }
            if markup.is_empty() {
                break;
            }
            if let Some(after) = comment(markup, &mut filled) {
                rest = after;
                continue;
            }
            let (tag, after) = tag(markup);
            rest = after;
            self.tag(&tag, &mut open, &mut filled);
            if tag.is_end || !tag.is_whole {
                continue;
            }
            let name = tag.name.to_ascii_lowercase();
            if RAW.contains(&name.as_str()) {
                let end = raw_end(rest, &name);
                let (content, after) = rest.split_at(end);
                let mode = open.last().map_or(Mode::Words, |open| open.mode);
                let content = self.raw(&name, &tag, content, mode);
                filled.push_str(&content);
                rest = after;
            }
        }
        filled
    }

    fn text_of_page(&mut self, text: &str, mode: Mode) -> String {
        let plain = decoded(text);
        escaped(&self.text(&plain, mode))
    }

    /// The content of a script, a style, a title.
    fn raw(&mut self, name: &str, tag: &Tag<'_>, content: &str, mode: Mode) -> String {
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
                    Some(value) => self.json_text(value).replace("</", "<\\/"),
                    None => self.script(content),
                }
            }
            "title" | "textarea" => self.text_of_page(content, mode),
            _ => String::new(),
        }
    }

    fn tag(&mut self, tag: &Tag<'_>, open: &mut Vec<Open>, filled: &mut String) {
        let lower = tag.name.to_ascii_lowercase();
        if tag.is_end {
            if let Some(place) = open.iter().rposition(|open| open.name == lower) {
                open.truncate(place);
            }
        } else {
            close_before(&lower, open);
        }
        self.words.leave(open.len());
        filled.push_str(if tag.is_end { "</" } else { "<" });
        filled.push_str(&self.name_of_pieces(tag.name));
        let around = open.last().map_or(Mode::Words, |open| open.mode);
        let mode = mode_of(tag, &lower, around);
        for (name, value) in &tag.attributes {
            let kept = self
                .name_of_pieces(name)
                .replace(['"', '\'', '<', '>', '=', '/', ' '], "_");
            filled.push(' ');
            filled.push_str(&kept);
            if let Some(value) = value {
                let value =
                    self.attribute(tag, &name.to_ascii_lowercase(), &decoded_value(value), mode);
                filled.push_str("=\"");
                filled.push_str(&escaped(&value).replace('"', "&quot;"));
                filled.push('"');
            }
        }
        if tag.is_whole {
            filled.push('>');
        }
        if !tag.is_end && !VOID.contains(&lower.as_str()) && !RAW.contains(&lower.as_str()) {
            open.push(Open { name: lower, mode });
            for name in ["id", "class", "href"] {
                let names = tag.attribute(name).unwrap_or_default();
                for name in names.split_ascii_whitespace() {
                    self.words.enter(open.len(), name);
                }
            }
        }
    }

    fn attribute(&mut self, tag: &Tag<'_>, name: &str, value: &str, mode: Mode) -> String {
        if value.is_empty() {
            return String::new();
        }
        if NAMES.contains(&name) {
            return self.name(value);
        }
        if HARMLESS.contains(&name) {
            return if is_harmless(value) {
                value.to_owned()
            } else {
                self.text(value, Mode::Nothing)
            };
        }
        if ADDRESSES.contains(&name) {
            return self.url(value);
        }
        match name {
            "style" => style(value),
            "value" => {
                let is_button = tag.attribute("type").is_some_and(|kind| {
                    matches!(kind.to_ascii_lowercase().as_str(), "submit" | "button")
                });
                self.text(
                    value,
                    if is_button {
                        Mode::Nothing
                    } else {
                        Mode::State
                    },
                )
            }
            "content"
                if tag.attribute("http-equiv").is_some()
                    && value.to_ascii_lowercase().contains("charset") =>
            {
                "text/html".to_owned()
            }
            _ if name.starts_with("on") => self.script(value),
            "alt" | "title" | "placeholder" | "aria-label" if mode == Mode::Nothing => {
                self.text(value, Mode::Nothing)
            }
            _ => self.text(value, Mode::Value),
        }
    }
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| *value)
    }
}

/// What the texts within an element may keep.
fn mode_of(tag: &Tag<'_>, name: &str, around: Mode) -> Mode {
    let classes: Vec<&str> = tag
        .attribute("class")
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    let is_any = |known: &[&str]| classes.iter().any(|class| known.contains(class));
    // The head of a list has the class of its titles, and its count.
    let is_head = matches!(name, "th" | "tr" | "table" | "thead");
    if around == Mode::Nothing || (!is_head && is_any(&OF_WORK)) {
        Mode::Nothing
    } else if is_any(&OF_PERSON) {
        Mode::Person
    } else if around == Mode::Person && (name == "a" || is_any(&MESSAGES)) {
        Mode::Words
    } else {
        around
    }
}

/// Closes what a new element of this name ends by itself.
fn close_before(name: &str, open: &mut Vec<Open>) {
    let (ended, within): (&[&str], &[&str]) = match name {
        "td" | "th" => (&["td", "th"], &["table", "tr"]),
        "tr" => (&["tr"], &["table"]),
        "tbody" | "thead" | "tfoot" => (&["tbody", "thead", "tfoot"], &["table"]),
        "li" => (&["li"], &["ul", "ol"]),
        "option" => (&["option"], &["select"]),
        _ => return,
    };
    for place in (0..open.len()).rev() {
        let own = open.get(place).map_or("", |open| open.name.as_str());
        if ended.contains(&own) {
            open.truncate(place);
            return;
        }
        if within.contains(&own) {
            return;
        }
    }
}

/// Where the next tag or comment begins.
fn next_markup(text: &str) -> usize {
    text.match_indices('<')
        .map(|(at, _)| at)
        .find(|at| {
            text.get(at + 1..).is_some_and(|after| {
                after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
            })
        })
        .unwrap_or(text.len())
}

/// A comment, a doctype or what is taken for one: what follows it.
fn comment<'a>(markup: &'a str, filled: &mut String) -> Option<&'a str> {
    if let Some(inside) = markup.strip_prefix("<!--") {
        let after = inside.split_once("-->").map(|(_, after)| after);
        filled.push_str(if after.is_some() { "<!-- -->" } else { "<!-- " });
        return Some(after.unwrap_or_default());
    }
    let is_bogus = markup.starts_with("<!") || markup.starts_with("<?") || {
        let name = markup.strip_prefix("</").unwrap_or("a");
        !name.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    if !is_bogus {
        return None;
    }
    let is_doctype = markup
        .get(..9)
        .is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"));
    if is_doctype {
        filled.push_str("<!DOCTYPE html>");
    }
    Some(markup.split_once('>').map_or("", |(_, after)| after))
}

/// The tag that the markup begins with, and what follows it.
fn tag(markup: &str) -> (Tag<'_>, &str) {
    let (is_end, inside) = match markup.strip_prefix("</") {
        Some(inside) => (true, inside),
        None => (false, markup.get(1..).unwrap_or_default()),
    };
    let end = inside
        .find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))
        .unwrap_or(inside.len());
    let (name, mut rest) = inside.split_at(end);
    let mut tag = Tag {
        name,
        is_end,
        attributes: Vec::new(),
        is_whole: false,
    };
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            tag.is_whole = true;
            return (tag, after);
        }
        if rest.is_empty() {
            return (tag, rest);
        }
        // An equals sign may begin a name.
        let length = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest
            .get(length..)
            .and_then(|more| {
                more.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
            })
            .map_or(rest.len(), |end| end + length);
        let (name, after) = rest.split_at(end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            tag.attributes.push((name, None));
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => {
                let inside = value.get(1..).unwrap_or_default();
                inside.split_once(quote).unwrap_or((inside, ""))
            }
            None => {
                let end = value
                    .find(|c: char| c.is_ascii_whitespace() || c == '>')
                    .unwrap_or(value.len());
                value.split_at(end)
            }
        };
        tag.attributes.push((name, Some(value)));
        rest = after;
    }
}

/// Where the content of a raw element ends.
fn raw_end(text: &str, name: &str) -> usize {
    text.match_indices("</")
        .map(|(at, _)| at)
        .find(|at| {
            text.get(at + 2..at + 2 + name.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(name))
        })
        .unwrap_or(text.len())
}

/// Whether a value is one that stands in any page: a known word, a language, a small number.
fn is_harmless(value: &str) -> bool {
    let lower = value.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches("px").trim_end_matches('%');
    let is_number = number.len() <= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_language = matches!(lower.as_bytes(), [a, b] | [a, b, b'-' | b'_', _, _] if a.is_ascii_lowercase() && b.is_ascii_lowercase())
        && lower
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'));
    is_number || is_language || WORDS_OF_ATTRIBUTES.contains(&lower.as_str())
}

/// What hides an element, and no more.
fn style(value: &str) -> String {
    value
        .split(';')
        .map(|rule| {
            rule.split_whitespace()
                .collect::<String>()
                .to_ascii_lowercase()
        })
        .filter(|rule| {
            matches!(
                rule.as_str(),
                "display:none" | "display:block" | "visibility:hidden"
            )
        })
        .map(|rule| rule.replace(':', ": "))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Text with its entities decoded, as a browser does it.
fn decoded(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    // No tag can begin in it: a lone “<” is text, and is written so that it stays text.
    let source = text.replace('<', "&lt;");
    Html::parse_fragment(&format!("<textarea>\n{source}</textarea>"))
        .root_element()
        .text()
        .collect()
}

/// The value of an attribute with its entities decoded, as a browser does it.
fn decoded_value(value: &str) -> String {
    if !value.contains('&') {
        return value.to_owned();
    }
    let source = value.replace('"', "&quot;");
    Html::parse_fragment(&format!("<p title=\"{source}\">"))
        .tree
        .nodes()
        .find_map(|node| Some(node.value().as_element()?.attr("title")?.to_owned()))
        .unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::recording::dates::Dates;
    use crate::recording::filler::Filler;
    use crate::recording::words::{KeptWords, Words};

    use super::*;

    fn redactor() -> Redactor {
        let words = [
            KeptWords::Beginning("ready"),
            KeptWords::Address("opac-detail"),
            KeptWords::OfPerson("exp date"),
        ];
        Redactor::new(
            Filler::new(Vec::new()).unwrap(),
            Words::new(&words),
            Dates::new(Some("%m-%d-%y"), 1),
        )
    }

    #[rstest]
    #[case(
        "<td class=x>6 <b>Ready</b>.</td>",
        "<td class=\"x\">6 <b>Ready</b>.</td>"
    )]
    #[case("<!DOCTYPE HTML><!-- canary --><p>", "<!DOCTYPE html><!-- --><p>")]
    #[case("<p style='color:red;DISPLAY : none'>", "<p style=\"display: none\">")]
    #[case("<input disabled type=checkbox", "<input disabled type=\"checkbox\"")]
    #[case("DUE 11-21-26", "{} 11-22-26")]
    #[case("a < 5 &amp; 6", "{} &lt; 5 &amp; 6")]
    #[case("<style>.canary{}</style>", "<style></style>")]
    #[case(
        "<div class='patNameAddress'>EXP DATE:11-21-26 <a>6</a> 14</div>",
        "<div class=\"patNameAddress\">EXP DATE:11-22-26 <a>6</a> {}</div>"
    )]
    fn structure_counts_and_known_words_stay(#[case] page: &str, #[case] expected: &str) {
        let filled = redactor().html(page);
        match expected.split_once("{}") {
            None => assert_eq!(filled, expected),
            Some((before, after)) => {
                assert!(
                    filled.starts_with(before) && filled.ends_with(after),
                    "{filled}"
                );
                assert_eq!(
                    filled.len() - before.len() - after.len(),
                    page.len()
                        - page
                            .replace("DUE", "")
                            .replacen("a <", " <", 1)
                            .replace(" 14", " ")
                            .len(),
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
    #[case("<script>var x = 'C\\u0061nary'; Canary()</script>")]
    #[case("<style>Canary")]
    #[case("<!-- Canary")]
    #[case("<?Canary ?>")]
    #[case("<td data-x=\"Canary")]
    #[case("<iframe>Canary</iframe>")]
    #[case("<script type=application/json>{\"a\":\"C\\u0061nary\"}</script>")]
    #[case("<script>{\"a\":\"Canary")]
    fn values_go_wherever_they_stand(#[case] page: &str) {
        let filled = redactor().html(page);
        let plain = filled.to_lowercase();
        // A name of letters alone may stay; these are none.
        assert!(
            !plain.contains("canary") || page.contains("Canary1234"),
            "{filled}"
        );
        assert!(
            !plain.contains("1234") && !plain.contains("9128"),
            "{filled}"
        );
    }
}
