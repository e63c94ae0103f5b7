//! How a site writes its dates.

use chrono::NaiveDate;
use chrono_tz::Tz;
use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Day, element_text, is_endless, iso_day, take_day};
use hippo_core::failure::Failure;
use scraper::ElementRef;

static TITLED: Css = Css::new("span[title]");

/// Where a page's script names the site's setting `dateformat`, newest Koha first.
const PREFERENCES: [&str; 2] = ["dateformat_pref", "var dformat"];

/// Where older pages tell the same to a calendar, in its own signs.
const CALENDAR: &str = "dateFormat:";

/// As many dates as one sentence is read for.
const MAX_DATES: usize = 4;

/// The dates of one page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dates<'a> {
    /// How visible dates are written (strftime); the page's own word, else the library's entry.
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

    /// The date of a cell: its attribute (`data-order`, or the title of a span in it), else its
    /// words; `None` where it has none, or one that stands for “never”.
    pub(super) fn of_cell(&self, cell: ElementRef<'_>) -> Result<Option<NaiveDate>, Failure> {
        Ok(self.day_of_cell(cell)?.and_then(Day::date))
    }

    /// As [`Self::of_cell`], with the days that stand for “never”.
    pub(super) fn day_of_cell(&self, cell: ElementRef<'_>) -> Result<Option<Day>, Failure> {
        let title = TITLED.first(cell).and_then(|span| span.attr("title"));
        let machine = [cell.attr("data-order"), title]
            .into_iter()
            .flatten()
            .find_map(|text| iso_day(text, self.zone));
        match machine {
            Some(date) => Ok(Some(date)),
            None => {
                let words = element_text(cell);
                let day = self.all(&words)?.first().copied();
                Ok(day.or_else(|| is_endless(&words).then_some(Day::Never)))
            }
        }
    }

    /// The first date in words.
    pub(super) fn visible(&self, words: &str) -> Result<Option<NaiveDate>, Failure> {
        Ok(self.all(words)?.first().copied().and_then(Day::date))
    }

    /// The dates in words, the first few: no sentence has more, and a page without end must not take
    /// one.
    pub(super) fn all(&self, words: &str) -> Result<Vec<Day>, Failure> {
        let mut dates = Vec::new();
        let mut rest = words.to_owned();
        while dates.len() < MAX_DATES
            && let Some((date, without)) = self.take(&rest)?
        {
            dates.push(date);
            rest = without;
        }
        Ok(dates)
    }

    fn take(&self, words: &str) -> Result<Option<(Day, String)>, Failure> {
        take_day(words, self.format)
            .or_else(|failure| from_the_database(words).map(Some).ok_or(failure))
    }
}

/// A date as older templates print some of them (until when a hold sleeps), whatever the site's setting. It
/// begins with a year of four digits, as none of the other ways does, so that it is never another date.
fn from_the_database(words: &str) -> Option<(Day, String)> {
    let (day, without) = take_day(words, Some("%Y-%m-%d")).ok()??;
    let is_whole = |date: NaiveDate| words.contains(&date.to_string());
    day.date().is_none_or(is_whole).then_some((day, without))
}

/// The format that the page's script tells, where it does.
pub(super) fn stated_format(body: &str) -> Option<&'static str> {
    let by_name = PREFERENCES
        .iter()
        .find_map(|name| quoted_after(body, name).and_then(of_preference));
    by_name.or_else(|| quoted_after(body, CALENDAR).and_then(of_calendar))
}

/// What stands in quotes right after a name and a sign or two: `var dformat  = "us";`.
fn quoted_after<'b>(body: &'b str, name: &str) -> Option<&'b str> {
    let (_, after) = body.split_once(name)?;
    let value = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.strip_prefix(quote)?.split(quote).next()
}

/// The four settings that Koha has.
fn of_preference(name: &str) -> Option<&'static str> {
    Some(match name {
        "us" => "%m/%d/%Y",
        "metric" => "%d/%m/%Y",
        "dmydot" => "%d.%m.%Y",
        "iso" => "%Y-%m-%d",
        _ => return None,
    })
}

/// jQuery's signs for the same: `yy` has four digits.
fn of_calendar(signs: &str) -> Option<&'static str> {
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
    fn a_page_tells_how_it_writes_dates(#[case] script: &str, #[case] expected: Option<&str>) {
        assert_eq!(stated_format(script), expected);
    }
}
