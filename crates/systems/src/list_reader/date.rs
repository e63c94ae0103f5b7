//! Reads the date of a field.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    DateOrNever, find_date_in_words, split_date_or_never, starts_with_never,
};
use hippo_core::failure::Failure;

/// What is between the two days of a span.
const SPAN_WORDS: [&str; 4] = ["-", "–", "—", "bis"];

/// Whether a text has something like a date.
pub(crate) fn has_date(text: &str) -> bool {
    let mut parts = text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '/' | '-')));
    let is_date = |part: &str| {
        let mut numbers = part
            .split(['.', '/', '-'])
            .filter(|number| !number.is_empty());
        numbers.by_ref().take(3).count() == 3 && numbers.next().is_none()
    };
    parts.any(is_date) || find_date_in_words(text).is_some()
}

/// Reads the date in a text, or of a span its second day. `None` if there is none.
///
/// A month in words is no question of format: `31. Dezember 2016`. Two days that are no span are a changed page.
pub(super) fn read_date(
    text: &str,
    context: &ReadContext<'_>,
) -> Result<Option<DateOrNever>, Failure> {
    if let Some(date) = find_date_in_words(text) {
        return Ok(Some(date));
    }
    let Some((date, rest)) = split_date_or_never(text, context.date_format)? else {
        return Ok(starts_with_never(text).then_some(DateOrNever::Never));
    };
    let Some((other, _)) = split_date_or_never(&rest, context.date_format)? else {
        return Ok(Some(date));
    };
    let is_span = SPAN_WORDS.iter().any(|word| rest.starts_with(word));
    if is_span {
        Ok(Some(other))
    } else {
        Err(Failure::page_changed("two dates where one was expected"))
    }
}

/// Reads the date in a text, if there is one that ends.
pub(crate) fn read_end(
    text: Option<String>,
    context: &ReadContext<'_>,
) -> Result<Option<chrono::NaiveDate>, Failure> {
    match text {
        Some(text) => Ok(read_date(&text, context)?.and_then(DateOrNever::date)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("26.02.2016", true)]
    #[case("24.01.2017 - 21.02.2017", true)]
    #[case("Fällig: 4. März 2026", true)]
    #[case("Zweigstelle 2 / EG", false)]
    #[case("Tel. 4121482", false)]
    #[case("1.2.3.4", false)]
    fn date_is_told_from_other_numbers(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(has_date(text), expected);
    }
}
