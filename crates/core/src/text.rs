//! Words that come from outside, made harmless.

/// `text` with control characters (terminal escapes among them) dropped and white space folded.
///
/// Characters that reorder or hide text (Unicode's bidirectional controls and zero-width marks)
/// are dropped too, so that a title cannot disguise the line it stands in; right-to-left letters
/// stay as they are.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() || c == '\u{200b}' || c == '\u{feff}' {
            space = true;
        } else if c.is_control() || is_invisible_control(c) {
            continue;
        } else {
            if space && !cleaned.is_empty() {
                cleaned.push(' ');
            }
            space = false;
            cleaned.push(c);
        }
    }
    cleaned
}

fn is_invisible_control(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_control_characters_are_dropped_and_space_is_folded() {
        assert_eq!(clean("  a\u{1b}[31m\n\tb\u{0} \u{a0}c "), "a[31m b c");
    }

    #[test]
    fn characters_that_reorder_a_line_are_dropped_but_letters_stay() {
        assert_eq!(clean("\u{202e}ש\u{61c}לום\u{202c} 🦛"), "שלום 🦛");
    }
}
