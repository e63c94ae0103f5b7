//! Reads the date of a field.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    DateOrNever, find_date_in_words, split_date_or_never, starts_with_never,
};
use hippo_core::failure::Failure;

/// What is between the two days of a span.
const SPAN_WORDS: [&str; 4] = ["-", "–", "—", "bis"];

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
pub(super) fn read_end(
    text: Option<String>,
    context: &ReadContext<'_>,
) -> Result<Option<chrono::NaiveDate>, Failure> {
    match text {
        Some(text) => Ok(read_date(&text, context)?.and_then(DateOrNever::date)),
        None => Ok(None),
    }
}
