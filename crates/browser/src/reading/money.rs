//! Reads sums of money.

use rust_decimal::Decimal;

/// Codes and abbreviations of currencies that may occur between a sum and its minus.
const CURRENCIES: [&str; 52] = [
    "AED", "ARS", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP",
    "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KRW", "MXN", "MYR", "NOK",
    "NZD", "PHP", "PLN", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD",
    "ZAR", "kr", "Kr", "Fr", "SFr", "Kč", "zł", "Ft", "Rs", "Euro", "euro", "Euros", "euros",
];

/// Symbols, names and abbreviations of a single currency, with its code.
const UNAMBIGUOUS_SYMBOLS: [(&str, &str); 16] = [
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
    ("Euro", "EUR"),
    ("euro", "EUR"),
    ("Euros", "EUR"),
    ("euros", "EUR"),
];

/// Dollars and a real whose letters tell which they are, with their codes.
const PREFIXED_DOLLARS: [(&str, &str); 9] = [
    ("US$", "USD"),
    ("CA$", "CAD"),
    ("AU$", "AUD"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("MX$", "MXN"),
    ("NT$", "TWD"),
    ("A$", "AUD"),
    ("R$", "BRL"),
];

/// Minus signs. The en dash is one if it touches the sum.
const MINUS: [char; 3] = ['-', '\u{2212}', '\u{2013}'];

/// Separators of digit groups, besides the point and the comma.
const GROUP_SEPARATORS: [char; 6] = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '’'];

/// The first sum of money in a text: 0.80 in `FINE(up to now) $0.80`, -3 in `-$3.00` and `($3.00)`.
///
/// A sum has two decimals after a point or a comma. Digit groups may be separated by the other one, a
/// space or an apostrophe. In a text without such a sum, a whole number beside a currency is one: `25 kr`. A minus
/// counts if it touches the sum or its currency, on either side, or
/// if it follows a label's colon. A dash between words and a sum, and parentheses after a label, are
/// punctuation. A number without a currency, or in parentheses, is no sum if one with a currency follows: a day or a
/// part. `None` if there is no sum.
pub fn amount(text: &str) -> Option<Decimal> {
    main_sum(text).map(|(before, sum, after)| signed(before, sum, after, false))
}

/// The sum at the beginning of a text that follows a label. `None` if other words come first.
pub fn amount_after_label(text: &str) -> Option<Decimal> {
    let (before, sum, after) = first_sum(text)?;
    let is_first = without_currencies(before)
        .chars()
        .all(|c| c.is_whitespace() || c == '(' || is_dash(c));
    is_first.then(|| signed(before, sum, after, true))
}

/// The ISO 4217 code of the first sum in a text, if the symbol beside it means a single currency.
///
/// `5,00 €` is EUR, `CHF 5.00` is CHF. `$5.00` and `5 kr` are ambiguous.
pub fn currency(text: &str) -> Option<&'static str> {
    let (before, _, after) = main_sum(text)?;
    let is_between = |c: char| c.is_whitespace() || is_dash(c) || matches!(c, '(' | ')' | '$');
    let (_, dollars) = without_prefixed_dollar(before.trim_end());
    if dollars.is_some() {
        return dollars;
    }
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
        .chain(UNAMBIGUOUS_SYMBOLS)
        .find_map(|(sign, code)| is_beside(sign).then_some(code))
}

/// A text without the letters and the sign of a dollar at its end, and the code that they stand for.
fn without_prefixed_dollar(text: &str) -> (&str, Option<&'static str>) {
    let found = PREFIXED_DOLLARS.iter().find_map(|(sign, code)| {
        let before = text.strip_suffix(sign)?;
        (!before.ends_with(char::is_alphanumeric)).then_some((before, Some(*code)))
    });
    found.unwrap_or((text, None))
}

/// The most sums of a text that are tried.
const MAX_SUMS: usize = 4;

/// Like [`first_sum`], or the first with a currency and out of parentheses, if there is one.
fn main_sum(text: &str) -> Option<(&str, Decimal, &str)> {
    let first = first_sum(text)?;
    let mut sum = Some(first);
    for _ in 0..MAX_SUMS {
        let Some((before, value, after)) = sum else {
            break;
        };
        let is_part = before.matches('(').count() > before.matches(')').count();
        let is_beside = |sign: char| "$€£₹₪₩₴₺₽".contains(sign);
        let has_currency = before.trim_end().ends_with(is_beside)
            || after.trim_start().starts_with(is_beside)
            || CURRENCIES.iter().any(|code| {
                before.trim_end().ends_with(code) || after.trim_start().starts_with(code)
            });
        if has_currency && !is_part {
            return Some((before, value, after));
        }
        sum = sum_behind(text, text.len() - after.len());
    }
    Some(first)
}

/// The text before the first sum, the sum without its minus, and the text after it.
fn first_sum(text: &str) -> Option<(&str, Decimal, &str)> {
    sum_behind(text, 0).or_else(|| whole_sum(text))
}

/// The first whole number beside a currency: `25 kr`, `Rs. 50`, `1 200 Ft`.
fn whole_sum(text: &str) -> Option<(&str, Decimal, &str)> {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let from = rest.get(at..)?;
        let before = text.get(..text.len() - from.len())?;
        let (number, after) = split_grouped_digits(from);
        rest = after;
        let is_within = |c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '/');
        let begins = !before.trim_end_matches(MINUS).ends_with(is_within);
        let mut behind = after.chars();
        let ends = match behind.next() {
            Some('.' | ',' | '/' | ':' | '-') => {
                !behind.as_str().starts_with(char::is_alphanumeric)
            }
            Some('%') => false,
            _ => true,
        };
        let is_beside = (ends_with_currency(before) && !after.starts_with(char::is_alphanumeric))
            || (begins && begins_with_currency(after));
        if ends
            && is_beside
            && let Ok(sum) = Decimal::from_str_exact(&format!("{number}.00"))
        {
            return Some((before, sum, after));
        }
    }
    None
}

/// The names of currencies beside a whole number. `Fr` may be a day of the week.
fn currency_names() -> impl Iterator<Item = &'static str> {
    CURRENCIES.into_iter().filter(|name| *name != "Fr")
}

fn is_currency_symbol(c: char) -> bool {
    matches!(c, '$' | '£' | '¥' | '\u{20a0}'..='\u{20cf}')
}

fn ends_with_currency(text: &str) -> bool {
    let text = text.trim_end().trim_end_matches(MINUS).trim_end();
    let mut before =
        currency_names().filter_map(|name| text.trim_end_matches('.').strip_suffix(name));
    text.ends_with(is_currency_symbol)
        || before.any(|before| !before.ends_with(char::is_alphanumeric))
}

fn begins_with_currency(text: &str) -> bool {
    let text = text.trim_start();
    let mut after = currency_names().filter_map(|name| text.strip_prefix(name));
    text.starts_with(is_currency_symbol)
        || after.any(|after| !after.starts_with(char::is_alphanumeric))
}

/// Splits the digits at the beginning of a text, with all their groups of three.
fn split_grouped_digits(text: &str) -> (String, &str) {
    let (digits, mut rest) = split_digits(text);
    let mut number = digits.to_owned();
    let is_group_sign = |c: char| matches!(c, '.' | ',') || GROUP_SEPARATORS.contains(&c);
    while let Some(signs) = rest.strip_prefix(is_group_sign) {
        let (group, after) = split_digits(signs);
        if digits.len() > 3 || group.len() != 3 {
            break;
        }
        number.push_str(group);
        rest = after;
    }
    (number, rest)
}

/// The first sum with decimals behind a place, with the text before it and after it.
fn sum_behind(text: &str, place: usize) -> Option<(&str, Decimal, &str)> {
    let mut rest = text.get(place..)?;
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

/// The sum at the beginning of a text and the rest. `Err` is the length of the digits that are no sum.
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
        let has_more_groups = after.starts_with(['.', ','])
            && after
                .get(1..)
                .is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit()));
        if is_decimal_sign && digits.len() == 2 && !has_more_groups && group_sign != Some(sign) {
            return Decimal::from_str_exact(&format!("{whole}.{digits}"))
                .map(|sum| (sum, after))
                .map_err(|_| text.len() - after.len());
        }
        // India writes groups of two digits: 1,20,000.50.
        let is_group = match digits.len() {
            3 => true,
            2 => has_more_groups,
            _ => false,
        };
        let is_group_sign = is_decimal_sign || GROUP_SEPARATORS.contains(&sign);
        if !is_group
            || !is_group_sign
            || first > 3
            || group_sign.is_some_and(|before| before != sign)
        {
            // Skips the whole run of digits, points and commas, such as a date: no sum is inside it.
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

/// Negates the sum if the text around it makes it a credit.
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
    // The minus touches the sum or the currency before it.
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

/// Whether the accountants' `CR` follows the sum.
fn is_marked_as_credit(after: &str) -> bool {
    let after = without_currency_at_start(after).trim_start();
    after
        .strip_prefix("CR")
        .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Whether a sum without other words is in the accountants' parentheses.
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

/// A text without the currencies at its end: symbols, and codes that are whole words.
fn without_currencies_at_end(text: &str) -> &str {
    let mut rest = text;
    loop {
        let (trimmed, dollars) = without_prefixed_dollar(rest.trim_end());
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
            None if dollars.is_some() || without_sign.len() < trimmed.len() => rest = without_sign,
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

/// A text without currency names.
fn without_currencies(text: &str) -> String {
    text.split_whitespace()
        .map(|word| word.trim_matches(|c: char| is_currency_sign(c) || is_dash(c)))
        .filter(|word| !CURRENCIES.contains(&word.trim_matches(['(', ')', '.'])))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a character is `$`, or a non-ASCII symbol such as `€`, `£`, `₹`.
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
    #[case("Fees (as of 30.11.): 3,50 €", Some("3.50"), Some("EUR"))]
    #[case("Fees (17.30): EUR 3,50", Some("3.50"), Some("EUR"))]
    #[case("(with 0,50 € of postage): 3,50 €", Some("3.50"), Some("EUR"))]
    #[case("3.50", Some("3.50"), None)]
    #[case("(3,50 €)", Some("-3.50"), Some("EUR"))]
    #[case("Owed 30.11. and 3.50", Some("30.11"), None)]
    fn sum_with_a_currency_counts_more_than_a_day_or_a_part(
        #[case] text: &str,
        #[case] expected: Option<&str>,
        #[case] code: Option<&str>,
    ) {
        assert_eq!(amount(text).map(|sum| sum.to_string()).as_deref(), expected);
        assert_eq!(currency(text), code);
    }

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
    #[case("25 kr", Some("25.00"))]
    #[case("Du har 1 204 kr i avgifter.", Some("1204.00"))]
    #[case("120 Ft", Some("120.00"))]
    #[case("Rs. 50", Some("50.00"))]
    #[case("You owe $5.", Some("5.00"))]
    #[case("-25 kr", Some("-25.00"))]
    #[case("3 fines of $5, together $15.00", Some("15.00"))]
    #[case("$5-10", None)]
    #[case("12.5 kr", None)]
    #[case("5 % USD", None)]
    #[case("Mo 4 Fr 5", None)]
    #[case("“3” fines", None)]
    #[case("3 fines", None)]
    #[case("11.12.26", None)]
    #[case("11.12.26 $5.00", Some("5.00"))]
    #[case("1.204.50", None)]
    #[case("$1000000000000000000000000001,20", None)]
    #[case("", None)]
    fn sum_is_found_in_every_digit_grouping(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(amount(text).map(|sum| sum.to_string()).as_deref(), expected);
    }

    #[rstest]
    #[case("5,00 €", Some("EUR"))]
    #[case("5,00 Euro", Some("EUR"))]
    #[case("5 euros", Some("EUR"))]
    #[case("5,00 Europa", None)]
    #[case("€5.00", Some("EUR"))]
    #[case("You owe -£5.00.", Some("GBP"))]
    #[case("CHF 5.00", Some("CHF"))]
    #[case("(5.00 CAD)", Some("CAD"))]
    #[case("CAD $5.00", Some("CAD"))]
    #[case("1 204,50 Kč", Some("CZK"))]
    #[case("CA$3.00", Some("CAD"))]
    #[case("US$ 3.00", Some("USD"))]
    #[case("A$3.00", Some("AUD"))]
    #[case("R$ 12,50", Some("BRL"))]
    #[case("CA$5", Some("CAD"))]
    #[case("120 Ft", Some("HUF"))]
    #[case("ExtrA$3.00", None)]
    #[case("$5.00", None)]
    #[case("5,00 kr", None)]
    #[case("5.00", None)]
    #[case("XCHF 5.00", None)]
    #[case("5.00 CHFX", None)]
    #[case("5.00 and 3 €", None)]
    #[case("€", None)]
    fn currency_is_read_beside_the_sum(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(currency(text), expected);
    }

    #[rstest]
    #[case("-$3.00", "-3.00")]
    #[case("- $3.00", "-3.00")]
    #[case("$-3.00", "-3.00")]
    #[case("($3.00)", "-3.00")]
    #[case("(3,00 €)", "-3.00")]
    #[case("-CHF 5.00", "-5.00")]
    #[case("-CA$5.00", "-5.00")]
    #[case("-R$ 5,00", "-5.00")]
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
    fn only_a_minus_of_the_sum_makes_a_credit(#[case] text: &str, #[case] expected: &str) {
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
    fn sum_after_a_label_precedes_other_words(#[case] text: &str, #[case] expected: Option<&str>) {
        let sum = amount_after_label(text).map(|sum| sum.to_string());
        assert_eq!(sum.as_deref(), expected);
    }

    /// Formats cents with a group separator and a decimal separator.
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
                ("", "-", -1), ("", " CR", -1), ("Balance: -", " EUR", -1), ("US$", "", 1), ("-A$", "", -1),
            ]),
        ) {
            let text = format!("{}{}{}", sign.0, grouped(cents, notation.0, notation.1), sign.1);
            let expected = Decimal::new(i64::try_from(cents).unwrap() * sign.2, 2);
            prop_assert_eq!(amount(&text), Some(expected), "{}", text);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,60}") {
            let _ = (amount(&text), amount_after_label(&text));
        }
    }
}
