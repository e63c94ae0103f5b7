//! Compares the number that a page prints with the card's.

use secrecy::{ExposeSecret, SecretString};

/// The least digits of a number that can be compared.
const MIN_DIGITS: usize = 6;

/// Whether a page names another card. `None` if that can't be told.
///
/// The numbers are compared only if both are digits: a patron may log in by a user name, and a site may mask the
/// digits. One may have a prefix that the other lacks.
pub fn is_another_card(printed: &str, number: &SecretString) -> Option<bool> {
    let printed = digits(printed)?;
    let number = digits(number.expose_secret())?;
    Some(!printed.ends_with(&number) && !number.ends_with(&printed))
}

/// The digits of a number, without spaces and hyphens. `None` for anything else.
fn digits(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    let is_number = digits.len() >= MIN_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("21000099001", "21000099001", Some(false))]
    #[case("2 1000-099001", "21000099001", Some(false))]
    #[case("D21000099001", "21000099001", None)]
    #[case("0021000099001", "21000099001", Some(false))]
    #[case("21000099002", "21000099001", Some(true))]
    #[case("*******9002", "21000099001", None)]
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
