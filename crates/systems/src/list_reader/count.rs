//! Reads the totals and the other values outside of the lists.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Element, amount, amount_after_label, currency, element_text, element_text_without,
    first_number, numbers, text_after_words,
};
use hippo_core::failure::Failure;
use rust_decimal::Decimal;

use super::beside::number_beside;
use super::date::{read_end, read_first};
use super::description::{Count, Fact, FactPart};
use super::labels::{text_after_beginning, values_after};

/// Returns the first of these values that a page has.
pub(super) fn find_fact(facts: &'static [Fact], root: Element<'_>) -> Option<String> {
    facts.iter().find_map(|fact| find_fact_text(fact, root))
}

/// Returns the value if a page has it.
pub(super) fn find_fact_text(fact: &'static Fact, root: Element<'_>) -> Option<String> {
    match fact.part {
        FactPart::Read(read) => return fact.place.all(root).find_map(read),
        FactPart::NumberBeside => {
            return number_beside(root, fact.words, &fact.place).map(|number| number.to_string());
        }
        FactPart::Labelled => {
            let mut texts = fact.place.all(root).map(element_text);
            return texts.find_map(|text| values_after(&text, fact.words, "").next());
        }
        FactPart::Stated => {
            return values_after(&statement_text(fact, root), fact.words, ":").next();
        }
        FactPart::Beginning => {
            let mut texts = fact.place.all(root).map(element_text);
            return texts
                .find_map(|text| text_after_beginning(&text, fact.words).map(str::to_owned));
        }
        FactPart::Text | FactPart::After => {}
    }
    let mut places = fact.place.all(root).map(element_text);
    if fact.words.is_empty() {
        return places.next();
    }
    places.find_map(|text| {
        let after = text_after_words(&text, fact.words)?.to_owned();
        Some(match fact.part {
            FactPart::After => after,
            _ => text,
        })
    })
}

/// Returns the text of a page without the parts that never contain a statement.
fn statement_text(fact: &'static Fact, root: Element<'_>) -> String {
    element_text_without(root, |part| fact.place.matches(part)).replace('：', ":")
}

/// Reads the first of these days that a page has. If the page states it in running text, all statements must agree; if
/// they don't, or one can't be read, the day is unknown.
pub(super) fn read_day(
    facts: &'static [Fact],
    root: Element<'_>,
    context: &ReadContext<'_>,
) -> Result<Option<NaiveDate>, Failure> {
    let found = facts
        .iter()
        .find_map(|fact| Some((fact, find_fact_text(fact, root)?)));
    let Some((fact, text)) = found else {
        return Ok(None);
    };
    if !matches!(fact.part, FactPart::Stated) {
        return read_first(Some(text), context);
    }
    let text = statement_text(fact, root);
    let values = values_after(&text, fact.words, ":");
    let days: Result<Vec<_>, _> = values.map(|value| read_end(Some(value), context)).collect();
    let mut days: BTreeSet<_> = days.into_iter().flatten().flatten().collect();
    Ok(days.pop_first().filter(|_| days.is_empty()))
}

/// Returns the first sum that a patron owes, and its currency.
pub(super) fn find_sum(
    facts: &'static [Fact],
    root: Element<'_>,
) -> Option<(Decimal, Option<&'static str>)> {
    let mut texts = facts.iter().filter_map(|fact| find_fact_text(fact, root));
    texts.find_map(|text| Some((read_sum(&text)?, currency(&text))))
}

/// Words for a patron who owes nothing.
pub(super) const NOTHING_OWED: &[&str] = &[
    "ausgeglichen",
    "keine offenen gebühren",
    "keine ausstehenden gebühren",
    "sie haben keine gebühren",
    "do not have any fines",
    "have no fines",
];

/// Phrases that contain one of [`NOTHING_OWED`], but mean a debt.
const DEBT_PHRASES: &[&str] = &["nicht ausgeglichen"];

/// Words before a sum that the library owes.
pub(super) const CREDIT: &[&str] = &["guthaben"];

/// Reads the sum that a patron owes. A bare `0` counts.
fn read_sum(text: &str) -> Option<Decimal> {
    let before = text.split(|c: char| c.is_ascii_digit()).next()?;
    if text_after_words(before, CREDIT).is_some() {
        return None;
    }
    amount_after_label(text)
        .or_else(|| amount(text))
        .or_else(|| {
            let has = |known| text_after_words(text, known).is_some();
            let owes_nothing = numbers(text) == [0] || (has(NOTHING_OWED) && !has(DEBT_PHRASES));
            owes_nothing.then(|| Decimal::new(0, 2))
        })
}

/// Returns the total that a page states. Fails with `page_changed` if it states two different ones.
pub(super) fn read_total(
    counts: &'static [Count],
    root: Element<'_>,
    list_name: &str,
) -> Result<Option<u32>, Failure> {
    let mut total = None;
    for Count(facts) in counts {
        let number = |fact| first_number(&find_fact_text(fact, root)?);
        let Some(stated) = facts.iter().map(number).collect::<Option<Vec<u32>>>() else {
            continue;
        };
        let stated = stated.into_iter().fold(0, u32::saturating_add);
        merge_total(&mut total, Some(stated), list_name)?;
    }
    Ok(total)
}

/// Merges another stated total, which must be the same.
pub(super) fn merge_total(
    total: &mut Option<u32>,
    stated: Option<u32>,
    list_name: &str,
) -> Result<(), Failure> {
    match (*total, stated) {
        (Some(one), Some(other)) if one != other => Err(Failure::page_changed(format!(
            "the site says {one} {list_name}, but {other} elsewhere"
        ))),
        _ => {
            *total = total.or(stated);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("4,50 €", Some("4.50"))]
    #[case("0", Some("0.00"))]
    #[case("Sie haben keine Gebühren", Some("0.00"))]
    #[case("Ihr Konto ist ausgeglichen", Some("0.00"))]
    #[case("Ihr Konto ist nicht ausgeglichen", None)]
    #[case("Für Verlängerungen fallen keine Gebühren an", None)]
    fn debt_is_read_from_an_amount_or_from_words(
        #[case] text: &str,
        #[case] expected: Option<&str>,
    ) {
        let sum = read_sum(text).map(|sum| sum.to_string());
        assert_eq!(sum.as_deref(), expected);
    }
}
