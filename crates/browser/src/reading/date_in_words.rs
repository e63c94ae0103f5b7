//! Reads dates whose month is a word, so that no format can be in doubt.

use chrono::NaiveDate;

use super::date::DateOrNever;

/// The months in English, German, French, Spanish, Italian, Portuguese, Dutch and the languages of Scandinavia, and
/// their abbreviations, in lower case. One that is an English word, too, is missing.
const MONTHS: [&str; 12] = [
    "january januar jänner januari janvier enero gennaio janeiro jan janv ene gen",
    "february februar februari février febrero febbraio fevereiro feb févr fév fev",
    "march märz maart mars marzo março marts mar mär mrz mrt",
    "april avril abril aprile apr avr abr",
    "may mai mei mayo maggio maio maj mag",
    "june juni juin junio giugno junho jun giu",
    "july juli juillet julio luglio julho jul juil lug",
    "august augustus augusti août agosto aug ago aoû",
    "september septembre septiembre settembre setembro sept sep sett",
    "october oktober octobre octubre ottobre outubro oct okt ott",
    "november novembre noviembre novembro nov",
    "december dezember décembre diciembre dicembre dezembro desember dec dez déc dic des",
];

/// The words between a day, a month and a year: `6 de diciembre de 2026`.
const BETWEEN: [&str; 2] = ["de", "del"];

/// Finds the first date with a month in words and a year of four digits: `31. Dezember 2016`, `Mon, Nov, 24, 2008`.
pub fn find_date_in_words(text: &str) -> Option<DateOrNever> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && !BETWEEN.contains(word))
        .collect();
    words.windows(3).find_map(|three| match three {
        [one, two, year] => {
            let date = |day: &str, month: &str| {
                NaiveDate::from_ymd_opt(year_of(year)?, month_of(month)?, day_of(day)?)
            };
            let date = date(one, two).or_else(|| date(two, one))?;
            Some(DateOrNever::from_date(date))
        }
        _ => None,
    })
}

fn month_of(word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    let month = MONTHS
        .iter()
        .position(|names| names.split(' ').any(|name| name == word))?;
    u32::try_from(month + 1).ok()
}

/// Reads `4`, `24` or `24th`.
fn day_of(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    let is_day = matches!(digits.len(), 1 | 2) && word.len() <= digits.len() + 2;
    digits.parse().ok().filter(|_| is_day)
}

fn year_of(word: &str) -> Option<i32> {
    let is_year = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let year = word.parse().ok().filter(|_| is_year)?;
    (year >= 1970).then_some(year)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Samstag, 31. Dezember 2016", Some("2016-12-31"))]
    #[case("Mon, Nov, 24, 2008", Some("2008-11-24"))]
    #[case("due March 3rd, 2026 at noon", Some("2026-03-03"))]
    #[case("1. März 2026", Some("2026-03-01"))]
    #[case("6 déc. 2026", Some("2026-12-06"))]
    #[case("1er août 2026", Some("2026-08-01"))]
    #[case("6 de diciembre de 2026", Some("2026-12-06"))]
    #[case("6 dicembre 2026", Some("2026-12-06"))]
    #[case("6 de março de 2026", Some("2026-03-06"))]
    #[case("6 mrt. 2026", Some("2026-03-06"))]
    #[case("den 6 maj 2026", Some("2026-05-06"))]
    #[case("6 out 2026", None)]
    #[case("31. Februar 2016", None)]
    #[case("May 24", None)]
    #[case("24.12.2016", None)]
    #[case("The 12 Days of Dec", None)]
    fn month_in_words_makes_a_date(#[case] text: &str, #[case] expected: Option<&str>) {
        let date = find_date_in_words(text).and_then(DateOrNever::date);
        assert_eq!(date, expected.map(|date| date.parse().unwrap()));
    }

    #[test]
    fn far_future_means_never() {
        assert_eq!(
            find_date_in_words("31. Dezember 2099"),
            Some(DateOrNever::Never)
        );
    }
}
