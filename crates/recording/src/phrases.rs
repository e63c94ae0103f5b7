//! The phrases that a recording keeps, because readers use them.

use hippo_browser::Phrase;
use hippo_browser::reading::NEVER_PHRASES;

/// Phrases of any system: of captcha and maintenance pages, in URLs and in scripts.
pub(super) const COMMON_PHRASES: [Phrase; 42] = {
    use Phrase::{Address, Anywhere, Script};
    [
        Anywhere("captcha"),
        Anywhere("unusual traffic"),
        Anywhere("automated access"),
        Anywhere("automated queries"),
        Anywhere("are you a robot"),
        Anywhere("you are not a robot"),
        Anywhere("you are human"),
        Anywhere("you are a human"),
        Anywhere("just a moment..."),
        Anywhere("too many requests"),
        Anywhere("attention required! | cloudflare"),
        Anywhere("scheduled maintenance"),
        Anywhere("system maintenance"),
        Anywhere("under maintenance"),
        Anywhere("down for maintenance"),
        Anywhere("undergoing maintenance"),
        Anywhere("maintenance mode"),
        Anywhere("temporarily unavailable"),
        Anywhere("temporarily down"),
        Anywhere("service unavailable"),
        Anywhere("bad gateway"),
        Address("account"),
        Address("html"),
        Address("index"),
        Address("js"),
        Address("css"),
        Address("login"),
        Address("logout"),
        Address("php"),
        Address("user"),
        Script("var"),
        Script("let"),
        Script("const"),
        Script("function"),
        Script("return"),
        Script("true"),
        Script("false"),
        Script("null"),
        Script("window"),
        Script("document"),
        Script("url"),
        Script("id"),
    ]
};

/// Phrases that stand next to a count.
const COUNT_PHRASES: [&str; 17] = [
    "checked out",
    "hold",
    "holds",
    "item",
    "items",
    "loan",
    "loans",
    "no holds",
    "renewal",
    "renewals",
    "renewed",
    "request",
    "requests",
    "time",
    "times",
    "total items checked out",
    "no requests",
];

/// The kept phrases, in lower case and with plain apostrophes for comparison.
pub(super) struct KnownPhrases {
    text_phrases: Vec<(Vec<char>, Rule)>,
    stems: Vec<(Vec<char>, &'static [&'static str])>,
    /// The open elements that are places of stems, each with its depth.
    open_places: Vec<(usize, &'static str)>,
    address_parts: Vec<String>,
    script_names: Vec<&'static str>,
    /// The system's own phrases beside a count.
    count_phrases: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Anywhere,
    Beginning,
    Whole,
    OfPerson,
}

/// The kind of text in which phrases are searched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TextKind {
    /// Text of a page.
    Words,
    /// Text about a person.
    Person,
    /// A value that names a state or a kind. Only whole phrases count.
    Values,
}

impl KnownPhrases {
    pub(super) fn new(of_system: &[Phrase]) -> Self {
        let mut words = Self {
            text_phrases: Vec::new(),
            stems: Vec::new(),
            open_places: Vec::new(),
            address_parts: Vec::new(),
            script_names: Vec::new(),
            count_phrases: Vec::new(),
        };
        let never_phrases = NEVER_PHRASES.map(Phrase::Whole);
        for kept in COMMON_PHRASES.iter().chain(of_system).chain(&never_phrases) {
            let (text, rule) = match *kept {
                Phrase::Anywhere(text) => (text, Rule::Anywhere),
                Phrase::Count(text) => {
                    words.count_phrases.push(text);
                    (text, Rule::Anywhere)
                }
                Phrase::Beginning(text) => (text, Rule::Beginning),
                Phrase::Whole(text) => (text, Rule::Whole),
                Phrase::StemIn(text, places) => {
                    let stem = text.chars().map(lower).collect();
                    words.stems.push((stem, places));
                    continue;
                }
                Phrase::OfPerson(text) => (text, Rule::OfPerson),
                Phrase::Address(text) => {
                    words.address_parts.push(text.to_ascii_lowercase());
                    continue;
                }
                Phrase::Script(text) => {
                    words.script_names.push(text);
                    continue;
                }
            };
            words
                .text_phrases
                .push((text.chars().map(lower).collect(), rule));
        }
        // The longest first, so that they match before their parts.
        words
            .text_phrases
            .sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        words
    }

    /// The length in characters of the phrase at a word, if it is kept.
    ///
    /// `is_first`: only spaces precede the word.
    pub(super) fn kept_length_at(
        &self,
        text: &[char],
        start: usize,
        is_first: bool,
        text_kind: TextKind,
    ) -> Option<usize> {
        let stem = || match text_kind {
            TextKind::Words => self.stem_at(text, start),
            TextKind::Person | TextKind::Values => None,
        };
        let whole = self.text_phrases.iter().find_map(|(words, rule)| {
            let is_asked_for = match text_kind {
                TextKind::Words => true,
                TextKind::Person => *rule == Rule::OfPerson,
                TextKind::Values => *rule == Rule::Whole,
            };
            if !is_asked_for {
                return None;
            }
            let length = match_length(text.get(start..)?, words)?;
            let after = text.get(start + length..)?;
            let ends = !after.first().copied().is_some_and(char::is_alphanumeric)
                || !words.last().copied().is_some_and(char::is_alphanumeric);
            let is_last = || !after.iter().any(|c| c.is_alphanumeric());
            let fits = match rule {
                Rule::Anywhere | Rule::OfPerson => ends,
                Rule::Beginning => ends && is_first,
                Rule::Whole => is_first && is_last(),
            };
            fits.then_some(length)
        });
        whole.or_else(stem)
    }

    /// Whether a number beside a phrase is a count.
    pub(super) fn is_count_phrase(&self, phrase: &str) -> bool {
        let words: Vec<String> = phrase.split_whitespace().map(str::to_lowercase).collect();
        let phrase = words.join(" ");
        COUNT_PHRASES.contains(&phrase.as_str()) || self.count_phrases.contains(&phrase.as_str())
    }

    /// Enters an element with this id, class or address, which may be a place of stems. `depth` includes it.
    pub(super) fn enter(&mut self, depth: usize, name: &str) {
        let mut places = self.stems.iter().flat_map(|(_, places)| places.iter());
        if let Some(place) = places.find(|place| **place == name) {
            self.open_places.push((depth, place));
        }
    }

    /// Leaves the elements deeper than `depth`.
    pub(super) fn leave(&mut self, depth: usize) {
        self.open_places.retain(|(began, _)| *began <= depth);
    }

    fn stem_at(&self, text: &[char], start: usize) -> Option<usize> {
        let from = text.get(start..).filter(|_| !self.open_places.is_empty())?;
        let lengths = self.stems.iter().filter_map(|(stem, places)| {
            let is_here = self
                .open_places
                .iter()
                .any(|(_, place)| places.contains(place));
            is_here.then(|| match_length(from, stem)).flatten()
        });
        lengths.max()
    }

    /// Whether a part of a URL contains no personal data.
    pub(super) fn is_known_address_part(&self, part: &str) -> bool {
        let part = part.to_ascii_lowercase();
        self.address_parts.contains(&part)
    }

    /// Whether this is a known name in a script, or a string literal that readers use.
    pub(super) fn is_known_script_name(&self, part: &str) -> bool {
        self.script_names.contains(&part)
    }
}

/// The length of the match at the beginning of the text. A space matches any number of spaces.
fn match_length(text: &[char], words: &[char]) -> Option<usize> {
    let mut at = 0;
    for wanted in words {
        if *wanted == ' ' {
            let spaces = text.get(at..)?.iter().take_while(|c| c.is_whitespace());
            let spaces = spaces.count();
            if spaces == 0 {
                return None;
            }
            at += spaces;
        } else {
            (lower(*text.get(at)?) == *wanted).then_some(())?;
            at += 1;
        }
    }
    Some(at)
}

fn lower(c: char) -> char {
    match c {
        '’' => '\'',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Ready. By Monday", Some(5))]
    #[case(" READY", Some(6))]
    #[case("Not ready", None)]
    #[case("Readying", None)]
    #[case("In  Transit to us", Some(11))]
    #[case("Title", Some(5))]
    #[case("Title of mine", None)]
    #[case("Gebühren", Some(6))]
    fn phrases_are_kept_where_readers_use_them(
        #[case] text: &str,
        #[case] expected: Option<usize>,
    ) {
        let mut words = KnownPhrases::new(&[
            Phrase::Beginning("ready"),
            Phrase::Anywhere("in transit"),
            Phrase::Whole("title"),
            Phrase::StemIn("gebühr", &["sums"]),
        ]);
        words.enter(1, "sums");
        let text: Vec<char> = text.chars().collect();
        let kept = (0..text.len()).find_map(|at| {
            let is_start =
                text[at].is_alphanumeric() && (at == 0 || !text[at - 1].is_alphanumeric());
            let is_first = text[..at].iter().all(|c| c.is_whitespace());
            is_start
                .then(|| words.kept_length_at(&text, at, is_first, TextKind::Words))?
                .map(|length| at + length)
        });
        assert_eq!(kept, expected);
    }

    #[test]
    fn stem_is_kept_only_in_its_places() {
        let mut words = KnownPhrases::new(&[Phrase::StemIn("fine", &["sums"])]);
        let name: Vec<char> = "Finegold".chars().collect();
        assert_eq!(words.kept_length_at(&name, 0, true, TextKind::Words), None);
        words.enter(3, "names");
        assert_eq!(words.kept_length_at(&name, 0, true, TextKind::Words), None);
        words.enter(3, "sums");
        assert_eq!(
            words.kept_length_at(&name, 0, true, TextKind::Words),
            Some(4)
        );
        assert_eq!(words.kept_length_at(&name, 0, true, TextKind::Person), None);
        words.leave(3);
        assert_eq!(
            words.kept_length_at(&name, 0, true, TextKind::Words),
            Some(4)
        );
        words.leave(2);
        assert_eq!(words.kept_length_at(&name, 0, true, TextKind::Words), None);
    }

    #[test]
    fn common_phrases_are_known_to_the_browser() {
        for kept in COMMON_PHRASES {
            if let Phrase::Anywhere(words) = kept {
                assert!(hippo_browser::classify_words(words).is_some(), "{words}");
            }
        }
    }
}
