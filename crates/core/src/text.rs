//! Cleans and shortens text from outside.

mod entities;
mod invisible;

pub use self::entities::decode_entities;
use self::invisible::{CharClass, belongs_to_previous, can_select, is_combining, is_joining};

/// The most characters of a stored title, author or note.
pub const MAX_STORED_CHARS: usize = 1_000;

/// The most combining marks of a character; no language needs more.
const MAX_COMBINING_MARKS: usize = 8;

/// Marks where a text was cut.
const CUT_MARK: char = '…';

/// Drops control and invisible characters and folds white space.
///
/// Terminal escapes and characters that reorder, hide or stack text are dropped too. Right-to-left
/// letters are kept, and so are the joiners, selectors and tags that emoji and scripts need.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut needs_space = false;
    let mut marks = 0;
    let mut rest = text.chars();
    // The last kept character of the current word.
    let mut previous: Option<char> = None;
    loop {
        // Most of a text needs no closer look.
        let left = rest.as_str();
        let plain = left.bytes().take_while(u8::is_ascii_graphic).count();
        if let Some((plain, after)) = left.split_at_checked(plain)
            && !plain.is_empty()
        {
            if needs_space && !cleaned.is_empty() {
                cleaned.push(' ');
            }
            cleaned.push_str(plain);
            (needs_space, marks, previous) = (false, 0, plain.chars().next_back());
            rest = after.chars();
        }
        let Some(c) = rest.next() else { break };
        if c.is_whitespace() || c == '\u{200b}' || c == '\u{feff}' {
            needs_space = true;
            previous = None;
            continue;
        }
        if c.is_control() {
            continue;
        }
        match invisible::classify(c) {
            CharClass::Joiner if is_joining(c, previous, rest.as_str()) => {}
            CharClass::Selector if previous.is_some_and(|previous| can_select(previous, c)) => {}
            // A flag's tags are kept with the flag.
            CharClass::Forbidden | CharClass::Joiner | CharClass::Selector | CharClass::Tag => {
                continue;
            }
            CharClass::Visible if !is_combining(c) => marks = 0,
            CharClass::Visible => {
                marks += 1;
                if marks > MAX_COMBINING_MARKS {
                    continue;
                }
            }
        }
        if needs_space && !cleaned.is_empty() {
            cleaned.push(' ');
        }
        needs_space = false;
        cleaned.push(c);
        previous = Some(c);
        if c == invisible::FLAG {
            let tags = invisible::flag_tags(rest.as_str());
            cleaned.push_str(tags);
            rest = rest.as_str().get(tags.len()..).unwrap_or_default().chars();
        }
    }
    cleaned
}

/// Replaces every word that contains an email address, and folds white space.
///
/// A mail server's reply may name the recipient that it refused.
pub fn mask_addresses(text: &str) -> String {
    let is_address = |word: &&str| word.contains(['@', '\u{ff20}']) || word.contains("%40");
    let mask = |word| match is_address(&word) {
        true => "(an address)",
        false => word,
    };
    let words: Vec<&str> = text.split_whitespace().map(mask).collect();
    words.join(" ")
}

/// Cuts a text to `max_chars` characters, with `…` for the rest.
///
/// A character is kept or dropped together with its marks or an emoji's other parts.
pub fn cut(text: &str, max_chars: usize) -> String {
    if text.char_indices().nth(max_chars).is_none() {
        return text.to_owned();
    }
    let end = text
        .char_indices()
        .nth(max_chars.saturating_sub(1))
        .map_or(0, |(at, _)| at);
    let (mut kept, mut after) = text.split_at(end);
    while let Some(last) = kept.chars().next_back() {
        let is_whole = last != invisible::ZERO_WIDTH_JOINER
            && !after.chars().next().is_some_and(belongs_to_previous);
        if is_whole {
            break;
        }
        (kept, after) = text.split_at(kept.len() - last.len_utf8());
    }
    let mut cut = kept.trim_end().to_owned();
    if max_chars > 0 {
        cut.push(CUT_MARK);
    }
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[test]
    fn address_in_a_mail_servers_words_is_masked() {
        assert_eq!(
            mask_addresses("550 5.1.1 <pat@example.org>: no such user (pat%40example.org)"),
            "550 5.1.1 (an address) no such user (an address)"
        );
        assert_eq!(mask_addresses("No connection."), "No connection.");
    }

    #[test]
    fn escapes_and_controls_are_dropped_and_space_is_folded() {
        assert_eq!(clean("  a\u{1b}[31m\n\tb\u{0} \u{a0}c "), "a[31m b c");
    }

    #[test]
    fn bidi_controls_are_dropped_and_letters_kept() {
        assert_eq!(clean("\u{202e}ש\u{61c}לום\u{202c} 🦛"), "שלום 🦛");
    }

    #[rstest]
    #[case::soft_hyphen("a\u{ad}b")]
    #[case::grapheme_joiner("a\u{34f}b")]
    #[case::vowel_separator("a\u{180e}b")]
    #[case::joiner_between_letters("a\u{200d}b")]
    #[case::non_joiner_between_letters("a\u{200c}b")]
    #[case::word_joiner("a\u{2060}b")]
    #[case::invisible_times("a\u{2062}b")]
    #[case::empty_braille("a\u{2800}b")]
    #[case::hangul_filler("a\u{3164}b")]
    #[case::half_width_filler("a\u{ffa0}b")]
    #[case::annotation("a\u{fff9}\u{fffa}\u{fffb}b")]
    #[case::tags("a\u{e0001}\u{e0068}\u{e0069}\u{e007f}b")]
    #[case::selectors("a\u{fe00}\u{e0100}b")]
    #[case::reordering("a\u{202e}b")]
    #[case::joiners_around_them("a\u{200d}\u{2060}\u{200d}b")]
    fn invisible_characters_are_dropped(#[case] text: &str) {
        assert_eq!(clean(text), "ab");
    }

    #[rstest]
    #[case::family("👨\u{200d}👩\u{200d}👧 und 🏳\u{fe0f}\u{200d}🌈")]
    #[case::skin_tone("🧑🏽\u{200d}🚀")]
    #[case::heart("❤\u{fe0f} ☎\u{fe0e} 1\u{fe0f}\u{20e3}")]
    #[case::flags("🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 🇨🇭")]
    #[case::persian("می\u{200c}خواهم")]
    #[case::hindi("क्\u{200d}ष क्\u{200c}ष")]
    #[case::bengali("র\u{200d}্যাব")]
    #[case::sinhala("ශ්\u{200d}රී")]
    #[case::malayalam("ന്\u{200d}")]
    #[case::vietnamese("Đặng Hữu Phước e\u{323}\u{302}")]
    #[case::han_variant("葛\u{e0100}飾")]
    #[case::hebrew_points("בְּרֵאשִׁית")]
    #[case::old_hangul("한글")]
    fn joiners_of_emoji_and_scripts_are_kept(#[case] text: &str) {
        assert_eq!(clean(text), text);
    }

    #[test]
    fn joiner_beside_a_space_or_another_joiner_is_dropped() {
        assert_eq!(clean("می\u{200c}\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(clean("\u{200d}a \u{200c}b\u{200d}"), "a b");
        assert_eq!(clean("👨\u{200d} 👩"), "👨 👩");
    }

    #[test]
    fn joiner_before_many_dropped_characters_is_dropped() {
        // An unbounded lookahead from each joiner would take minutes.
        let pile = "\u{200d}\u{ad}".repeat(100_000);
        assert_eq!(clean(&format!("م{pile}a")), "مa");
        assert_eq!(clean(&format!("👨{pile}a")), "👨a");
    }

    #[test]
    fn tags_without_a_flags_end_are_dropped() {
        assert_eq!(clean("🏴\u{e0067}\u{e0062}"), "🏴");
        assert_eq!(clean("🏴\u{e007f}"), "🏴");
        let long = format!("🏴{}\u{e007f}", "\u{e0067}".repeat(40));
        assert_eq!(clean(&long), "🏴");
    }

    #[test]
    fn marks_beyond_eight_are_dropped() {
        let marks = "\u{301}".repeat(9);
        assert_eq!(clean(&format!("a{marks}b")), format!("a{}b", &marks[2..]));
        // A dropped character doesn't reset the count.
        let hidden = format!("a{}\u{2060}{}b", "\u{301}".repeat(6), "\u{302}".repeat(6));
        assert_eq!(clean(&hidden).chars().count(), 2 + 8);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("a bcd", 3), "a…");
        assert_eq!(cut("abe\u{301}\u{302}cd", 5), "ab…");
        assert_eq!(cut("a👨\u{200d}👩\u{200d}👧b", 4), "a…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("", 0), "");
    }

    /// Generates text with many of the special characters.
    fn tricky_text() -> impl Strategy<Value = String> {
        let sign = prop_oneof![
            3 => any::<char>(),
            2 => prop::sample::select(vec!['a', ' ', 'é', '1', '#', '👨', '❤', '🏽', '🏴', 'م', 'क', '\u{94d}', '葛', '한']),
            4 => prop::sample::select(vec![
                '\u{ad}', '\u{34f}', '\u{180e}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{2800}',
                '\u{3164}', '\u{fff9}', '\u{e0067}', '\u{e007f}', '\u{fe0f}', '\u{fe00}', '\u{e0100}',
                '\u{301}', '\u{20e3}', '\u{202e}', '\u{1b}', '\n', '\u{1f3fb}', '\u{180b}',
            ]),
        ];
        prop::collection::vec(sign, 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(text in tricky_text()) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once);
        }

        #[test]
        fn clean_text_has_no_forbidden_characters(text in tricky_text()) {
            let cleaned = clean(&text);
            prop_assert!(cleaned.len() <= text.len());
            prop_assert_eq!(cleaned.trim(), &cleaned);
            let forbidden = |c: char| {
                c.is_control()
                    || matches!(c, '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}')
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}')
                    || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}')
            };
            prop_assert!(!cleaned.contains(forbidden), "{:?}", cleaned);
            let mut marks = 0;
            let mut previous = ' ';
            for c in cleaned.chars() {
                marks = match invisible::classify(c) {
                    CharClass::Visible if !is_combining(c) => 0,
                    CharClass::Visible => marks + 1,
                    _ => marks,
                };
                prop_assert!(marks <= MAX_COMBINING_MARKS);
                if matches!(c, '\u{e0020}'..='\u{e007f}') {
                    let is_of_flag = previous == '🏴' || matches!(previous, '\u{e0020}'..='\u{e007e}');
                    prop_assert!(is_of_flag, "{:?}", cleaned);
                }
                if c == '\u{200d}' {
                    prop_assert!(!previous.is_ascii(), "{:?}", cleaned);
                }
                previous = c;
            }
        }

        #[test]
        fn plain_words_are_unchanged(words in prop::collection::vec("[a-zA-Zäöüßéèñçøåžščğı0-9.,:;!?'()-]{1,12}", 1..8)) {
            let text = words.join(" ");
            prop_assert_eq!(clean(&text), text);
        }

        #[test]
        fn cut_is_bounded_and_idempotent(text in tricky_text(), max in 0_usize..30) {
            let text = clean(&text);
            let once = cut(&text, max);
            prop_assert!(once.chars().count() <= max);
            prop_assert_eq!(cut(&once, max), once.clone());
            prop_assert_eq!(clean(&once), once.clone());
            if text.chars().count() <= max {
                prop_assert_eq!(once, text);
            } else {
                prop_assert!(text.starts_with(once.trim_end_matches(CUT_MARK)));
            }
        }
    }
}
