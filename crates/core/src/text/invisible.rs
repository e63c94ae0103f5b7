//! Classifies invisible characters, and finds those that scripts and emoji need.

use unicode_width::UnicodeWidthChar as _;

/// The black flag, which the flags of England, Scotland and Wales begin with.
pub(super) const FLAG: char = '\u{1f3f4}';

pub(super) const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// The number of characters after a joiner that are searched for a visible one.
const MAX_LOOKAHEAD: usize = 32;

/// The most letters of a flag's region, as in `gbsct`.
const MAX_FLAG_TAGS: usize = 7;

/// The class of a character: visible, or where an invisible one may occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CharClass {
    /// It is visible.
    Visible,
    /// It hides or moves other text; it is never kept.
    Forbidden,
    /// It joins or separates emoji and the letters of some scripts.
    Joiner,
    /// It selects another form of the character before it.
    Selector,
    /// It spells the region of a flag.
    Tag,
}

/// Classifies a character that is neither a control character nor white space.
pub(super) fn classify(c: char) -> CharClass {
    match c {
        // Soft hyphen, grapheme joiner, Arabic letter mark, fillers, unwritten vowels.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180e}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
        // Characters that reorder text, and invisible operators.
        | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        // Annotations and noncharacters.
        | '\u{fff0}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}'
        // Controls of shorthand and musical notation.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => CharClass::Forbidden,
        '\u{200c}' | ZERO_WIDTH_JOINER => CharClass::Joiner,
        '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            CharClass::Selector
        }
        '\u{e0000}'..='\u{e0fff}' => CharClass::Tag,
        _ => CharClass::Visible,
    }
}

/// Whether a character may be dropped, and so does not count as a joiner's neighbour.
fn is_dropped(c: char) -> bool {
    classify(c) != CharClass::Visible || (c.is_control() && !c.is_whitespace())
}

/// Whether a mark combines with the character before it.
pub(super) fn is_combining(c: char) -> bool {
    c.width() == Some(0) && classify(c) == CharClass::Visible
}

/// Whether a character is displayed as part of the one before it.
pub(super) fn belongs_to_previous(c: char) -> bool {
    is_combining(c) || classify(c) != CharClass::Visible || is_skin_tone(c)
}

/// Whether a joiner has an effect between the character before it and the text after it.
pub(super) fn is_joining(joiner: char, previous: Option<char>, after: &str) -> bool {
    let Some(previous) = previous else {
        return false;
    };
    let next = |is_skipped: fn(char) -> bool| {
        let mut ahead = after.chars();
        (0..MAX_LOOKAHEAD).find_map(|_| match ahead.next() {
            Some(c) if is_skipped(c) => None,
            end_or_visible => Some(end_or_visible),
        })
    };
    if uses_joiners(previous) {
        // A letter may keep its joined form at the end of a word.
        return match next(|c| is_dropped(c) || is_combining(c)) {
            Some(Some(letter)) => uses_joiners(letter) || !letter.is_alphanumeric(),
            Some(None) => true,
            None => false,
        };
    }
    let ends_emoji = is_emoji(previous) || previous == '\u{fe0f}' || is_skin_tone(previous);
    let is_joinable = joiner == ZERO_WIDTH_JOINER && ends_emoji;
    is_joinable && matches!(next(is_dropped), Some(Some(c)) if is_emoji(c))
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Whether a selector may follow this character.
pub(super) fn can_select(previous: char, selector: char) -> bool {
    let is_han = matches!(
        previous,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}'
    );
    let is_mongolian = matches!(previous, '\u{1820}'..='\u{18af}');
    match selector {
        '\u{180b}'..='\u{180d}' | '\u{180f}' => is_mongolian,
        '\u{fe0e}' | '\u{fe0f}' => {
            is_emoji(previous) || previous.is_ascii_digit() || matches!(previous, '#' | '*')
        }
        // Variants of mathematical signs, Myanmar letters and Han characters.
        '\u{fe00}'..='\u{fe0d}' => {
            is_han
                || matches!(previous, '\u{1000}'..='\u{109f}' | '\u{2200}'..='\u{22ff}' | '\u{a840}'..='\u{a87f}')
        }
        _ => is_han,
    }
}

/// Returns the tags at the start of a text if they spell a flag's region, else an empty text.
pub(super) fn flag_tags(text: &str) -> &str {
    let mut letters = 0;
    for (at, c) in text.char_indices() {
        match c {
            '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}' if letters < MAX_FLAG_TAGS => {
                letters += 1;
            }
            '\u{e007f}' if letters > 0 => {
                return text.get(..at + c.len_utf8()).unwrap_or_default();
            }
            _ => return "",
        }
    }
    ""
}

/// Whether a letter's script uses joiners: Arabic and its relatives, and the Brahmic scripts.
fn uses_joiners(c: char) -> bool {
    matches!(
        c,
        '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
            | '\u{1a20}'..='\u{1aff}' | '\u{1b00}'..='\u{1c4f}' | '\u{a800}'..='\u{a82f}' | '\u{a840}'..='\u{a8ff}'
            | '\u{a930}'..='\u{a9df}' | '\u{aa00}'..='\u{aa5f}' | '\u{abc0}'..='\u{abff}'
            | '\u{fb50}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
            | '\u{10a00}'..='\u{10aff}' | '\u{10d00}'..='\u{10fff}' | '\u{11000}'..='\u{11fff}'
            | '\u{1e900}'..='\u{1e95f}'
    )
}

/// Whether a character is an emoji, or a sign that can be displayed as one.
fn is_emoji(c: char) -> bool {
    matches!(
        c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}'
            | '\u{2300}'..='\u{23ff}' | '\u{24c2}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
            | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
            | '\u{1f000}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}'
    )
}
