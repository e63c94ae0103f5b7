//! The date format of a site, and its dates.

use chrono::NaiveDate;
use chrono_tz::UTC;
use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, DateOrNever, parse_iso_date_or_never, split_date_or_never};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::work::text_without_label;

static TITLED: Css = Css::new("span[title]");

/// The names of the setting `dateformat` in a page's script, newest Koha first; the last is the calendar's.
const SETTINGS: [&str; 3] = ["dateformat_pref", "var dformat", "dateFormat:"];

/// Koha's four formats: as the setting, in jQuery's notation of older pages, and for strftime.
const FORMATS: [(&str, &str, &str); 4] = [
    ("us", "mm/dd/yy", "%m/%d/%Y"),
    ("metric", "dd/mm/yy", "%d/%m/%Y"),
    ("dmydot", "dd.mm.yy", "%d.%m.%Y"),
    ("iso", "yy-mm-dd", "%Y-%m-%d"),
];

/// The maximum number of dates that are read from one sentence.
const MAX_DATES: usize = 4;

/// Returns the date format that the page's script states, if any: `var dformat  = "us";`.
pub(super) fn stated_format(body: &str) -> Option<&'static str> {
    SETTINGS.iter().find_map(|setting| {
        let (_, after) = body.split_once(setting)?;
        let value = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let value = value.strip_prefix(quote)?.split(quote).next()?;
        let is_stated = |(name, signs, _): &&(&str, &str, &str)| value == *name || value == *signs;
        FORMATS.iter().find(is_stated).map(|(_, _, format)| *format)
    })
}

/// Returns a cell's date as a text: from its attribute (`data-order`, or the title of a span in it), else an ISO date,
/// else all of its words.
pub(super) fn read_text(cell: ElementRef<'_>) -> Option<String> {
    let title = TITLED.first(cell).and_then(|span| span.attr("title"));
    let attributes = [cell.attr("data-order"), title].into_iter().flatten();
    let mut dates = attributes.filter(|text| parse_iso_date_or_never(text, UTC).is_some());
    if let Some(date) = dates.next() {
        return Some(date.to_owned());
    }
    let words = text_without_label(cell);
    let date = split_iso_date(&words).and_then(|(date, _)| date.date());
    Some(date.map_or(words, |date| date.to_string()))
}

/// Reads the first few dates of a text. The limit keeps huge pages cheap.
pub(super) fn read_all(text: &str, context: &ReadContext<'_>) -> Result<Vec<DateOrNever>, Failure> {
    let mut dates = Vec::new();
    let mut rest = text.to_owned();
    while dates.len() < MAX_DATES
        && let Some((date, without)) = split_date_or_never(&rest, context.date_format)
            .or_else(|failure| split_iso_date(&rest).map(Some).ok_or(failure))?
    {
        dates.push(date);
        rest = without;
    }
    Ok(dates)
}

/// Splits the first ISO date from a text. Older templates print some dates so (the end of a suspension), whatever
/// the site's setting. No other format begins with a year of four digits, so it can't be mistaken for another date.
fn split_iso_date(words: &str) -> Option<(DateOrNever, String)> {
    let (date, without) = split_date_or_never(words, Some("%Y-%m-%d")).ok()??;
    let is_whole = |date: NaiveDate| words.contains(&date.to_string());
    date.date().is_none_or(is_whole).then_some((date, without))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("var dateformat_pref = \"dmydot\";", Some("%d.%m.%Y"))]
    #[case("var dformat  = \"us\"; dateFormat: 'dd/mm/yy'", Some("%m/%d/%Y"))]
    #[case("dateFormat: 'dd/mm/yy',", Some("%d/%m/%Y"))]
    #[case(
        "var dateformat_pref = \"iso\"; setDefaults({dateFormat: \"Y-m-d\"",
        Some("%Y-%m-%d")
    )]
    #[case("flatpickr.setDefaults({dateFormat: \"Y-m-d\"", None)]
    #[case("var dformat = get();", None)]
    #[case("", None)]
    fn page_states_its_date_format(#[case] script: &str, #[case] expected: Option<&str>) {
        assert_eq!(stated_format(script), expected);
    }
}
