//! Fillers: what stands in place of a value, of the same length and kind.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

/// No vowels: so a filler is never a word, such as the name of a month or “ready”.
const LOWER: &[u8] = b"bcdfghklmnpqrstvwxz";
const UPPER: &[u8] = b"BCDFGHKLMNPQRSTVWXZ";
const OTHER_LOWER: [char; 8] = ['ñ', 'ç', 'š', 'ž', 'ł', 'đ', 'ř', 'ť'];
const OTHER_UPPER: [char; 8] = ['Ñ', 'Ç', 'Š', 'Ž', 'Ł', 'Đ', 'Ř', 'Ť'];
const WITHOUT_CASE: [char; 8] = ['ㄅ', 'ㄆ', 'ㄇ', 'ㄈ', 'ㄉ', 'ㄊ', 'ㄋ', 'ㄌ'];

/// How often another filler is looked for, for a word whose first ones are taken.
const MAX_TRIES: u32 = 400;
/// How often that is done in a whole session: of short words there are more than fillers.
const MAX_RETRIES: u32 = 200_000;

/// What is so short stands in any text by chance.
const SHORTEST: usize = 2;

/// Gives each word one filler of its own, by a key that nobody keeps.
pub(super) struct Filler {
    key: [u8; 32],
    by_word: HashMap<String, String>,
    taken: HashSet<String>,
    retries: u32,
    /// In lower case: what no filler and no kept name may hold.
    never: Vec<String>,
    /// As short ones may stand in any text by chance, they may be no whole one.
    never_whole: Vec<String>,
}

impl Filler {
    /// A filler with a new key; none where the machine has no random numbers.
    pub(super) fn new(barred: Vec<String>) -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok()?;
        let (never_whole, never) = barred
            .into_iter()
            .map(|text| text.to_lowercase())
            .partition(|text| text.chars().count() <= SHORTEST);
        Some(Self {
            key,
            by_word: HashMap::new(),
            taken: HashSet::new(),
            retries: 0,
            never,
            never_whole,
        })
    }

    /// A number below `end` that nobody can tell from the recording.
    pub(super) fn secret_number(&self, end: u32) -> u32 {
        self.number_of("a number", end)
    }

    /// A number below `end` that belongs to this text, and that nobody can tell from the recording.
    pub(super) fn number_of(&self, text: &str, end: u32) -> u32 {
        let bytes = self.bytes(text, 0);
        let number = bytes
            .iter()
            .take(4)
            .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        number % end.max(1)
    }

    /// The filler of a run of letters and digits: the same each time, and no other word's.
    ///
    /// Letters become letters of the same case, digits digits.
    pub(super) fn word(&mut self, word: &str) -> String {
        if let Some(known) = self.by_word.get(word) {
            return known.clone();
        }
        let mut filler = self.candidate(word, 0);
        for round in 1..MAX_TRIES {
            if filler != word && !self.taken.contains(&filler) && !self.is_barred(&filler) {
                break;
            }
            // One that is barred is never taken, however many there were.
            if self.retries > MAX_RETRIES && filler != word && !self.is_barred(&filler) {
                break;
            }
            self.retries = self.retries.saturating_add(1);
            filler = self.candidate(word, round);
        }
        self.taken.insert(filler.clone());
        self.by_word.insert(word.to_owned(), filler.clone());
        filler
    }

    /// Whether a text holds what no text may.
    pub(super) fn is_barred(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.never.iter().any(|never| text.contains(never.as_str()))
            || self.never_whole.contains(&text)
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
                // A PIN may be all zeros, and they say as much as other digits.
                let character = if is_zero { '9' } else { character };
                like(character, random.pop().unwrap_or_default(), place == 0)
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

/// A character of the same kind.
fn like(character: char, random: u8, is_first: bool) -> char {
    let pick = |from: &[u8]| {
        let place = usize::from(random) % from.len().max(1);
        char::from(from.get(place).copied().unwrap_or(b'x'))
    };
    let pick_other = |from: [char; 8]| from.get(usize::from(random) % 8).copied().unwrap_or('ñ');
    match character {
        'a'..='z' => pick(LOWER),
        'A'..='Z' => pick(UPPER),
        // A number keeps its length: it begins with no zero unless it did.
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
    fn a_filler_has_the_length_and_kind_of_its_word() {
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
    fn the_same_word_has_the_same_filler_and_another_word_another() {
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
    fn no_filler_holds_what_is_barred() {
        let mut filler = Filler::new(vec!["471".to_owned()]).unwrap();
        for number in 0..3_000 {
            assert!(!filler.word(&format!("9{number:09}")).contains("471"));
        }
    }
}
