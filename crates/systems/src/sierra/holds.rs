//! Reads the rows of the list of holds.

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, element_text, element_text_without, find_date, is_ready_now, site_id, work_id,
};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;

use super::table::{Column, Row};

static CANCEL_BOX: Css = Css::new("input[name^=cancel]");
static FROZEN: Css = Css::new("input[checked]");
static SELECT: Css = Css::new("select");
static LABEL: Css = Css::new(".patFuncPickupLabel");

/// Words for a ready hold, if they describe the present.
const READY: [&str; 3] = ["ready", "holdshelf", "hold shelf"];
/// The word between a position and the queue's length in the catalogue's other languages.
pub(super) const OF_WORDS: [&str; 5] = ["de", "von", "van", "di", "av"];
static SELECTED: Css = Css::new("option[selected]");

/// Reads a hold from its row.
pub(super) fn read_hold(row: &Row<'_>, context: &ReadContext<'_>) -> Result<Hold, Failure> {
    let work = row.read_work(context.base_url)?;
    // The cell of a request at another library may still be empty.
    let words = row
        .cell(Column::Status)
        .map(element_text)
        .ok_or_else(|| Failure::page_changed("a hold without a status cell"))?;
    let Status {
        mut state,
        position,
        queue_length,
        pickup_by,
        note,
    } = parse_status(&words, context.date_format)?;
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
            None => Some(element_text_without(cell, |part| LABEL.matches(part))),
        })
        .filter(|branch| !branch.is_empty());
    let id = row
        .cell(Column::Cancel)
        .and_then(|cell| CANCEL_BOX.first(cell)?.attr("name"))
        .and_then(|name| name.strip_prefix("cancel"))
        .filter(|id| !id.is_empty())
        .map_or_else(|| work_id(&work.title, work.author.as_deref()), site_id);
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

/// Parses `Ready.`, `IN TRANSIT`, `9 of 83 holds`; anything else is kept as a note.
fn parse_status(words: &str, format: Option<&str>) -> Result<Status, Failure> {
    let lower = words.to_lowercase();
    let mut status = Status {
        state: HoldState::Other,
        position: None,
        queue_length: None,
        pickup_by: None,
        note: None,
    };
    let parts: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    let has_word = |word: &str| parts.contains(&word);
    if has_word("transit") {
        status.state = HoldState::InTransit;
    } else if is_ready(&lower) {
        status.state = HoldState::Ready;
        status.pickup_by = find_date(words, format)?;
    } else if let Some((position, of)) = parse_queue_position(&parts) {
        status.state = HoldState::Waiting;
        status.position = Some(position);
        status.queue_length = Some(of);
    } else {
        if parts.first() == Some(&"frozen") {
            status.state = HoldState::Suspended;
        }
        status.note = Some(words.to_owned()).filter(|words| !words.is_empty());
    }
    Ok(status)
}

/// Whether a word for “ready” describes the present, anywhere in a lower-case text.
fn is_ready(lower: &str) -> bool {
    READY.iter().any(|known| {
        lower.match_indices(known).any(|(at, _)| {
            let before = lower.get(..at).unwrap_or_default();
            let after = lower.get(at + known.len()..).unwrap_or_default();
            !before.ends_with(char::is_alphanumeric)
                && !after.starts_with(char::is_alphanumeric)
                && is_ready_now(before, after)
        })
    })
}

/// Parses `9 of 83 holds` within any text; in other languages, only as the whole text.
fn parse_queue_position(parts: &[&str]) -> Option<(u32, u32)> {
    let parse_position = |position: &str, length: &str| {
        let (position, length) = (position.parse().ok()?, length.parse().ok()?);
        (position <= length).then_some((position, length))
    };
    if let [position, of, length, _holds] = parts
        && OF_WORDS.contains(of)
    {
        return parse_position(position, length);
    }
    parts.windows(4).find_map(|four| match four {
        [position, "of", length, holds] if holds.starts_with("hold") => {
            parse_position(position, length)
        }
        _ => None,
    })
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
    #[case("Ready soon", HoldState::Other, None)]
    #[case("NOT READY FOR PICKUP", HoldState::Other, None)]
    #[case("2 of 3 copies available", HoldState::Other, None)]
    #[case("You will be told when ready", HoldState::Other, None)]
    #[case(
        "Ready. If not taken by 07-23-09 it will go back",
        HoldState::Ready,
        None
    )]
    #[case("Item is ready for pickup", HoldState::Ready, None)]
    #[case("READY.MUST BE PICKED UP BY 07-23-09", HoldState::Ready, None)]
    #[case("TRANSIT", HoldState::InTransit, None)]
    #[case("In transit to the holdshelf", HoldState::InTransit, None)]
    #[case(
        "2 of 12 holds on first copy returned of 4",
        HoldState::Waiting,
        Some(2)
    )]
    #[case("2 de 12 réservations", HoldState::Waiting, Some(2))]
    #[case("12 of 2 holds", HoldState::Other, None)]
    #[case("NOT ON HOLDSHELF", HoldState::Other, None)]
    #[case("Ready to be sent", HoldState::Other, None)]
    #[case("No longer on hold shelf", HoldState::Other, None)]
    #[case(
        "3 of 9 holds. We will write to you when it is ready",
        HoldState::Waiting,
        Some(3)
    )]
    #[case("Recv'd on 07-20-09", HoldState::Other, None)]
    fn status_has_its_state(
        #[case] words: &str,
        #[case] state: HoldState,
        #[case] position: Option<u32>,
    ) {
        let status = parse_status(words, Some("%m-%d-%y")).unwrap();
        assert_eq!((status.state, status.position), (state, position));
        assert_eq!(status.note.is_some(), state == HoldState::Other);
        assert_eq!(
            status.pickup_by.is_some(),
            words.contains("07-23-09"),
            "{words}"
        );
    }

    #[test]
    fn pickup_date_needs_the_declared_format() {
        assert!(parse_status("Ready. Must be picked up by 07-23-09", None).is_err());
        assert!(parse_status("9 of 83 holds", None).is_ok());
    }
}
