//! Reads the date of a field.

use chrono::NaiveDate;
use chrono_tz::UTC;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, DateOrNever, Element, element_text_without, find_date, find_date_in_words,
    parse_iso_date_or_never, split_date, split_date_or_never, starts_with_never,
};
use hippo_core::account::HoldState;
use hippo_core::failure::Failure;

/// What is between the two days of a span.
const SPAN_SIGNS: [&str; 4] = [" - ", "–", "—", " bis "];

/// What has a machine-readable date beside the one that people read.
static TITLED: Css = Css::new("span[title]");

/// Returns the text of a cell's date: of an attribute if that has one, or else all text without what `others` matches.
pub(super) fn date_text(cell: Element<'_>, others: &'static Css) -> String {
    let words = element_text_without(cell, |part| others.matches(part));
    let title = TITLED.first(cell).and_then(|span| span.attr("title"));
    let attributes = [cell.attr("data-order"), title].into_iter().flatten();
    let mut dates = attributes.filter(|text| parse_iso_date_or_never(text, UTC).is_some());
    match dates.next() {
        Some(date) if !is_dash(&words) => date.to_owned(),
        _ => words,
    }
}

/// Whether a text is only a dash, the sign for nothing.
pub(super) fn is_dash(text: &str) -> bool {
    matches!(text, "-" | "–" | "—")
}

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

/// Whether a text has nothing that could be a date: in digits of any format, or with the name of a month in a known
/// language.
pub(super) fn is_dateless(text: &str, context: &ReadContext<'_>) -> bool {
    matches!(split_date_or_never(text, context.date_format), Ok(None))
        && find_date_in_words(text).is_none()
}

/// Reads the date in a text, or of a span its second day. `None` if there is none.
///
/// A month in words is no question of format, and neither is an ISO date alone, such as an attribute's. Two days
/// that are no span are a changed page.
pub(super) fn read_date(
    text: &str,
    context: &ReadContext<'_>,
) -> Result<Option<DateOrNever>, Failure> {
    let span = SPAN_SIGNS
        .iter()
        .filter_map(|sign| text.split_once(sign))
        .find(|(before, after)| has_date(before) && has_date(after));
    let Some((before, after)) = span else {
        let (date, has_another) = first_date(text, context)?;
        return if has_another {
            Err(two_dates())
        } else {
            Ok(date)
        };
    };
    let (first, second) = (first_date(before, context)?, first_date(after, context)?);
    match (first, second) {
        ((Some(first), false), (Some(second), false))
            if ends_with_date(before) && begins_with_date(after) && is_in_order(first, second) =>
        {
            Ok(Some(second))
        }
        _ => Err(two_dates()),
    }
}

fn two_dates() -> Failure {
    Failure::page_changed("two dates where one was expected")
}

/// Returns the first date of a text, and whether it has another.
pub(super) fn first_date(
    text: &str,
    context: &ReadContext<'_>,
) -> Result<(Option<DateOrNever>, bool), Failure> {
    let in_iso = parse_iso_date_or_never(text, context.timezone);
    if let Some(date) = in_iso.or_else(|| find_date_in_words(text)) {
        return Ok((Some(date), false));
    }
    let Some((date, rest)) = split_date_or_never(text, context.date_format)? else {
        let never = starts_with_never(text).then_some(DateOrNever::Never);
        return Ok((never, false));
    };
    // The same day may be there twice, once with the hour.
    let mut another = split_date_or_never(&rest, context.date_format)?;
    if let Some((_, rest)) = another.as_ref().filter(|(same, _)| *same == date) {
        another = split_date_or_never(rest, context.date_format)?;
    }
    Ok((Some(date), another.is_some()))
}

/// Whether nothing but signs and spaces follow the last number or word of a date.
fn ends_with_date(before: &str) -> bool {
    let last = before.split_whitespace().next_back();
    last.is_some_and(|word| word.contains(|c: char| c.is_ascii_digit()))
}

fn begins_with_date(after: &str) -> bool {
    after.trim_start().starts_with(|c: char| c.is_ascii_digit())
}

fn is_in_order(first: DateOrNever, second: DateOrNever) -> bool {
    match (first.date(), second.date()) {
        (Some(first), Some(second)) => first <= second,
        _ => true,
    }
}

/// Words before a date that is the last day of something.
pub(super) const UNTIL: [&str; 16] = [
    "by", "until", "till", "through", "before", "avant", "jusqu'au", "d'ici", "hasta", "antes",
    "até", "fino", "entro", "bis", "tot", "senast",
];

/// The day that a text names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NamedDay {
    None,
    /// The last day of something: the words say so, or it ends a span.
    Last(NaiveDate),
    /// Another day: `Ready since 4/4/15`.
    Other,
}

/// Reads what a text says of a day.
pub(super) fn read_named_day(text: &str, context: &ReadContext<'_>) -> Result<NamedDay, Failure> {
    let words = text.to_lowercase().replace('\u{2019}', "'");
    let Some((first, rest)) = split_date(&words, context.date_format)? else {
        return Ok(NamedDay::None);
    };
    let before = words.split(|c: char| c.is_ascii_digit()).next();
    let mut before = before
        .unwrap_or_default()
        .split(|c: char| !c.is_alphabetic() && c != '\'');
    if before.any(|word| UNTIL.contains(&word)) {
        return Ok(NamedDay::Last(first));
    }
    let second = find_date(&rest, context.date_format).ok().flatten();
    let second = second.filter(|second| *second > first);
    Ok(second.map_or(NamedDay::Other, NamedDay::Last))
}

/// The maximum number of dates that are read from one sentence, so that a huge page stays cheap.
const MAX_DATES: usize = 4;

/// The days that a sentence about a hold names, in any language and in their order.
pub(super) struct NamedDays(Vec<DateOrNever>);

impl NamedDays {
    pub(super) fn read(text: &str, context: &ReadContext<'_>) -> Result<Self, Failure> {
        let mut days = Vec::new();
        let mut rest = text.to_owned();
        while days.len() < MAX_DATES
            && let Some((day, without)) = split_date_or_never(&rest, context.date_format)
                .or_else(|failure| split_iso_date(&rest).map(Some).ok_or(failure))?
        {
            days.push(day);
            rest = without;
        }
        Ok(Self(days))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last day to pick a hold up: “since … until …”, in any order of a language. A single day is the first.
    pub(super) fn pickup_by(&self, state: HoldState) -> Option<NaiveDate> {
        match (state, self.0.as_slice()) {
            (HoldState::Ready, [DateOrNever::On(one), DateOrNever::On(other), ..]) => {
                Some(*one.max(other))
            }
            _ => None,
        }
    }

    /// The last day of a suspension.
    pub(super) fn suspended_until(&self, state: HoldState) -> Option<NaiveDate> {
        let first = self.0.first().filter(|_| state == HoldState::Suspended);
        first.and_then(|day| day.date())
    }
}

/// Splits the first ISO date from a text. Some sites print it whatever their format. No other format begins with a
/// year of four digits, so it can't be mistaken for another date.
fn split_iso_date(words: &str) -> Option<(DateOrNever, String)> {
    let (date, without) = split_date_or_never(words, Some("%Y-%m-%d")).ok()??;
    let is_whole = |date: NaiveDate| words.contains(&date.to_string());
    date.date().is_none_or(is_whole).then_some((date, without))
}

/// Reads the first date of a text; what is behind it doesn't matter.
pub(crate) fn read_first(
    text: Option<String>,
    context: &ReadContext<'_>,
) -> Result<Option<NaiveDate>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let (date, _) = first_date(&text, context)?;
    Ok(date.and_then(DateOrNever::date))
}

/// Reads the date in a text, if there is one that ends.
pub(crate) fn read_end(
    text: Option<String>,
    context: &ReadContext<'_>,
) -> Result<Option<NaiveDate>, Failure> {
    match text {
        Some(text) => Ok(read_date(&text, context)?.and_then(DateOrNever::date)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn with_context<T>(read: impl Fn(&ReadContext<'_>) -> T) -> T {
        read(&ReadContext {
            base_url: &"https://books.test".parse().unwrap(),
            date_format: Some("%d.%m.%Y"),
            timezone: chrono_tz::UTC,
            card_number: None,
        })
    }

    fn read(text: &str) -> Result<Option<NaiveDate>, Failure> {
        let date = with_context(|context| read_date(text, context))?;
        Ok(date.and_then(DateOrNever::date))
    }

    #[rstest]
    #[case("Held until 20.02.2026", Some("2026-02-20"))]
    #[case("Disponible jusqu\u{2019}au 20.02.2026", Some("2026-02-20"))]
    #[case("Recoger antes del 20.02.2026", Some("2026-02-20"))]
    #[case("Disponibile fino al 20.02.2026", Some("2026-02-20"))]
    #[case("Suspended 20.02.2026 - 25.02.2026", Some("2026-02-25"))]
    #[case("Ready since 20.02.2026", None)]
    #[case("Ready 25.02.2026 (written 20.02.2026)", None)]
    fn day_is_the_last_only_by_its_words_or_a_span(#[case] text: &str, #[case] last: Option<&str>) {
        let last = last.map(|day| day.parse().unwrap());
        let expected = last.map_or(NamedDay::Other, NamedDay::Last);
        let day = with_context(|context| read_named_day(text, context));
        assert_eq!(day.unwrap(), expected);
        let none = with_context(|context| read_named_day("Ready until tomorrow", context));
        assert_eq!(none.unwrap(), NamedDay::None);
    }

    #[rstest]
    #[case("20.02.2026", "2026-02-20")]
    #[case("01.02.2026 - 20.02.2026", "2026-02-20")]
    #[case("Leihfrist: 01.02.2026 – 20.02.2026", "2026-02-20")]
    #[case("1. Februar 2026 - 20. Februar 2026", "2026-02-20")]
    #[case("01.02.2026 bis 20.02.2026", "2026-02-20")]
    #[case("2026-02-20", "2026-02-20")]
    #[case("2026-02-20 23:59:00", "2026-02-20")]
    #[case("20.02.2026 - Mahnung", "2026-02-20")]
    #[case("20.02.2026 20.02.2026 23:59", "2026-02-20")]
    #[case("bis 20.02.2026", "2026-02-20")]
    fn date_or_the_end_of_a_span_is_read(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(read(text).unwrap(), Some(expected.parse().unwrap()));
    }

    #[rstest]
    #[case("20.02.2026 - verlängert am 01.02.2026")]
    #[case("20.02.2026 – gemahnt 25.02.2026")]
    #[case("20.02.2026 - 01.02.2026")]
    #[case("01.02.2026, 20.02.2026")]
    #[case("20.02.2026 20.02.2026 22.02.2026")]
    #[case("01.02.2026 - 20.02.2026, 22.02.2026")]
    fn two_dates_that_are_no_span_are_a_changed_page(#[case] text: &str) {
        assert!(read(text).is_err());
    }

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
