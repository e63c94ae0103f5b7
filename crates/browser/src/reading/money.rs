//! Sums of money in text.

use rust_decimal::Decimal;

/// Codes and abbreviations of currencies that may stand between a sum and its sign.
const CURRENCIES: [&str; 48] = [
    "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP",
    "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "MXN", "MYR", "NOK",
    "NZD", "PHP", "PLN", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD",
    "ZAR", "kr", "Kr", "Fr", "SFr", "Kč", "zł", "Ft", "Rs",
];

/// Signs and abbreviations that stand for one currency alone, with its code.
const UNAMBIGUOUS: [(&str, &str); 12] = [
    ("€", "EUR"),
    ("£", "GBP"),
    ("₹", "INR"),
    ("₪", "ILS"),
    ("₩", "KRW"),
    ("₴", "UAH"),
    ("₺", "TRY"),
    ("₽", "RUB"),
    ("SFr", "CHF"),
    ("Kč", "CZK"),
    ("zł", "PLN"),
    ("Ft", "HUF"),
];

/// Minus signs; the en dash is one where nothing stands between it and the sum.
const MINUS: [char; 3] = ['-', '\u{2212}', '\u{2013}'];

/// Signs that part groups of three digits, beside the point and the comma.
const GROUP_SIGNS: [char; 6] = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '’'];

/// The first sum of money in a text: `FINE(up to now) $0.80` says 0.80, `-$3.00` and `($3.00)` say -3.
///
/// A sum has two decimals, after a point or a comma; groups of digits may be parted by the other of
/// them, a space or an apostrophe. A minus belongs to the sum if it touches it or its currency, on either
/// side, or if nothing but the sum follows a label's colon. A dash between words and a sum, and
/// parentheses after a label, are punctuation. `None` where there is no sum.
pub fn amount(text: &str) -> Option<Decimal> {
    first_sum(text).map(|(before, sum, after)| signed(before, sum, after, false))
}

/// The sum with which a text begins that stood behind a label; `None` if other words come first.
pub fn amount_after_label(text: &str) -> Option<Decimal> {
    let (before, sum, after) = first_sum(text)?;
    let is_first = without_currencies(before)
        .chars()
        .all(|c| c.is_whitespace() || c == '(' || is_dash(c));
    is_first.then(|| signed(before, sum, after, true))
}

/// The ISO 4217 code of the first sum of money in a text, where what stands beside the sum is the currency of
/// one country or union alone: `5,00 €` is in EUR, `CHF 5.00` in CHF. Of `$5.00` and `5 kr` nobody knows.
pub fn currency(text: &str) -> Option<&'static str> {
    let (before, _, after) = first_sum(text)?;
    let is_between = |c: char| c.is_whitespace() || is_dash(c) || matches!(c, '(' | ')' | '$');
    let before = before.trim_end_matches(is_between);
    let after = after.trim_start_matches(is_between);
    let is_whole = |beside: Option<char>| !beside.is_some_and(char::is_alphanumeric);
    let is_beside = |sign: &str| {
        let is_word = sign.chars().all(char::is_alphabetic);
        before
            .strip_suffix(sign)
            .is_some_and(|rest| !is_word || is_whole(rest.chars().next_back()))
            || after
                .strip_prefix(sign)
                .is_some_and(|rest| !is_word || is_whole(rest.chars().next()))
    };
    let codes = CURRENCIES
        .iter()
        .filter(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        .map(|code| (*code, *code));
    codes
        .chain(UNAMBIGUOUS)
        .find_map(|(sign, code)| is_beside(sign).then_some(code))
}

/// What stands before the first sum, the sum without its sign, and what follows it.
fn first_sum(text: &str) -> Option<(&str, Decimal, &str)> {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let from = rest.get(at..)?;
        let before = text.get(..text.len() - from.len())?;
        match sum_at_start(from) {
            Ok((sum, after)) => return Some((before, sum, after)),
            Err(length) => rest = from.get(length..)?,
        }
    }
    None
}

/// The sum at the beginning of a text and what follows; the length of what is none there.
fn sum_at_start(text: &str) -> Result<(Decimal, &str), usize> {
    let (whole, mut rest) = split_digits(text);
    let first = whole.len();
    let mut whole = whole.to_owned();
    let mut group_sign = None;
    loop {
        let mut signs = rest.chars();
        let Some(sign) = signs.next() else {
            return Err(text.len());
        };
        let (digits, after) = split_digits(signs.as_str());
        let is_decimal_sign = matches!(sign, '.' | ',');
        let goes_on = after.starts_with(['.', ','])
            && after
                .get(1..)
                .is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
        if is_decimal_sign && digits.len() == 2 && !goes_on && group_sign != Some(sign) {
            return Decimal::from_str_exact(&format!("{whole}.{digits}"))
                .map(|sum| (sum, after))
                .map_err(|_| text.len() - after.len());
        }
        // Groups of two digits are written in India: 1,20,000.50.
        let is_group = match digits.len() {
            3 => true,
            2 => goes_on,
            _ => false,
        };
        let is_group_sign = is_decimal_sign || GROUP_SIGNS.contains(&sign);
        if !is_group
            || !is_group_sign
            || first > 3
            || group_sign.is_some_and(|before| before != sign)
        {
            // A run of digits, points and commas that is no sum, as a date, holds none either.
            let run = rest
                .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',')))
                .unwrap_or(rest.len());
            return Err(text.len() - rest.len() + run);
        }
        whole.push_str(digits);
        group_sign = Some(sign);
        rest = after;
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// The sum, below zero where what stands around it makes it a credit.
fn signed(before: &str, sum: Decimal, after: &str, has_label: bool) -> Decimal {
    let is_credit = has_minus_before(before)
        || has_minus_after(after)
        || is_marked_as_credit(after)
        || (is_in_parentheses(before, after) && !has_label);
    if is_credit { -sum } else { sum }
}

fn has_minus_before(before: &str) -> bool {
    let touching = without_currencies_at_end(before);
    let trimmed = touching.trim_end();
    let Some(sign) = trimmed.chars().next_back().filter(|c| MINUS.contains(c)) else {
        return false;
    };
    let ahead = trimmed.get(..trimmed.len() - sign.len_utf8()).unwrap_or("");
    let words =
        without_currencies_at_end(ahead).trim_end_matches(|c: char| c.is_whitespace() || c == '(');
    let is_alone = words.is_empty() || words.ends_with([':', '：']);
    // What the minus touches: the sum, or the currency before it.
    let tail = before.get(trimmed.len()..).unwrap_or("");
    let touches = !tail.starts_with(char::is_whitespace);
    is_alone || (touches && !ahead.ends_with(char::is_alphanumeric))
}

fn has_minus_after(after: &str) -> bool {
    let mut signs = without_currency_at_start(after).chars();
    // A trailing minus ends the text, or only a currency follows.
    signs.next().is_some_and(|c| MINUS.contains(&c))
        && without_currencies(signs.as_str())
            .chars()
            .all(|c| !c.is_alphanumeric())
}

/// Accountants' `CR`, set behind a credit.
fn is_marked_as_credit(after: &str) -> bool {
    let after = without_currency_at_start(after).trim_start();
    after
        .strip_prefix("CR")
        .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Accountants' parentheses around a sum that stands alone.
fn is_in_parentheses(before: &str, after: &str) -> bool {
    let Some(ahead) = without_currencies_at_end(before)
        .trim_end()
        .strip_suffix('(')
    else {
        return false;
    };
    let behind = without_currency_at_start(after).trim_start();
    behind.starts_with(')') && !without_currencies(ahead).contains(char::is_alphanumeric)
}

fn is_dash(c: char) -> bool {
    MINUS.contains(&c) || c == '\u{2014}'
}

/// A text without the currencies at its end: signs, and codes that are words of their own.
fn without_currencies_at_end(text: &str) -> &str {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_end();
        let without_sign = trimmed.trim_end_matches(is_currency_sign);
        let without_code = CURRENCIES
            .iter()
            .find_map(|code| {
                let name = without_sign.strip_suffix('.').unwrap_or(without_sign);
                name.strip_suffix(code)
            })
            .filter(|before| !before.ends_with(char::is_alphanumeric));
        match without_code {
            Some(before) => rest = before,
            None if without_sign.len() < trimmed.len() => rest = without_sign,
            None => return rest,
        }
    }
}

fn without_currency_at_start(text: &str) -> &str {
    let trimmed = text.trim_start();
    let without_sign = trimmed.trim_start_matches(is_currency_sign);
    let without_code = CURRENCIES
        .iter()
        .find_map(|code| without_sign.strip_prefix(code))
        .filter(|after| !after.starts_with(char::is_alphanumeric));
    match without_code {
        Some(after) => after,
        None if without_sign.len() < trimmed.len() => without_sign,
        None => text,
    }
}

/// A text with all the names of currencies taken out.
fn without_currencies(text: &str) -> String {
    text.split_whitespace()
        .map(|word| word.trim_matches(|c: char| is_currency_sign(c) || is_dash(c)))
        .filter(|word| !CURRENCIES.contains(&word.trim_matches(['(', ')', '.'])))
        .collect::<Vec<_>>()
        .join(" ")
}

/// `$`, and what else is neither a letter nor a digit nor ASCII: `€`, `£`, `₹`.
fn is_currency_sign(c: char) -> bool {
    c == '$'
        || (!c.is_ascii()
            && !c.is_alphanumeric()
            && !c.is_whitespace()
            && !is_dash(c)
            && !matches!(c, '：' | '’'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("FINE(up to now) $0.80", Some("0.80"))]
    #[case("You owe $1,204.50.", Some("1204.50"))]
    #[case("1.204,50 €", Some("1204.50"))]
    #[case("1 204,50 kr att betala", Some("1204.50"))]
    #[case("1\u{a0}204,50 kr", Some("1204.50"))]
    #[case("12\u{202f}345\u{202f}678,90", Some("12345678.90"))]
    #[case("CHF 1’204.50", Some("1204.50"))]
    #[case("₹1,20,000.50", Some("120000.50"))]
    #[case("$ 12.00 in unpaid fines", Some("12.00"))]
    #[case("2 fines of $0.50", Some("0.50"))]
    #[case("1234.50", Some("1234.50"))]
    #[case("3 fines", None)]
    #[case("11.12.26", None)]
    #[case("11.12.26 $5.00", Some("5.00"))]
    #[case("1.204.50", None)]
    #[case("$1000000000000000000000000001,20", None)]
    #[case("", None)]
    fn sum_is_found_however_its_digits_are_grouped(
        #[case] text: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(amount(text).map(|sum| sum.to_string()).as_deref(), expected);
    }

    #[rstest]
    #[case("5,00 €", Some("EUR"))]
    #[case("€5.00", Some("EUR"))]
    #[case("You owe -£5.00.", Some("GBP"))]
    #[case("CHF 5.00", Some("CHF"))]
    #[case("(5.00 CAD)", Some("CAD"))]
    #[case("CAD $5.00", Some("CAD"))]
    #[case("1 204,50 Kč", Some("CZK"))]
    #[case("$5.00", None)]
    #[case("5,00 kr", None)]
    #[case("5.00", None)]
    #[case("XCHF 5.00", None)]
    #[case("5.00 CHFX", None)]
    #[case("5.00 and 3 €", None)]
    #[case("€", None)]
    fn currency_is_what_stands_beside_the_sum(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(currency(text), expected);
    }

    #[rstest]
    #[case("-$3.00", "-3.00")]
    #[case("- $3.00", "-3.00")]
    #[case("$-3.00", "-3.00")]
    #[case("($3.00)", "-3.00")]
    #[case("(3,00 €)", "-3.00")]
    #[case("-CHF 5.00", "-5.00")]
    #[case("- CHF 5.00", "-5.00")]
    #[case("CHF -5.00", "-5.00")]
    #[case("CHF - 5.00", "-5.00")]
    #[case("CHF\u{a0}\u{2212}5.00", "-5.00")]
    #[case("\u{2212}5,00 kr", "-5.00")]
    #[case("\u{2013}5,00 kr", "-5.00")]
    #[case("-5.00 USD", "-5.00")]
    #[case("5.00-", "-5.00")]
    #[case("5.00- USD", "-5.00")]
    #[case("$5.00 CR", "-5.00")]
    #[case("Balance: -$5.00", "-5.00")]
    #[case("Balance: - 5.00", "-5.00")]
    #[case("Balance -5.00", "-5.00")]
    #[case("Fines - $12.50", "12.50")]
    #[case("Fines and bills \u{2013} 12,50 €", "12.50")]
    #[case("Fines \u{2014} $12.50", "12.50")]
    #[case("Fines-$12.50", "12.50")]
    #[case("Fines ($12.50)", "12.50")]
    #[case("Fines (USD 12.50)", "12.50")]
    #[case("Fines (-$12.50)", "-12.50")]
    #[case("$12.50 - pay now", "12.50")]
    #[case("$12.50-$15.00", "12.50")]
    #[case("12.50 CRITICAL", "12.50")]
    fn only_a_sign_of_the_sum_itself_makes_a_credit(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(
            amount(text).map(|sum| sum.to_string()).as_deref(),
            Some(expected)
        );
    }

    #[rstest]
    #[case("$12.50 PHONE 5.55", Some("12.50"))]
    #[case("1 204,50 kr", Some("1204.50"))]
    #[case("($12.50)", Some("12.50"))]
    #[case("- $12.50", Some("-12.50"))]
    #[case("none until 12.50", None)]
    fn sum_behind_a_label_comes_before_any_word(
        #[case] text: &str,
        #[case] expected: Option<&str>,
    ) {
        let sum = amount_after_label(text).map(|sum| sum.to_string());
        assert_eq!(sum.as_deref(), expected);
    }

    /// A sum of cents in digits that are parted by `group` and `decimal`.
    fn grouped(cents: u64, group: &str, decimal: &str) -> String {
        let whole = (cents / 100).to_string();
        let mut text = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                text.push_str(group);
            }
            text.push(digit);
        }
        format!("{text}{decimal}{:02}", cents % 100)
    }

    proptest! {
        #[test]
        fn sum_keeps_its_value_in_every_notation(
            cents in 0_u64..100_000_000_000,
            notation in proptest::sample::select(vec![
                (",", "."), (".", ","), (" ", ","), ("\u{a0}", ","), ("\u{202f}", ","),
                ("’", "."), ("'", "."), ("", "."), ("", ","),
            ]),
            sign in proptest::sample::select(vec![
                ("", "", 1), ("$", "", 1), ("", " kr", 1), ("EUR ", "", 1), ("Fines - ", "", 1),
                ("Fines (", ")", 1), ("Fines: ", "", 1), ("-", "", -1), ("-$", "", -1),
                ("$-", "", -1), ("-CHF ", "", -1), ("CHF -", "", -1), ("(", ")", -1),
                ("", "-", -1), ("", " CR", -1), ("Balance: -", " EUR", -1),
            ]),
        ) {
            let text = format!("{}{}{}", sign.0, grouped(cents, notation.0, notation.1), sign.1);
            let expected = Decimal::new(i64::try_from(cents).unwrap() * sign.2, 2);
            prop_assert_eq!(amount(&text), Some(expected), "{}", text);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,60}") {
            let _ = (amount(&text), amount_after_label(&text));
        }
    }
}
