//! The rows of the list of holds.

use chrono::NaiveDate;
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::row::{author, id_after, title};
use crate::ReadContext;
use crate::reading::{Css, element_text, find_date, first_number, stable_id};

static STATUS: Css = Css::new(".holdsStatus");
static PICKUP: Css = Css::new(".holdsPickup");
static LAPSES: Css = Css::new(".holdsDate");
static RANK: Css = Css::new(".holdsRank");

/// A hold, from its row.
pub(super) fn hold(row: ElementRef<'_>, context: &ReadContext<'_>) -> Result<Hold, Failure> {
    let title = title(row)?;
    let author = author(row);
    let words =
        text(&STATUS, row).ok_or_else(|| Failure::page_changed("a hold without a status"))?;
    let Status {
        state,
        pickup_by,
        suspended_until,
        note,
    } = status(&words, context.date_format)?;
    // Of one that is ready or on its way the rank says nothing more.
    let position = matches!(state, HoldState::Waiting | HoldState::Suspended)
        .then(|| text(&RANK, row))
        .flatten()
        .and_then(|rank| first_number(&rank))
        .filter(|rank| *rank > 0);
    let expires = match text(&LAPSES, row) {
        Some(words) => find_date(&words, context.date_format)?,
        None => None,
    };
    let id = id_after(
        row,
        &["holdTitleLinkDiv_", "holdInitialCover_", "holdItemIdSpan_"],
    )
    .unwrap_or_else(|| stable_id(&[&title, author.as_deref().unwrap_or_default()]));
    Ok(Hold {
        id,
        title,
        author,
        state,
        position,
        queue_length: None,
        pickup_by,
        suspended_until,
        expires,
        pickup_branch: text(&PICKUP, row),
        digital: false,
        note,
        url: None,
    })
}

/// The words of a cell; `None` where there is no such cell or it is empty.
fn text(css: &'static Css, row: ElementRef<'_>) -> Option<String> {
    css.first(row)
        .map(element_text)
        .filter(|text| !text.is_empty())
}

struct Status {
    state: HoldState,
    pickup_by: Option<NaiveDate>,
    suspended_until: Option<NaiveDate>,
    note: Option<String>,
}

/// `Pickup by: 4/4/15`, `Suspended`, `In Transit`, `Pending`; anything else is kept as a note.
fn status(words: &str, format: Option<&str>) -> Result<Status, Failure> {
    let lower = words.to_lowercase();
    let begins = |known: &[&str]| known.iter().any(|known| lower.starts_with(known));
    let mut status = Status {
        state: HoldState::Other,
        pickup_by: None,
        suspended_until: None,
        note: None,
    };
    if begins(&["pickup by", "pick up by", "ready", "available"]) {
        status.state = HoldState::Ready;
        status.pickup_by = find_date(words, format)?;
    } else if begins(&["suspended"]) {
        status.state = HoldState::Suspended;
        status.suspended_until = find_date(words, format)?;
    } else if begins(&["in transit", "in-transit"]) {
        status.state = HoldState::InTransit;
    } else if begins(&["pending", "waiting"]) {
        status.state = HoldState::Waiting;
    } else {
        status.note = Some(words.to_owned());
    }
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Pickup by: 4/4/15", HoldState::Ready)]
    #[case("Available", HoldState::Ready)]
    #[case("Suspended", HoldState::Suspended)]
    #[case("Suspended until 4/4/15", HoldState::Suspended)]
    #[case("In Transit", HoldState::InTransit)]
    #[case("Pending", HoldState::Waiting)]
    #[case("Cancelled", HoldState::Other)]
    fn a_status_has_a_state(#[case] words: &str, #[case] state: HoldState) {
        let status = status(words, Some("%m/%d/%y")).unwrap();
        assert_eq!(status.state, state);
        assert_eq!(status.note.is_some(), state == HoldState::Other);
        let day: Option<NaiveDate> = words.contains('4').then(|| "2015-04-04".parse().unwrap());
        assert_eq!(status.pickup_by.or(status.suspended_until), day);
    }
}
