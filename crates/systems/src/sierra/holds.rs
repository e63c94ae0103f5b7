//! Reads what a hold's cells say.

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, element_text, element_text_without, find_date};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use crate::list_reader::{Field, Row};

static CANCEL_BOX: Css = Css::new("input[name^=cancel]");
static SELECT: Css = Css::new("select");
static SELECTED: Css = Css::new("option[selected]");
static LABEL: Css = Css::new(".patFuncPickupLabel");

/// The word between a position and the queue's length in the catalogue's other languages.
pub(super) const OF_WORDS: [&str; 5] = ["de", "von", "van", "di", "av"];

pub(super) fn read_id(cell: ElementRef<'_>) -> Option<String> {
    let name = CANCEL_BOX.first(cell)?.attr("name")?;
    name.strip_prefix("cancel").map(str::to_owned)
}

pub(super) fn read_branch(cell: ElementRef<'_>) -> Option<String> {
    match SELECT.first(cell) {
        Some(select) => SELECTED.first(select).map(element_text),
        None => Some(element_text_without(cell, |part| LABEL.matches(part))),
    }
}

/// Adds the place in the queue, `9 of 83 holds`, and the last day to pick it up, which is among the words of its state.
pub(super) fn complete(
    hold: &mut Hold,
    row: &Row<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    // The cell of a request at another library may still be empty.
    let words = row.element_of(Field::State).map(element_text);
    let words = words.ok_or_else(|| Failure::page_changed("a hold without a status cell"))?;
    let lower = words.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    match hold.state {
        HoldState::Ready => hold.pickup_by = find_date(&words, context.date_format)?,
        HoldState::InTransit => {}
        state => {
            if let Some((position, length)) = parse_queue_position(&parts) {
                (hold.position, hold.queue_length) = (Some(position), Some(length));
                hold.note = None;
                if state == HoldState::Other {
                    hold.state = HoldState::Waiting;
                }
            } else if parts.first() == Some(&"frozen") {
                hold.state = HoldState::Suspended;
            }
        }
    }
    Ok(())
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
