//! The rows of the list of holds.

use chrono::NaiveDate;
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;

use super::table::{Column, Row};
use crate::ReadContext;
use crate::reading::{Css, element_text, find_date, numbers, own_id, stable_id};

static CANCEL_BOX: Css = Css::new("input[name^=cancel]");
static FROZEN: Css = Css::new("input[checked]");
static SELECT: Css = Css::new("select");
static SELECTED: Css = Css::new("option[selected]");

/// A hold, from its row.
pub(super) fn hold(row: &Row<'_>, context: &ReadContext<'_>) -> Result<Hold, Failure> {
    let work = row.work(context.base_url)?;
    let words = row
        .text(Column::Status)
        .ok_or_else(|| Failure::page_changed("a hold without a status"))?;
    let Status {
        mut state,
        position,
        queue_length,
        pickup_by,
        note,
    } = status(&words, context.date_format)?;
    let is_frozen = row
        .cell(Column::Freeze)
        .is_some_and(|cell| FROZEN.is_in(cell));
    if is_frozen && matches!(state, HoldState::Waiting | HoldState::Other) {
        state = HoldState::Suspended;
    }
    let expires = match row.text(Column::Lapses) {
        Some(words) => find_date(&words, context.date_format)?,
        None => None,
    };
    let pickup_branch = row
        .cell(Column::Pickup)
        .and_then(|cell| match SELECT.first(cell) {
            Some(select) => SELECTED.first(select).map(element_text),
            None => Some(element_text(cell)),
        })
        .filter(|branch| !branch.is_empty());
    let id = row
        .cell(Column::Cancel)
        .and_then(|cell| CANCEL_BOX.first(cell)?.attr("name"))
        .and_then(|name| name.strip_prefix("cancel"))
        .filter(|id| !id.is_empty())
        .map_or_else(
            || stable_id(&[&work.title, work.author.as_deref().unwrap_or_default()]),
            own_id,
        );
    Ok(Hold {
        id,
        title: work.title,
        author: work.author,
        state,
        position,
        queue_length,
        pickup_by,
        suspended_until: None,
        expires,
        pickup_branch,
        digital: false,
        note,
        url: work.url,
    })
}

struct Status {
    state: HoldState,
    position: Option<u32>,
    queue_length: Option<u32>,
    pickup_by: Option<NaiveDate>,
    note: Option<String>,
}

/// `Ready.`, `IN TRANSIT`, `9 of 83 holds`; anything else is kept as a note.
fn status(words: &str, format: Option<&str>) -> Result<Status, Failure> {
    let lower = words.to_lowercase();
    let mut status = Status {
        state: HoldState::Other,
        position: None,
        queue_length: None,
        pickup_by: None,
        note: None,
    };
    if lower.starts_with("ready") || lower.contains("holdshelf") || lower.contains("hold shelf") {
        status.state = HoldState::Ready;
        status.pickup_by = find_date(words, format)?;
    } else if lower.contains("in transit") || lower.contains("in-transit") {
        status.state = HoldState::InTransit;
    } else if let (true, [position, of]) = (
        lower.contains(" of ") && lower.contains("hold"),
        numbers(words).as_slice(),
    ) {
        status.state = HoldState::Waiting;
        status.position = Some(*position);
        status.queue_length = Some(*of);
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
    #[case("Ready.", HoldState::Ready, None)]
    #[case("READY.", HoldState::Ready, None)]
    #[case("Ready. Must be picked up by 07-23-09", HoldState::Ready, None)]
    #[case("ON HOLDSHELF", HoldState::Ready, None)]
    #[case("IN TRANSIT", HoldState::InTransit, None)]
    #[case("9 of 83 holds", HoldState::Waiting, Some(9))]
    #[case("CHECK SHELVES", HoldState::Other, None)]
    #[case("TRACE", HoldState::Other, None)]
    fn a_status_has_a_state(
        #[case] words: &str,
        #[case] state: HoldState,
        #[case] position: Option<u32>,
    ) {
        let status = status(words, Some("%m-%d-%y")).unwrap();
        assert_eq!((status.state, status.position), (state, position));
        assert_eq!(status.note.is_some(), state == HoldState::Other);
        assert_eq!(status.pickup_by.is_some(), words.contains("07-23-09"));
    }

    #[test]
    fn a_day_to_pick_it_up_needs_the_declared_format() {
        assert!(status("Ready. Must be picked up by 07-23-09", None).is_err());
        assert!(status("9 of 83 holds", None).is_ok());
    }
}
