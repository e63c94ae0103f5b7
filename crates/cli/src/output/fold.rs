//! Wraps paragraphs to the terminal's width.

use unicode_width::UnicodeWidthStr as _;

/// Wraps `text` to lines of at most `width` columns; longer words stay whole.
pub(super) fn fold(text: &str, indent: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| indent.width() + text.width() > *width) else {
        return format!("{indent}{text}");
    };
    let mut folded = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        if used > 0 && used + 1 + word.width() > width {
            folded.push('\n');
            used = 0;
        }
        if used == 0 {
            folded.push_str(indent);
            used = indent.width();
        } else {
            folded.push(' ');
            used += 1;
        }
        folded.push_str(word);
        used += word.width();
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_wrap_only_on_a_terminal() {
        let text = "one two three extraordinarily four";
        assert_eq!(fold(text, "  ", None), format!("  {text}"));
        assert_eq!(
            fold(text, "  ", Some(11)),
            "  one two\n  three\n  extraordinarily\n  four"
        );
    }
}
