//! Splits a page into tags, comments and text as a browser does, without a tree.

use scraper::Html;

/// A start or end tag.
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) is_end: bool,
    pub(super) attributes: Vec<(&'a str, Option<&'a str>)>,
    pub(super) is_whole: bool,
}

impl<'a> Tag<'a> {
    fn add_attribute(&mut self, name: &'a str, value: Option<&'a str>) {
        if self.attributes.len() < MAX_ATTRIBUTES {
            self.attributes.push((name, value));
        }
    }

    /// The undecoded value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| *value)
    }
}

/// The most attributes that are kept of a tag, because some rules search all of them.
const MAX_ATTRIBUTES: usize = 256;

/// Finds the position of the next tag or comment.
pub(super) fn find_markup(text: &str) -> usize {
    text.match_indices('<')
        .map(|(at, _)| at)
        .find(|at| {
            text.get(at + 1..).is_some_and(|after| {
                after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
            })
        })
        .unwrap_or(text.len())
}

/// Skips a comment, a doctype or a bogus comment, and writes an empty one. Returns the rest.
pub(super) fn skip_comment<'a>(markup: &'a str, filled: &mut String) -> Option<&'a str> {
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

/// Parses the tag at the beginning of the markup. Returns it and the rest.
pub(super) fn parse_tag(markup: &str) -> (Tag<'_>, &str) {
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
        // A name may begin with an equals sign.
        let length = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest
            .get(length..)
            .and_then(|more| {
                more.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
            })
            .map_or(rest.len(), |end| end + length);
        let (name, after) = rest.split_at(end);
        let Some(value) = after.trim_start().strip_prefix('=') else {
            tag.add_attribute(name, None);
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
        tag.add_attribute(name, Some(value));
        rest = after;
    }
}

/// Finds the position where the content of a raw element ends.
pub(super) fn find_raw_end(text: &str, name: &str) -> usize {
    text.match_indices("</")
        .map(|(at, _)| at)
        .find(|at| {
            text.get(at + 2..at + 2 + name.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(name))
        })
        .unwrap_or(text.len())
}

/// Decodes the entities of a text as a browser does.
pub(super) fn decode_text(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    // A lone “<” is text. Escaping it keeps it from starting a tag.
    let source = text.replace('<', "&lt;");
    Html::parse_fragment(&format!("<textarea>\n{source}</textarea>"))
        .root_element()
        .text()
        .collect()
}

/// Decodes the entities of an attribute's value as a browser does.
pub(super) fn decode_value(value: &str) -> String {
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

/// Escapes text for a page.
pub(super) fn escape_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
