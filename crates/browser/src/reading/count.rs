//! Numbers in text, and totals that must agree with what was read.

use hippo_core::failure::Failure;

/// The whole numbers in a text, in order. One that overflows is skipped.
///
/// A `,` between groups of three digits is part of the number: `1,204 items` has one.
pub fn numbers(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let from = rest.get(start..).unwrap_or_default();
        let (digits, after) = take_number(from);
        if let Ok(number) = digits.parse() {
            found.push(number);
        }
        rest = after;
    }
    found
}

/// The first whole number in a text: 6 in `6 item(s) checked out`.
pub fn first_number(text: &str) -> Option<u32> {
    numbers(text).into_iter().next()
}

/// Checks the site's own total against the number of rows read. `page_changed` if they differ.
///
/// `what` names the list: `loans`.
pub fn check_declared_count(declared: Option<u32>, rows: usize, what: &str) -> Result<(), Failure> {
    match declared {
        Some(declared) if usize::try_from(declared) != Ok(rows) => Err(Failure::page_changed(
            format!("the site says {declared} {what}, but {rows} were read"),
        )),
        _ => Ok(()),
    }
}

/// The digits at the beginning of a text, without group separators, and the rest.
fn take_number(text: &str) -> (String, &str) {
    let end = |text: &str| {
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len())
    };
    let (first, mut rest) = text.split_at(end(text));
    let mut digits = first.to_owned();
    if first.len() <= 3 {
        while let Some(group) = rest.strip_prefix(',') {
            let (group, after) = group.split_at(end(group));
            if group.len() != 3 {
                break;
            }
            digits.push_str(group);
            rest = after;
        }
    }
    (digits, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("6 item(s) checked out", &[6])]
    #[case("Total Items Checked Out: 80", &[80])]
    #[case("9 of 83 holds", &[9, 83])]
    #[case("1,204 items", &[1204])]
    #[case("1, 2, 345", &[1, 2, 345])]
    #[case("1,20", &[1, 20])]
    #[case("no items", &[])]
    #[case("99999999999 and 3", &[3])]
    fn whole_numbers_are_found(#[case] text: &str, #[case] expected: &[u32]) {
        assert_eq!(numbers(text), expected);
    }

    #[test]
    fn total_that_differs_from_the_rows_is_page_changed() {
        assert!(check_declared_count(Some(3), 3, "loans").is_ok());
        assert!(check_declared_count(None, 3, "loans").is_ok());
        let failure = check_declared_count(Some(4), 3, "loans").unwrap_err();
        assert_eq!(
            failure.to_string(),
            "page_changed: the site says 4 loans, but 3 were read"
        );
    }
}
