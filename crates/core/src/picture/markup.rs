//! Splits XML, and the HTML within it, into tags and text.
//!
//! A feed needs no more: no DTD, and no entities but those of [`decode_entities`], so
//! nothing can expand. The work is linear in the text's length.

use std::borrow::Cow;

use crate::text::decode_entities;

/// One piece of a document.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// A start tag; its attributes are read with [`attribute`].
    Open {
        name: &'a str,
        attributes: &'a str,
        is_empty: bool,
    },
    /// An end tag.
    Close(&'a str),
    /// Text, with its entities decoded.
    Text(Cow<'a, str>),
}

/// The pieces of a document, in order. Comments, instructions and declarations are left out.
pub(super) struct Pieces<'a> {
    rest: &'a str,
}

/// Splits a document.
pub(super) fn split(text: &str) -> Pieces<'_> {
    Pieces { rest: text }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        while !self.rest.is_empty() {
            let rest = self.rest;
            let Some(markup) = rest.strip_prefix('<') else {
                let end = rest.find('<').unwrap_or(rest.len());
                let (text, after) = rest.split_at(end);
                self.rest = after;
                return Some(Piece::Text(decode_entities(text)));
            };
            if let Some(data) = markup.strip_prefix("![CDATA[") {
                let (data, after) = data.split_once("]]>").unwrap_or((data, ""));
                self.rest = after;
                return Some(Piece::Text(Cow::Borrowed(data)));
            }
            if let Some(comment) = markup.strip_prefix("!--") {
                self.rest = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            if markup.starts_with(['!', '?']) {
                self.rest = markup.split_once('>').map_or("", |(_, after)| after);
                continue;
            }
            let end = end_of_tag(markup);
            let (tag, after) = markup.split_at(end);
            self.rest = after.strip_prefix('>').unwrap_or(after);
            if let Some(name) = tag.strip_prefix('/') {
                return Some(Piece::Close(name.trim()));
            }
            let is_empty = tag.ends_with('/');
            let tag = tag.strip_suffix('/').unwrap_or(tag);
            let name_end = tag
                .find(|c: char| c.is_ascii_whitespace() || c == '/')
                .unwrap_or(tag.len());
            let (name, attributes) = tag.split_at(name_end);
            return Some(Piece::Open {
                name,
                attributes,
                is_empty,
            });
        }
        None
    }
}

/// The position of a tag's `>`, which may also be within quotes.
fn end_of_tag(tag: &str) -> usize {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    tag.len()
}

/// The value of an attribute, with its entities decoded.
pub(super) fn attribute<'a>(attributes: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    let mut rest = attributes.trim_start();
    while !rest.is_empty() {
        let name_end = rest
            .find(|c: char| c == '=' || c.is_ascii_whitespace())
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('=') else {
            // An attribute without a value.
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let value = value.get(1..).unwrap_or_default();
                value.split_once(quote).unwrap_or((value, ""))
            }
            _ => value.split_at(
                value
                    .find(|c: char| c.is_ascii_whitespace())
                    .unwrap_or(value.len()),
            ),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(decode_entities(value));
        }
        rest = after.trim_start();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open<'a>(name: &'a str, attributes: &'a str, is_empty: bool) -> Piece<'a> {
        Piece::Open {
            name,
            attributes,
            is_empty,
        }
    }

    #[test]
    fn document_is_split_into_tags_and_text() {
        let text = "<?xml version='1.0'?><!DOCTYPE rss><!-- <a> --><a b='>'>x &amp; &#x79;&#122;\
                    <![CDATA[<i>&amp;</i>]]></a ><c/>&unknown; & <d e=f/>";
        let pieces: Vec<_> = split(text).collect();
        assert_eq!(
            pieces,
            [
                open("a", " b='>'", false),
                Piece::Text("x & yz".into()),
                Piece::Text("<i>&amp;</i>".into()),
                Piece::Close("a"),
                open("c", "", true),
                Piece::Text("&unknown; & ".into()),
                open("d", " e=f", true),
            ]
        );
    }

    #[test]
    fn attributes_are_found_in_every_notation() {
        let attributes = " hidden a = \"1 &lt; 2\" B='x' c=y d";
        for (name, value) in [("a", "1 < 2"), ("b", "x"), ("c", "y")] {
            assert_eq!(attribute(attributes, name).as_deref(), Some(value));
        }
        for name in ["hidden", "d", "e"] {
            assert_eq!(attribute(attributes, name), None);
        }
    }

    #[test]
    fn entities_of_a_document_type_are_not_expanded() {
        let text = "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><x>&a;</x>";
        assert!(split(text).any(|piece| piece == Piece::Text("&a;".into())));
    }

    proptest! {
        #[test]
        fn any_text_is_split_without_a_panic(text in "[<>/!?&;#'\"=a \\[\\]CDATA-]{0,200}") {
            for piece in split(&text) {
                if let Piece::Open { attributes, .. } = piece {
                    let _ = attribute(attributes, "a");
                }
            }
        }
    }
}
