//! Fillers that replace values, with the same length and kind.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

/// Without vowels, so that a filler is never a word, such as a month or “ready”.
const LOWER: &[u8] = b"bcdfghklmnpqrstvwxz";
const UPPER: &[u8] = b"BCDFGHKLMNPQRSTVWXZ";
const OTHER_LOWER: [char; 8] = ['ñ', 'ç', 'š', 'ž', 'ł', 'đ', 'ř', 'ť'];
const OTHER_UPPER: [char; 8] = ['Ñ', 'Ç', 'Š', 'Ž', 'Ł', 'Đ', 'Ř', 'Ť'];
const WITHOUT_CASE: [char; 8] = ['ㄅ', 'ㄆ', 'ㄇ', 'ㄈ', 'ㄉ', 'ㄊ', 'ㄋ', 'ㄌ'];

/// How many candidates are tried for a word whose first ones are taken.
const MAX_TRIES: u32 = 400;
/// The most retries in a session. There are more short words than short fillers.
const MAX_RETRIES: u32 = 200_000;

/// A text of this length or shorter occurs in other texts by chance.
const MAX_SHORT_CHARS: usize = 2;

/// Gives each word its own filler, by a key that is never stored.
pub(super) struct Filler {
    key: [u8; 32],
    by_word: HashMap<String, String>,
    taken: HashSet<String>,
    retries: u32,
    /// Texts, in lower case, that no filler and no kept name may contain.
    forbidden: Vec<String>,
    /// Short texts that may not be a whole filler or name.
    forbidden_whole: Vec<String>,
}

impl Filler {
    /// A filler with a new key. `None` if the machine has no random numbers.
    pub(super) fn new(forbidden_texts: Vec<String>) -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok()?;
        let (forbidden_whole, forbidden) = forbidden_texts
            .into_iter()
            .map(|text| text.to_lowercase())
            .partition(|text| text.chars().count() <= MAX_SHORT_CHARS);
        Some(Self {
            key,
            by_word: HashMap::new(),
            taken: HashSet::new(),
            retries: 0,
            forbidden,
            forbidden_whole,
        })
    }

    /// A secret number below `end`.
    pub(super) fn secret_number(&self, end: u32) -> u32 {
        self.number_of("a number", end)
    }

    /// A secret number below `end` that depends on the text.
    pub(super) fn number_of(&self, text: &str, end: u32) -> u32 {
        let bytes = self.bytes(text, 0);
        let number = bytes
            .iter()
            .take(4)
            .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        number % end.max(1)
    }

    /// The filler of a run of letters and digits. Consistent, and different from those of other words.
    ///
    /// Letters become letters of the same case, and digits become digits.
    pub(super) fn word(&mut self, word: &str) -> String {
        if let Some(known) = self.by_word.get(word) {
            return known.clone();
        }
        let mut filler = self.candidate(word, 0);
        for round in 1..MAX_TRIES {
            if filler != word && !self.taken.contains(&filler) && !self.is_forbidden(&filler) {
                break;
            }
            // A forbidden one is never used, however many were tried.
            if self.retries > MAX_RETRIES && filler != word && !self.is_forbidden(&filler) {
                break;
            }
            self.retries = self.retries.saturating_add(1);
            filler = self.candidate(word, round);
        }
        self.taken.insert(filler.clone());
        self.by_word.insert(word.to_owned(), filler.clone());
        filler
    }

    /// Whether a text contains a forbidden text.
    pub(super) fn is_forbidden(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.forbidden
            .iter()
            .any(|forbidden| text.contains(forbidden.as_str()))
            || self.forbidden_whole.contains(&text)
    }

    fn candidate(&self, word: &str, round: u32) -> String {
        let mut random = Vec::new();
        let mut block = 0;
        let is_zero = word.chars().all(|c| c == '0');
        word.chars()
            .enumerate()
            .map(|(place, character)| {
                if random.is_empty() {
                    random = self.bytes(word, round.wrapping_mul(1_000).wrapping_add(block));
                    block += 1;
                }
                // A PIN may be all zeros, so zeros are replaced too.
                let character = if is_zero { '9' } else { character };
                random_like(character, random.pop().unwrap_or_default(), place == 0)
            })
            .collect()
    }

    fn bytes(&self, word: &str, number: u32) -> Vec<u8> {
        let mut hasher = Sha256::new();
        hasher.update(self.key);
        hasher.update(number.to_be_bytes());
        hasher.update(word.as_bytes());
        hasher.finalize().to_vec()
    }
}

/// A random character of the same kind.
fn random_like(character: char, random: u8, is_first: bool) -> char {
    let pick = |from: &[u8]| {
        let place = usize::from(random) % from.len().max(1);
        char::from(from.get(place).copied().unwrap_or(b'x'))
    };
    let pick_other = |from: [char; 8]| from.get(usize::from(random) % 8).copied().unwrap_or('ñ');
    match character {
        'a'..='z' => pick(LOWER),
        'A'..='Z' => pick(UPPER),
        // A number begins with a zero only if the original did.
        '1'..='9' if is_first => pick(b"123456789"),
        '0' if is_first => '0',
        other if other.is_numeric() => pick(b"0123456789"),
        other if other.is_lowercase() => pick_other(OTHER_LOWER),
        other if other.is_uppercase() => pick_other(OTHER_UPPER),
        _ => pick_other(WITHOUT_CASE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_has_the_length_and_kind_of_its_word() {
        let mut filler = Filler::new(Vec::new()).unwrap();
        let filled = filler.word("Straße2Łódź漢");
        assert_eq!(filled.chars().count(), "Straße2Łódź漢".chars().count());
        let kind = |c: char| (c.is_uppercase(), c.is_lowercase(), c.is_numeric());
        for (one, other) in filled.chars().zip("Straße2Łódź漢".chars()) {
            assert_eq!(kind(one), kind(other), "{filled}");
        }
        assert_ne!(filler.word("000"), "000");
        assert!(!filler.word("4711").starts_with('0'));
    }

    #[test]
    fn fillers_are_consistent_and_distinct() {
        let mut filler = Filler::new(Vec::new()).unwrap();
        let all: HashSet<String> = (10..100)
            .map(|n: u32| filler.word(&n.to_string()))
            .collect();
        assert!(all.len() > 85, "{}", all.len());
        assert_eq!(filler.word("Canary"), filler.word("Canary"));
        assert_ne!(filler.word("Canary"), "Canary");
        let mut other = Filler::new(Vec::new()).unwrap();
        assert_ne!(other.word("Canarybird"), filler.word("Canarybird"));
    }

    #[test]
    fn filler_contains_no_forbidden_text() {
        let mut filler = Filler::new(vec!["471".to_owned()]).unwrap();
        for number in 0..3_000 {
            assert!(!filler.word(&format!("9{number:09}")).contains("471"));
        }
    }
}
