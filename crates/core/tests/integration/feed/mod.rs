//! A family's feeds, from its accounts to the text.

mod calendar;
mod ics;
mod now;
mod properties;

use hippo_core::feed::FeedSource;
use hippo_core::feed::calendar::{CalendarEvent, EventKind};

use crate::notice::fixture::Case;

/// The feeds of a case.
fn source(case: &Case) -> FeedSource {
    FeedSource::new(&case.family, case.cards.clone(), case.now)
}

/// The events of a case, with titles.
fn events(case: &Case) -> Vec<CalendarEvent> {
    source(case).calendar(true)
}

/// Each event's kind, day and summary.
fn outline(events: &[CalendarEvent]) -> Vec<(EventKind, String, &str)> {
    events
        .iter()
        .map(|event| (event.kind, event.date.to_string(), event.summary.as_str()))
        .collect()
}
