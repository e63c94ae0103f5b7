//! The phrases that a recording keeps: those by which the readers decide.

use hippo_browser::Phrase;
use hippo_browser::reading::ENDLESS;

/// What all systems' pages may say: why a page stands in for another, and how forms and scripts are made.
pub(super) const COMMON: [Phrase; 42] = {
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

/// Words in lower case and without signs of typography, for comparing.
pub(super) struct KnownPhrases {
    of_texts: Vec<(Vec<char>, Rule)>,
    stems: Vec<(Vec<char>, &'static [&'static str])>,
    /// The places of stems that are open, with how many elements were when each began.
    here: Vec<(usize, &'static str)>,
    of_addresses: Vec<String>,
    of_scripts: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Anywhere,
    Beginning,
    Whole,
    OfPerson,
}

/// In what a text is looked for words that may stay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    /// The words of a page.
    Words,
    /// What it says of a person.
    Person,
    /// A value that names a state or a kind: only as a whole.
    Values,
}

impl KnownPhrases {
    pub(super) fn new(of_system: &[Phrase]) -> Self {
        let mut words = Self {
            of_texts: Vec::new(),
            stems: Vec::new(),
            here: Vec::new(),
            of_addresses: Vec::new(),
            of_scripts: Vec::new(),
        };
        let endless = ENDLESS.map(Phrase::Whole);
        for kept in COMMON.iter().chain(of_system).chain(&endless) {
            let (text, rule) = match *kept {
                Phrase::Anywhere(text) => (text, Rule::Anywhere),
                Phrase::Beginning(text) => (text, Rule::Beginning),
                Phrase::Whole(text) => (text, Rule::Whole),
                Phrase::StemIn(text, places) => {
                    let stem = text.chars().map(lower).collect();
                    words.stems.push((stem, places));
                    continue;
                }
                Phrase::OfPerson(text) => (text, Rule::OfPerson),
                Phrase::Address(text) => {
                    words.of_addresses.push(text.to_ascii_lowercase());
                    continue;
                }
                Phrase::Script(text) => {
                    words.of_scripts.push(text);
                    continue;
                }
            };
            words
                .of_texts
                .push((text.chars().map(lower).collect(), rule));
        }
        // The longest first.
        words
            .of_texts
            .sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        words
    }

    /// How many characters of the text, from this word's first on, are kept.
    /// `is_first`: nothing but spaces stands before it.
    pub(super) fn at(
        &self,
        text: &[char],
        start: usize,
        is_first: bool,
        among: Among,
    ) -> Option<usize> {
        let stem = || match among {
            Among::Words => self.stem_at(text, start),
            Among::Person | Among::Values => None,
        };
        let whole = self.of_texts.iter().find_map(|(words, rule)| {
            let is_asked_for = match among {
                Among::Words => true,
                Among::Person => *rule == Rule::OfPerson,
                Among::Values => *rule == Rule::Whole,
            };
            if !is_asked_for {
                return None;
            }
            let length = matched(text.get(start..)?, words)?;
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

    /// An element began within so many others, itself among them, with this id, class or address: it may be
    /// a place of stems.
    pub(super) fn enter(&mut self, depth: usize, name: &str) {
        let mut places = self.stems.iter().flat_map(|(_, places)| places.iter());
        if let Some(place) = places.find(|place| **place == name) {
            self.here.push((depth, place));
        }
    }

    /// So many elements are open now; the others have ended.
    pub(super) fn leave(&mut self, depth: usize) {
        self.here.retain(|(began, _)| *began <= depth);
    }

    fn stem_at(&self, text: &[char], start: usize) -> Option<usize> {
        let from = text.get(start..).filter(|_| !self.here.is_empty())?;
        let lengths = self.stems.iter().filter_map(|(stem, places)| {
            let is_here = self.here.iter().any(|(_, place)| places.contains(place));
            is_here.then(|| matched(from, stem)).flatten()
        });
        lengths.max()
    }

    /// Whether this is a part of an address that is the same for all.
    pub(super) fn is_of_addresses(&self, part: &str) -> bool {
        let part = part.to_ascii_lowercase();
        self.of_addresses.contains(&part)
    }

    /// Whether this is a name of a script's, or a text of a script that readers look at.
    pub(super) fn is_of_scripts(&self, part: &str) -> bool {
        self.of_scripts.contains(&part)
    }
}

/// How much of the text these words are; spaces in them are any spaces.
fn matched(text: &[char], words: &[char]) -> Option<usize> {
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
    fn words_are_kept_where_they_decide(#[case] text: &str, #[case] expected: Option<usize>) {
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
                .then(|| words.at(&text, at, is_first, Among::Words))?
                .map(|length| at + length)
        });
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_stem_is_kept_only_where_a_reader_looks_for_it() {
        let mut words = KnownPhrases::new(&[Phrase::StemIn("fine", &["sums"])]);
        let name: Vec<char> = "Finegold".chars().collect();
        assert_eq!(words.at(&name, 0, true, Among::Words), None);
        words.enter(3, "names");
        assert_eq!(words.at(&name, 0, true, Among::Words), None);
        words.enter(3, "sums");
        assert_eq!(words.at(&name, 0, true, Among::Words), Some(4));
        assert_eq!(words.at(&name, 0, true, Among::Person), None);
        words.leave(3);
        assert_eq!(words.at(&name, 0, true, Among::Words), Some(4));
        words.leave(2);
        assert_eq!(words.at(&name, 0, true, Among::Words), None);
    }

    #[test]
    fn the_words_for_what_stands_in_for_a_page_are_those_that_the_browser_knows() {
        for kept in COMMON {
            if let Phrase::Anywhere(words) = kept {
                assert!(hippo_browser::classify_words(words).is_some(), "{words}");
            }
        }
    }
}
