//! The date format of a site, and its dates.

use chrono::NaiveDate;
use chrono_tz::Tz;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, DateOrNever, element_text, parse_iso_date_or_never, split_date_or_never, starts_with_never,
};
use hippo_core::failure::Failure;
use scraper::ElementRef;

static TITLED: Css = Css::new("span[title]");

/// The names of the setting `dateformat` in a page's script, newest Koha first.
const PREFERENCES: [&str; 2] = ["dateformat_pref", "var dformat"];

/// The name of the same setting in older pages, in the calendar's notation.
const CALENDAR: &str = "dateFormat:";

/// The maximum number of dates that are read from one sentence.
const MAX_DATES: usize = 4;

/// Reads the dates of one page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dates<'a> {
    /// The format of visible dates (strftime): as the page states it, else from the library's entry.
    format: Option<&'a str>,
    zone: Tz,
}

impl<'a> Dates<'a> {
    pub(super) fn stated_in(body: &str, context: &ReadContext<'a>) -> Self {
        Self {
            format: stated_format(body).or(context.date_format),
            zone: context.timezone,
        }
    }

    /// Reads a cell's date from its attribute (`data-order`, or the title of a span in it), else from its
    /// text; `None` if it has none, or one that means “never”.
    pub(super) fn date_of_cell(&self, cell: ElementRef<'_>) -> Result<Option<NaiveDate>, Failure> {
        Ok(self
            .date_or_never_of_cell(cell)?
            .and_then(DateOrNever::date))
    }

    /// Like [`Self::date_of_cell`], but tells “never” from no date.
    pub(super) fn date_or_never_of_cell(
        &self,
        cell: ElementRef<'_>,
    ) -> Result<Option<DateOrNever>, Failure> {
        let title = TITLED.first(cell).and_then(|span| span.attr("title"));
        let machine_readable = [cell.attr("data-order"), title]
            .into_iter()
            .flatten()
            .find_map(|text| parse_iso_date_or_never(text, self.zone));
        match machine_readable {
            Some(date) => Ok(Some(date)),
            None => {
                let words = element_text(cell);
                let date = self.all(&words)?.first().copied();
                Ok(date.or_else(|| starts_with_never(&words).then_some(DateOrNever::Never)))
            }
        }
    }

    /// Reads the first date of a text.
    pub(super) fn first_date(&self, words: &str) -> Result<Option<NaiveDate>, Failure> {
        Ok(self
            .all(words)?
            .first()
            .copied()
            .and_then(DateOrNever::date))
    }

    /// Reads the first few dates of a text. The limit keeps huge pages cheap.
    pub(super) fn all(&self, words: &str) -> Result<Vec<DateOrNever>, Failure> {
        let mut dates = Vec::new();
        let mut rest = words.to_owned();
        while dates.len() < MAX_DATES
            && let Some((date, without)) = self.split_date_or_never(&rest)?
        {
            dates.push(date);
            rest = without;
        }
        Ok(dates)
    }

    fn split_date_or_never(&self, words: &str) -> Result<Option<(DateOrNever, String)>, Failure> {
        split_date_or_never(words, self.format)
            .or_else(|failure| split_iso_date_or_never(words).map(Some).ok_or(failure))
    }
}

/// Splits the first ISO date from a text. Older templates print some dates so (the end of a suspension), whatever
/// the site's setting. No other format begins with a year of four digits, so it can't be mistaken for another date.
fn split_iso_date_or_never(words: &str) -> Option<(DateOrNever, String)> {
    let (date, without) = split_date_or_never(words, Some("%Y-%m-%d")).ok()??;
    let is_whole = |date: NaiveDate| words.contains(&date.to_string());
    date.date().is_none_or(is_whole).then_some((date, without))
}

/// Returns the date format that the page's script states, if any.
pub(super) fn stated_format(body: &str) -> Option<&'static str> {
    let by_name = PREFERENCES
        .iter()
        .find_map(|name| quoted_after(body, name).and_then(format_of_preference));
    by_name.or_else(|| quoted_after(body, CALENDAR).and_then(format_of_calendar))
}

/// Returns the quoted text shortly after a name: `var dformat  = "us";`.
fn quoted_after<'b>(body: &'b str, name: &str) -> Option<&'b str> {
    let (_, after) = body.split_once(name)?;
    let value = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.strip_prefix(quote)?.split(quote).next()
}

/// Returns the strftime format of one of Koha's four settings.
fn format_of_preference(name: &str) -> Option<&'static str> {
    Some(match name {
        "us" => "%m/%d/%Y",
        "metric" => "%d/%m/%Y",
        "dmydot" => "%d.%m.%Y",
        "iso" => "%Y-%m-%d",
        _ => return None,
    })
}

/// Returns the strftime format of jQuery's notation: `yy` has four digits.
fn format_of_calendar(signs: &str) -> Option<&'static str> {
    Some(match signs {
        "mm/dd/yy" => "%m/%d/%Y",
        "dd/mm/yy" => "%d/%m/%Y",
        "dd.mm.yy" => "%d.%m.%Y",
        "yy-mm-dd" => "%Y-%m-%d",
        _ => return None,
    })
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
