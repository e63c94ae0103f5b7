//! Reads the totals and the other values outside of the lists.

use hippo_browser::reading::{element_text, first_number, text_after_words};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::description::{Count, Fact};

/// Returns the first of these values that a page has.
pub(super) fn find_fact(facts: &'static [Fact], root: ElementRef<'_>) -> Option<String> {
    facts.iter().find_map(|fact| fact_text(fact, root))
}

fn fact_text(fact: &'static Fact, root: ElementRef<'_>) -> Option<String> {
    let mut places = fact.place.all(root).map(element_text);
    if fact.after.is_empty() {
        return places.next();
    }
    places.find_map(|text| text_after_words(&text, fact.after).map(str::to_owned))
}

/// Returns the total that a page states. Fails with `page_changed` if it states two different ones.
pub(super) fn read_total(
    counts: &'static [Count],
    root: ElementRef<'_>,
    what: &str,
) -> Result<Option<u32>, Failure> {
    let mut total = None;
    for Count(facts) in counts {
        let number = |fact| first_number(&fact_text(fact, root)?);
        let Some(stated) = facts.iter().map(number).collect::<Option<Vec<u32>>>() else {
            continue;
        };
        let stated = stated.into_iter().fold(0, u32::saturating_add);
        join_totals(&mut total, Some(stated), what)?;
    }
    Ok(total)
}

/// Adds a statement of a total to another, which must be the same.
pub(super) fn join_totals(
    total: &mut Option<u32>,
    stated: Option<u32>,
    what: &str,
) -> Result<(), Failure> {
    match (*total, stated) {
        (Some(one), Some(other)) if one != other => Err(Failure::page_changed(format!(
            "the site says {one} {what}, and {other} {what}"
        ))),
        _ => {
            *total = total.or(stated);
            Ok(())
        }
    }
}
