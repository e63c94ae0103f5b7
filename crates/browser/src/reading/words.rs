//! Finds known words in a text.

use super::work;

/// Returns the text after the first of these phrases that it has, without a colon and the spaces around it.
///
/// The phrases are in lower case; the case of the text doesn't matter. A phrase must not be part of a longer word.
pub fn text_after_words<'a>(text: &'a str, phrases: &[&str]) -> Option<&'a str> {
    text_around_words(text, phrases).map(|(_, after)| after)
}

/// Returns the texts before and after the first of these phrases that a text has; see [`text_after_words`].
pub fn text_around_words<'a>(text: &'a str, phrases: &[&str]) -> Option<(&'a str, &'a str)> {
    phrases.iter().find_map(|phrase| {
        let (before, rest) = around_phrase(text, phrase)?;
        Some((before, trim_value(rest)))
    })
}

/// Returns the rest of a text that begins with this phrase, like [`text_after_words`].
pub fn text_after_start<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    work::count(phrase.len());
    strip_whole_phrase(text, phrase).map(trim_value)
}

fn trim_value(rest: &str) -> &str {
    rest.trim_start_matches([':', ' ', '\u{a0}']).trim_end()
}

fn around_phrase<'a>(text: &'a str, phrase: &str) -> Option<(&'a str, &'a str)> {
    work::count(text.len());
    let begins_a_word = phrase.starts_with(char::is_alphanumeric);
    let first = *phrase.as_bytes().first()?;
    let may_begin = |byte: u8| match first.is_ascii() {
        true => byte.to_ascii_lowercase() == first,
        false => !byte.is_ascii(),
    };
    for (start, byte) in text.bytes().enumerate() {
        if !may_begin(byte) || !text.is_char_boundary(start) {
            continue;
        }
        let (before, from) = text.split_at_checked(start)?;
        if begins_a_word && before.ends_with(char::is_alphanumeric) {
            continue;
        }
        if let Some(rest) = strip_whole_phrase(from, phrase) {
            return Some((before, rest));
        }
    }
    None
}

/// Strips a phrase that isn't part of a longer word.
fn strip_whole_phrase<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let rest = strip_phrase(text, phrase)?;
    let ends_a_word = phrase.ends_with(char::is_alphanumeric);
    (!(ends_a_word && rest.starts_with(char::is_alphanumeric))).then_some(rest)
}

/// Strips a phrase in lower case from the beginning of a text in any case.
fn strip_phrase<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for expected in phrase.chars() {
        let found = rest.next()?;
        if found != expected && !found.to_lowercase().eq(std::iter::once(expected)) {
            return None;
        }
    }
    Some(rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Anzahl: 3", Some("3"))]
    #[case("Die Anzahl:  3 ", Some("3"))]
    #[case("ANZAHL", Some(""))]
    #[case("Anzahlung: 3", None)]
    #[case("Gesamtanzahl: 3", None)]
    #[case("Anzahlung 5, Anzahl 3", Some("3"))]
    #[case("", None)]
    fn text_after_whole_words_is_found(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(text_after_words(text, &["anzahl"]), expected);
    }

    #[rstest]
    #[case("Anzahl: 3", Some("3"))]
    #[case("ANZAHL 3 ", Some("3"))]
    #[case("Anzahlung: 3", None)]
    #[case("Die Anzahl: 3", None)]
    #[case("Anzahlung, Anzahl 3", None)]
    fn text_after_its_beginning_is_found(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(text_after_start(text, "anzahl"), expected);
    }

    #[test]
    fn text_before_words_is_as_it_stands() {
        let around = text_around_words("Es sind 2 Mal: viele ", &["oft", "mal"]);
        assert_eq!(around, Some(("Es sind 2 ", "viele")));
        assert_eq!(text_around_words("Normal", &["mal"]), None);
    }

    #[test]
    fn case_of_other_letters_does_not_matter() {
        assert_eq!(
            text_after_words("AUSWEIS GÜLTIG BIS 1.2.2030", &["ausweis gültig bis"]),
            Some("1.2.2030")
        );
        assert_eq!(text_after_words("İ (3)", &["("]), Some("3)"));
    }
}
