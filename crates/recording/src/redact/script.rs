//! Redacts scripts. Keeps only names and string literals that readers use.

use std::collections::HashMap;

use super::{Mode, Redactor};

impl Redactor {
    /// Replaces the names, numbers and string literals of a script. Keeps its punctuation.
    pub(super) fn redact_script(&mut self, script: &str) -> String {
        let mut filled = String::with_capacity(script.len());
        let mut rest = script;
        // For each kind of quote without an end: the remaining length up to which it needs no new search.
        let mut unclosed_quotes: HashMap<char, usize> = HashMap::new();
        while let Some(first) = rest.chars().next() {
            let may_end = |quote| {
                unclosed_quotes
                    .get(&quote)
                    .is_none_or(|left| rest.len() <= *left)
            };
            if matches!(first, '"' | '\'' | '`')
                && may_end(first)
                && let Some((inside, after)) = quoted(rest, first).or_else(|| {
                    let end = rest.find('\n').filter(|_| first != '`');
                    unclosed_quotes.insert(first, rest.len() - end.unwrap_or(rest.len()));
                    None
                })
            {
                let text = unescaped(inside);
                let text = self.quoted_text(&text);
                filled.push(first);
                filled.push_str(&escaped(&text, first));
                filled.push(first);
                rest = after;
            } else if first.is_alphanumeric() || matches!(first, '_' | '$') {
                let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
                let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                if self.words.is_known_script_name(name) {
                    self.kept.add_name(name);
                    filled.push_str(name);
                } else {
                    filled.push_str(&self.redact_text(name, Mode::Nothing));
                }
                rest = after;
            } else {
                filled.push(super::text::sign(first));
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
        // Escaped, so that the script doesn't end earlier.
        filled.replace("</", "<\\/")
    }

    fn quoted_text(&mut self, text: &str) -> String {
        if self.words.is_known_script_name(text) {
            self.kept.add_name(text);
            return text.to_owned();
        }
        let is_address = text.starts_with('/')
            || text.starts_with("http")
            || (text.contains('/') && !text.contains(char::is_whitespace) && !text.contains('<'));
        if is_address {
            self.redact_url(text)
        } else if text.contains('<') {
            self.redact_html(text)
        } else {
            self.redact_text(text, Mode::Value)
        }
    }
}

/// The text up to the closing quote in the same line, and the rest.
fn quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let inside = text.get(1..)?;
    let mut is_escaped = false;
    for (at, character) in inside.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' if quote != '`' => return None,
            other if other == quote => return Some((inside.get(..at)?, inside.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let digits = |count: usize| {
            let digits = after.get(1..=count)?;
            let number = u32::from_str_radix(digits, 16).ok()?;
            Some((char::from_u32(number)?, after.get(1 + count..)?))
        };
        let sign = after.chars().next();
        let (character, next) = match sign {
            Some('u') => digits(4).unwrap_or(('u', after.get(1..).unwrap_or_default())),
            Some('x') => digits(2).unwrap_or(('x', after.get(1..).unwrap_or_default())),
            Some('n' | 'r' | 't') => (' ', after.get(1..).unwrap_or_default()),
            Some(other) => (other, after.get(other.len_utf8()..).unwrap_or_default()),
            None => break,
        };
        plain.push(character);
        rest = next;
    }
    plain.push_str(rest);
    plain
}

fn escaped(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            other if other == quote => {
                escaped.push('\\');
                escaped.push(other);
            }
            other => escaped.push(other),
        }
    }
    escaped
}
