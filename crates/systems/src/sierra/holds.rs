//! Reads what a hold's cells say.

use hippo_browser::ReadContext;
use hippo_browser::reading::element_text;
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;

use crate::list_reader::{Field, OF_WORDS, Row};

/// Adds the place in the queue.
pub(super) fn complete(hold: &mut Hold, row: &Row<'_>, _: &ReadContext<'_>) -> Result<(), Failure> {
    // The cell of a request at another library may still be empty.
    let status = row.element_of(Field::State).map(element_text);
    let status = status.ok_or_else(|| Failure::page_changed("a hold without a status cell"))?;
    let may_wait = matches!(hold.state, HoldState::Other | HoldState::Suspended);
    if let Some((position, length)) = parse_queue_position(&status).filter(|_| may_wait) {
        (hold.position, hold.queue_length, hold.note) = (Some(position), Some(length), None);
        if hold.state == HoldState::Other {
            hold.state = HoldState::Waiting;
        }
    }
    Ok(())
}

/// Parses `9 of 83 holds` within any text; in other languages, only as the whole text.
fn parse_queue_position(status: &str) -> Option<(u32, u32)> {
    let lower = status.to_lowercase();
    let parts = lower.split(|c: char| !c.is_alphanumeric());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.windows(4).find_map(|four| {
        let &[position, of, length, holds] = four else {
            return None;
        };
        let is_queue = (of == "of" && holds.starts_with("hold"))
            || (parts.len() == 4 && OF_WORDS.contains(&of));
        let (position, length) = (position.parse().ok()?, length.parse().ok()?);
        (is_queue && position <= length).then_some((position, length))
    })
}
