//! Mutates pages as sites do: random changes of bytes seldom leave a page that is read to its end.

use std::ops::Range;

use libfuzzer_sys::fuzzer_mutate;

use crate::BETWEEN_PAGES;

/// Replacements for a word, a value or a number.
const REPLACEMENTS: [&str; 28] = [
    "",
    " ",
    "0",
    "-1",
    "1",
    "50",
    "4294967296",
    "99999999999999999999999999999999",
    "1,234,567.89",
    "79228162514264337593543950335.99",
    "-0,00",
    "02/29/2026",
    "13/13/2026",
    "02-29-26",
    "2026-02-30",
    "+262142-12-31",
    "2026-11-21T23:59:60+99:99",
    "null",
    "true",
    "{}",
    "[]",
    "\u{1b}[2J",
    "\u{202e}é\u{200b}",
    "İ",
    "&#x110000;",
    "javascript:alert(1)",
    "//[::",
    "9 of 83 holds",
];

/// Mutates an input in one to four places: `libFuzzer`'s custom mutator.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random::new(seed);
    let text = data
        .get(..size)
        .and_then(|data| std::str::from_utf8(data).ok());
    let Some(text) = text.filter(|_| random.below(8) > 0) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let mut text = text.to_owned();
    for _ in 0..=random.below(4) {
        change(&mut text, &mut random);
    }
    let end = text.floor_char_boundary(max_size);
    data[..end].copy_from_slice(&text.as_bytes()[..end]);
    end
}

fn change(text: &mut String, random: &mut Random) {
    match random.below(10) {
        0 => change_pages(text, random),
        1 => {
            let end = text.floor_char_boundary(random.below(text.len() + 1));
            text.truncate(end);
        }
        2 | 3 => change_part(text, &tags(text), random),
        4 | 5 => change_part(text, &elements(text), random),
        6 => change_part(text, &brackets(text), random),
        7 => change_word(text, &runs(text, |byte| byte.is_ascii_digit()), random),
        8 => change_word(text, &between(text, b"\"'", b"\"'"), random),
        _ => change_word(text, &between(text, b">", b"<"), random),
    }
}

/// Drops a page, doubles it, or replaces another one with it.
fn change_pages(text: &mut String, random: &mut Random) {
    let mut pages: Vec<&str> = text.split(BETWEEN_PAGES).collect();
    let (one, other) = (random.below(pages.len()), random.below(pages.len()));
    match random.below(3) {
        0 => drop(pages.remove(one)),
        1 => pages.insert(one, pages[other]),
        _ => pages.swap(one, other),
    }
    *text = pages.join("\0");
}

/// Drops a part of the page, doubles it, exchanges it for another, or moves it.
fn change_part(text: &mut String, parts: &[Range<usize>], random: &mut Random) {
    let (Some(one), Some(other)) = (random.one_of(parts), random.one_of(parts)) else {
        return;
    };
    let words = text[other].to_owned();
    match random.below(4) {
        0 => text.replace_range(one, ""),
        1 => {
            let again = text[one.clone()].to_owned();
            text.insert_str(one.end, &again);
        }
        2 => text.replace_range(one, &words),
        _ => text.insert_str(one.start, &words),
    }
}

/// Replaces a word, lengthens it, or changes its spelling.
fn change_word(text: &mut String, words: &[Range<usize>], random: &mut Random) {
    let (Some(one), Some(other)) = (random.one_of(words), random.one_of(words)) else {
        return;
    };
    let strange = REPLACEMENTS[random.below(REPLACEMENTS.len())];
    match random.below(5) {
        0 | 1 => text.replace_range(one, strange),
        2 => text.insert_str(one.end, strange),
        3 => {
            let other = text[other].to_owned();
            text.replace_range(one, &other);
        }
        _ => {
            let upper = text[one.clone()].to_uppercase();
            text.replace_range(one, &upper);
        }
    }
}

/// Finds the text ranges of tags.
fn tags(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|offset| at + offset) {
        let Some(end) = text[start..].find('>').map(|offset| start + offset + 1) else {
            break;
        };
        found.push(start..end);
        at = end;
    }
    found
}

/// Finds the text ranges of closed elements, as far as that works without a parser.
fn elements(text: &str) -> Vec<Range<usize>> {
    let name = |tag: &str| -> String {
        tag.chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect()
    };
    let mut open: Vec<(String, usize)> = Vec::new();
    let mut found = Vec::new();
    for tag in tags(text) {
        let inside = &text[tag.start + 1..tag.end];
        // In JSON within a script, the slash before the name is escaped as “\/”.
        let Some(ended) = inside.strip_prefix("\\/").or(inside.strip_prefix('/')) else {
            open.push((name(inside), tag.start));
            continue;
        };
        let ended = name(ended);
        if let Some(index) = open.iter().rposition(|(open, _)| *open == ended) {
            found.push(open[index].1..tag.end);
            open.truncate(index);
        }
    }
    found
}

/// Finds the text ranges of JSON objects and arrays, with the key before and the comma after.
fn brackets(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut open = Vec::new();
    let mut found = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' | b'[' => open.push(at),
            b'}' | b']' => {
                let Some(start) = open.pop() else { continue };
                let key = text[..start]
                    .strip_suffix("\":")
                    .and_then(|before| before.rfind('"'));
                let comma = usize::from(bytes.get(at + 1) == Some(&b','));
                found.push(key.unwrap_or(start)..at + 1 + comma);
            }
            _ => {}
        }
    }
    found
}

/// Finds the text between one of these bytes and one of those, without both.
fn between(text: &str, from: &[u8], to: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(start) = start.take_if(|_| to.contains(&byte)) {
            found.push(start..at);
        }
        if from.contains(&byte) {
            start = Some(at + 1);
        }
    }
    found
}

fn runs(text: &str, is_in: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| is_in(*byte)) {
        match found.last_mut().filter(|run| run.end == at) {
            Some(run) => run.end = at + 1,
            None => found.push(at..at + 1),
        }
    }
    found
}

/// A deterministic random number generator (xorshift).
struct Random(u32);

impl Random {
    fn new(seed: u32) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9) | 1)
    }

    /// Returns a number below `end`, or 0 if `end` is 0.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % end.max(1)
    }

    fn one_of(&mut self, all: &[Range<usize>]) -> Option<Range<usize>> {
        all.get(self.below(all.len())).cloned()
    }
}
