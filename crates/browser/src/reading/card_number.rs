//! Compares the number that a page prints with the card's.

use secrecy::{ExposeSecret, SecretString};

/// The least digits of a number that can be compared.
const MIN_DIGITS: usize = 6;

/// The least digits behind a mask that can be compared.
const MIN_DIGITS_BEHIND_MASK: usize = 4;

/// Whether a site prints this sign in place of a digit: `*******9001`.
pub fn is_mask(sign: char) -> bool {
    matches!(sign, '*' | '•')
}

/// Whether a page names another card. `None` if that can't be told.
///
/// The numbers are compared only if both are digits: a patron may log in by a user name. A site may mask the first
/// digits. One may have a prefix that the other lacks. Of `Name|number`, only the number counts.
pub fn is_another_card(printed: &str, number: &SecretString) -> Option<bool> {
    let number = number.expose_secret();
    let number = number.rsplit_once('|').map_or(number, |(_, number)| number);
    let printed = strip_separators(printed);
    let shown = printed.trim_start_matches(is_mask);
    let min_shown = if shown.len() == printed.len() {
        MIN_DIGITS
    } else {
        MIN_DIGITS_BEHIND_MASK
    };
    let number = strip_separators(number);
    let can_be_compared = is_number(shown, min_shown) && is_number(&number, MIN_DIGITS);
    can_be_compared.then(|| !shown.ends_with(&number) && !number.ends_with(shown))
}

fn strip_separators(text: &str) -> String {
    let is_hyphen = |c: char| matches!(c, '-' | '\u{2010}'..='\u{2013}' | '\u{2212}');
    let chars = text.chars();
    chars
        .filter(|c| !c.is_whitespace() && !is_hyphen(*c))
        .collect()
}

fn is_number(text: &str, min_digits: usize) -> bool {
    text.len() >= min_digits && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("21000099001", "21000099001", Some(false))]
    #[case("2 1000-099001", "21000099001", Some(false))]
    #[case("2\u{2011}1000\u{2011}099001", "21000099001", Some(false))]
    #[case("21000099002", "Ash, Pip|21000099001", Some(true))]
    #[case("D21000099001", "21000099001", None)]
    #[case("0021000099001", "21000099001", Some(false))]
    #[case("21000099002", "21000099001", Some(true))]
    #[case("*******9001", "21000099001", Some(false))]
    #[case("*** **** 9002", "21000099001", Some(true))]
    #[case("••••9002", "21000099001", Some(true))]
    #[case("********002", "21000099001", None)]
    #[case("2100*******", "21000099001", None)]
    #[case("21000099002", "ada@example.org", None)]
    #[case("1234", "5678", None)]
    fn numbers_are_compared_if_both_are_digits(
        #[case] printed: &str,
        #[case] number: &str,
        #[case] expected: Option<bool>,
    ) {
        let number = SecretString::from(number);
        assert_eq!(is_another_card(printed, &number), expected);
    }
}
