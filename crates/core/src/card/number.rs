//! Converts card numbers from the printed form to the form that sites accept.

use secrecy::{ExposeSecret as _, SecretString};

/// Separates a patron's name from the number, for sites that ask for both.
const NAME_END: char = '|';

/// Removes the spaces and hyphens that group a printed number: `2 1234 5678` and `21234-5678` become
/// `212345678`.
///
/// A number is groups of digits, with one hyphen or white space between two groups. In `Name|number`,
/// only the part after the bar is the number. Any other text, such as a user name or a number with
/// letters, is only trimmed.
pub fn normalize_card_number(number: &SecretString) -> SecretString {
    let (name, digits) = match number.expose_secret().rsplit_once(NAME_END) {
        Some((name, digits)) => (Some(name.trim()), digits.trim()),
        None => (None, number.expose_secret().trim()),
    };
    let mut kept = String::with_capacity(number.expose_secret().len());
    if let Some(name) = name {
        kept.push_str(name);
        kept.push(NAME_END);
    }
    if is_in_groups(digits) {
        kept.extend(digits.chars().filter(char::is_ascii_digit));
    } else {
        kept.push_str(digits);
    }
    SecretString::from(kept)
}

/// Whether the text is groups of digits, with one hyphen or white space between two groups.
fn is_in_groups(text: &str) -> bool {
    let is_separated_by_one = |part: &str| {
        let is_group = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
        !part.is_empty()
            && part
                .split(is_hyphen)
                .all(|group| !group.is_empty() && is_group(group))
    };
    !text.is_empty() && text.split_whitespace().all(is_separated_by_one)
}

/// The ASCII hyphen, and its variants in printed or copied numbers.
pub(super) fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2013}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn sent(number: &str) -> String {
        normalize_card_number(&SecretString::from(number))
            .expose_secret()
            .to_owned()
    }

    #[rstest]
    #[case::spaces("2 1234 5678", "212345678")]
    #[case::hyphens("21234-5678", "212345678")]
    #[case::both("2 1234-5678", "212345678")]
    #[case::around_it(" 2 1234 5678\t", "212345678")]
    #[case::no_break_and_thin_spaces("2\u{a0}1234\u{202f}5678", "212345678")]
    #[case::white_space_of_a_table("2 \t1234", "21234")]
    #[case::printed_hyphens("21234\u{2011}5678\u{2013}9", "2123456789")]
    #[case::leading_zeros("00 12", "0012")]
    #[case::plain("21234", "21234")]
    #[case::name_and_number(
        "Smith-Jones, Mary Ann | 2 1234-5678",
        "Smith-Jones, Mary Ann|212345678"
    )]
    fn separators_of_printed_numbers_are_dropped(#[case] number: &str, #[case] expected: &str) {
        assert_eq!(sent(number), expected);
    }

    #[rstest]
    #[case::user_name("mary-jane smith")]
    #[case::address("mary-jane@example.org")]
    #[case::letters_in_it("D 1234-5678")]
    #[case::letter_at_the_end("1234 5678 X")]
    #[case::two_hyphens("1234--5678")]
    #[case::hyphen_at_the_beginning("-1234")]
    #[case::hyphen_at_the_end("1234-")]
    #[case::hyphen_beside_a_space("1234 - 5678")]
    #[case::other_signs("1234.5678")]
    #[case::other_digits("٢ ١٢")]
    #[case::nothing("")]
    #[case::hyphen("-")]
    #[case::name_and_user_name("Mary|mary-jane smith")]
    fn text_that_is_not_a_number_stays_unchanged(#[case] number: &str) {
        assert_eq!(sent(number), number);
    }

    proptest! {
        #[test]
        fn dropping_separators_is_idempotent(number in "[0-9a| \u{a0}\u{2010}-]{0,24}") {
            let once = sent(&number);
            prop_assert_eq!(sent(&once), once);
        }

        #[test]
        fn all_digits_are_kept_in_order(groups in prop::collection::vec("[0-9]{1,6}", 1..6), separator in "[ -]") {
            prop_assert_eq!(sent(&groups.join(&separator)), groups.concat());
        }

        #[test]
        fn text_with_letters_is_only_trimmed(name in "[a-z0-9 @.-]{0,12}[a-z][a-z0-9 @.-]{0,12}") {
            prop_assert_eq!(sent(&name), name.trim());
        }
    }
}
