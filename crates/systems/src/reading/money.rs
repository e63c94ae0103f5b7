//! Sums of money in text.

use rust_decimal::Decimal;

/// The first sum of money in a text: `FINE(up to now) $0.80` says 0.80, `-$3.00` and `($3.00)` say -3.
///
/// A sum has two decimals, after a point or a comma; groups of three digits may be parted by the
/// other sign or a space. `None` where there is none.
pub fn amount(text: &str) -> Option<Decimal> {
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        if !characters.get(at).is_some_and(char::is_ascii_digit) {
            at += 1;
            continue;
        }
        let run: String = characters
            .iter()
            .skip(at)
            .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '\u{a0}' | '\u{202f}'))
            .collect();
        let length = run.chars().count();
        if let Some(sum) = plain_sum(&run) {
            let before: String = characters.iter().take(at).collect();
            return Some(if is_negative(&before) { -sum } else { sum });
        }
        at += length;
    }
    None
}

/// `1,204.50` and `1.204,50` as a number; `None` where it has not two decimals, or so many digits that it would
/// be rounded.
fn plain_sum(run: &str) -> Option<Decimal> {
    let run = run.trim_end_matches(|c: char| !c.is_ascii_digit());
    let split = run.rfind(['.', ','])?;
    let whole: String = run
        .get(..split)?
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let cents = run.get(split + 1..)?;
    if cents.len() != 2 || !cents.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Decimal::from_str_exact(&format!("{whole}.{cents}")).ok()
}

/// Whether what stands before a sum makes it a credit.
fn is_negative(before: &str) -> bool {
    before
        .trim_end_matches(|c: char| !c.is_ascii() || c == '$' || c.is_whitespace())
        .ends_with(['-', '('])
        || before.trim_end().ends_with('\u{2212}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("FINE(up to now) $0.80", Some("0.80"))]
    #[case("You owe $1,204.50.", Some("1204.50"))]
    #[case("1.204,50 €", Some("1204.50"))]
    #[case("-$3.00", Some("-3.00"))]
    #[case("($3.00)", Some("-3.00"))]
    #[case("$ 12.00 in unpaid fines", Some("12.00"))]
    #[case("2 fines of $0.50", Some("0.50"))]
    #[case("3 fines", None)]
    #[case("$1000000000000000000000000001,20", None)]
    #[case("", None)]
    fn a_sum_is_found(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(amount(text).map(|sum| sum.to_string()).as_deref(), expected);
    }
}
