//! Changes to pages as sites make them, for plain changes of bytes seldom leave a page that is read to its end.

use std::ops::Range;

use libfuzzer_sys::fuzzer_mutate;

use crate::BETWEEN_PAGES;

/// What may stand in the place of a word, a value or a number.
const STRANGE: [&str; 28] = [
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

/// Changes an input in one to four places: `libFuzzer`'s custom mutator.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice::new(seed);
    let text = data
        .get(..size)
        .and_then(|data| std::str::from_utf8(data).ok());
    let Some(text) = text.filter(|_| dice.below(8) > 0) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let mut text = text.to_owned();
    for _ in 0..=dice.below(4) {
        change(&mut text, &mut dice);
    }
    let end = text.floor_char_boundary(max_size);
    data[..end].copy_from_slice(&text.as_bytes()[..end]);
    end
}

fn change(text: &mut String, dice: &mut Dice) {
    match dice.below(10) {
        0 => change_pages(text, dice),
        1 => {
            let end = text.floor_char_boundary(dice.below(text.len() + 1));
            text.truncate(end);
        }
        2 | 3 => change_part(text, &tags(text), dice),
        4 | 5 => change_part(text, &elements(text), dice),
        6 => change_part(text, &brackets(text), dice),
        7 => change_word(text, &runs(text, |byte| byte.is_ascii_digit()), dice),
        8 => change_word(text, &between(text, b"\"'", b"\"'"), dice),
        _ => change_word(text, &between(text, b">", b"<"), dice),
    }
}

/// A page dropped, doubled, or put in the place of another.
fn change_pages(text: &mut String, dice: &mut Dice) {
    let mut pages: Vec<&str> = text.split(BETWEEN_PAGES).collect();
    let (one, other) = (dice.below(pages.len()), dice.below(pages.len()));
    match dice.below(3) {
        0 => drop(pages.remove(one)),
        1 => pages.insert(one, pages[other]),
        _ => pages.swap(one, other),
    }
    *text = pages.join("\0");
}

/// A part of the page dropped, doubled, exchanged for another, or moved there.
fn change_part(text: &mut String, parts: &[Range<usize>], dice: &mut Dice) {
    let (Some(one), Some(other)) = (dice.one_of(parts), dice.one_of(parts)) else {
        return;
    };
    let words = text[other].to_owned();
    match dice.below(4) {
        0 => text.replace_range(one, ""),
        1 => {
            let again = text[one.clone()].to_owned();
            text.insert_str(one.end, &again);
        }
        2 => text.replace_range(one, &words),
        _ => text.insert_str(one.start, &words),
    }
}

/// A word exchanged for a strange one or for another of the page, lengthened, or spelled in another way.
fn change_word(text: &mut String, words: &[Range<usize>], dice: &mut Dice) {
    let (Some(one), Some(other)) = (dice.one_of(words), dice.one_of(words)) else {
        return;
    };
    let strange = STRANGE[dice.below(STRANGE.len())];
    match dice.below(5) {
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

/// Where tags stand, begins and ends.
fn tags(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('<').map(|place| at + place) {
        let Some(end) = text[start..].find('>').map(|place| start + place + 1) else {
            break;
        };
        found.push(start..end);
        at = end;
    }
    found
}

/// Where elements stand that are closed, as far as that can be told without a parser.
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
        // In JSON within a script, the sign before the name is “\/”.
        let Some(ended) = inside.strip_prefix("\\/").or(inside.strip_prefix('/')) else {
            open.push((name(inside), tag.start));
            continue;
        };
        let ended = name(ended);
        if let Some(place) = open.iter().rposition(|(open, _)| *open == ended) {
            found.push(open[place].1..tag.end);
            open.truncate(place);
        }
    }
    found
}

/// Where objects and lists of JSON stand, each with the comma after it, and its key before it.
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

/// What stands between one of these signs and one of those, neither of them included.
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

/// Chance that can be had again: xorshift.
struct Dice(u32);

impl Dice {
    fn new(seed: u32) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9) | 1)
    }

    /// A number from 0, less than `end`; 0 where there is none.
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
