//! The text ranges of a page's elements, so that they can be cut out without serialising the page
//! again.

use std::ops::Range;

#[derive(Debug, Clone)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// The element with its tags.
    pub(crate) whole: Range<usize>,
    /// The text between its tags.
    pub(crate) inner: Range<usize>,
    pub(crate) attributes: Vec<Attribute>,
    /// The index of the enclosing element.
    pub(crate) parent: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) value: String,
    /// The range of the name.
    pub(crate) name_range: Range<usize>,
    /// The attribute with its value.
    pub(crate) whole: Range<usize>,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.as_str())
    }
}

const VOID: [&str; 9] = [
    "area", "base", "br", "hr", "img", "input", "link", "meta", "wbr",
];
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

/// Returns the elements that this tag closes implicitly, and the elements that limit this.
fn ends_before(name: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match name {
        "td" | "th" => (&["td", "th"], &["tr", "table"]),
        "tr" | "tbody" | "thead" | "tfoot" => (&["td", "th", "tr"], &["table"]),
        "li" => (&["li"], &["ul", "ol"]),
        "option" => (&["option"], &["select"]),
        _ => (&[], &[]),
    }
}

/// Lists the elements of a page in document order.
pub(crate) fn elements(html: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(found) = html[at..].find('<') {
        let start = at + found;
        let rest = &html[start..];
        if rest.starts_with("<!--") {
            at = rest.find("-->").map_or(html.len(), |end| start + end + 3);
            continue;
        }
        let is_end = rest.starts_with("</");
        let named = &rest[if is_end { 2 } else { 1 }..];
        if !named.starts_with(|c: char| c.is_ascii_alphabetic()) {
            at = start + 1;
            continue;
        }
        let (name, attributes, end) = tag(html, start + if is_end { 2 } else { 1 });
        at = end;
        if is_end {
            if let Some(position) = open.iter().rposition(|index| elements[*index].name == name) {
                for index in open.drain(position..).rev().collect::<Vec<_>>() {
                    let is_own = elements[index].name == name;
                    elements[index].inner.end = start;
                    elements[index].whole.end = if is_own { end } else { start };
                }
            }
            continue;
        }
        let (ended, within) = ends_before(&name);
        while let Some(index) = open.last().copied() {
            let around = elements[index].name.as_str();
            let is_ended = ended.contains(&around);
            // Formatting that is left open within a cell ends with the cell.
            let is_in_one = open
                .iter()
                .rev()
                .map(|index| elements[*index].name.as_str())
                .find(|name| ended.contains(name) || within.contains(name))
                .is_some_and(|name| ended.contains(&name));
            if within.contains(&around) || !(is_ended || is_in_one) {
                break;
            }
            open.pop();
            elements[index].inner.end = start;
            elements[index].whole.end = start;
        }
        let mut element = Element {
            whole: start..end,
            inner: end..end,
            attributes,
            parent: open.last().copied(),
            name,
        };
        if RAW.contains(&element.name.as_str()) {
            let close = format!("</{}", element.name);
            let inner_end = html[end..].find(&close).map_or(html.len(), |at| end + at);
            element.inner.end = inner_end;
            element.whole.end = html[inner_end..]
                .find('>')
                .map_or(html.len(), |at| inner_end + at + 1);
            at = element.whole.end;
        } else if !VOID.contains(&element.name.as_str()) {
            open.push(elements.len());
        }
        elements.push(element);
    }
    for index in open {
        elements[index].inner.end = html.len();
        elements[index].whole.end = html.len();
    }
    elements
}

/// Parses the tag that starts here: its name, its attributes, and its end.
fn tag(html: &str, start: usize) -> (String, Vec<Attribute>, usize) {
    let bytes = html.as_bytes();
    let is_sign = |at: usize| matches!(bytes.get(at), None | Some(b'>' | b'/' | b'='));
    let is_space = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_whitespace);
    let mut at = start;
    while !is_sign(at) && !is_space(at) {
        at += 1;
    }
    let name = html[start..at].to_ascii_lowercase();
    let mut attributes = Vec::new();
    loop {
        while is_space(at) || bytes.get(at) == Some(&b'/') {
            at += 1;
        }
        match bytes.get(at) {
            None => return (name, attributes, html.len()),
            Some(b'>') => return (name, attributes, at + 1),
            Some(_) => {}
        }
        let begin = at;
        at += 1;
        while !is_sign(at) && !is_space(at) {
            at += 1;
        }
        let name_range = begin..at;
        let after_name = at;
        while is_space(at) {
            at += 1;
        }
        let mut value = String::new();
        if bytes.get(at) == Some(&b'=') {
            at += 1;
            while is_space(at) {
                at += 1;
            }
            let quote = bytes.get(at).filter(|sign| matches!(sign, b'"' | b'\''));
            let from = at + usize::from(quote.is_some());
            at = match quote {
                Some(quote) => {
                    let end = bytes[from..].iter().position(|byte| byte == quote);
                    let end = end.map_or(html.len(), |end| from + end);
                    value = html[from..end].to_owned();
                    (end + 1).min(html.len())
                }
                None => {
                    let mut end = from;
                    while end < html.len() && !is_space(end) && bytes[end] != b'>' {
                        end += 1;
                    }
                    value = html[from..end].to_owned();
                    end
                }
            };
        } else {
            at = after_name;
        }
        attributes.push(Attribute {
            name: html[name_range.clone()].to_ascii_lowercase(),
            value,
            whole: begin..at,
            name_range,
        });
    }
}

#[test]
fn elements_have_their_text_ranges() {
    let html =
        "<ul><li class='a b' x>one<li id=two><b>2</b></ul><!-- <p> --><script>'<i>'</script>";
    let elements = elements(html);
    let wholes: Vec<&str> = elements
        .iter()
        .map(|element| &html[element.whole.clone()])
        .collect();
    assert_eq!(
        wholes,
        [
            "<ul><li class='a b' x>one<li id=two><b>2</b></ul>",
            "<li class='a b' x>one",
            "<li id=two><b>2</b>",
            "<b>2</b>",
            "<script>'<i>'</script>",
        ]
    );
    assert_eq!(elements[1].attribute("class"), Some("a b"));
    assert_eq!(&html[elements[1].attributes[1].whole.clone()], "x");
    assert_eq!(&html[elements[2].attributes[0].whole.clone()], "id=two");
    assert_eq!(&html[elements[2].inner.clone()], "<b>2</b>");
    assert_eq!(elements[3].parent, Some(2));
}
