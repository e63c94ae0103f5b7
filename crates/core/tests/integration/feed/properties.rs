//! Properties of every feed, for any accounts.

use std::collections::BTreeSet;

use chrono::Duration;
use hippo_core::account::HoldState;
use hippo_core::feed::calendar::{CalendarEvent, EventKind};
use hippo_core::feed::compute_entity_tag;
use hippo_core::feed::ics::render_calendar;
use hippo_core::notice::attention::AttentionKind;
use hippo_core::notice::digest::Digest;
use hippo_core::text::clean;
use proptest::prelude::*;

use super::{events, source};
use crate::notice::fixture::Case;
use crate::notice::properties::a_case;

fn count(events: &[CalendarEvent], kinds: &[EventKind]) -> usize {
    let events = events.iter().filter(|event| kinds.contains(&event.kind));
    events.map(|event| event.items).sum()
}

fn text(case: &Case) -> String {
    render_calendar("The Conrads", &events(case))
}

fn digest(case: &Case) -> Digest {
    case.compose().digest
}

proptest! {
    #[test]
    fn every_loan_to_take_back_is_on_its_day(case in a_case()) {
        let events = events(&case);
        let loans = case.cards.iter().flat_map(|card| card.stored.iter())
            .flat_map(|stored| stored.account.loans.iter().flatten())
            .filter(|loan| !loan.digital);
        let mut expected = std::collections::BTreeMap::new();
        for due in loans.filter_map(|loan| loan.due) {
            *expected.entry(due).or_insert(0) += 1;
        }
        let mut found = std::collections::BTreeMap::new();
        for event in events.iter().filter(|event| event.kind == EventKind::Due) {
            *found.entry(event.date).or_insert(0) += event.items;
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_ready_hold_is_an_event(case in a_case()) {
        let holds = case.cards.iter().flat_map(|card| card.stored.iter())
            .flat_map(|stored| stored.account.holds.iter().flatten());
        let ready = holds.filter(|hold| hold.state == HoldState::Ready).count();
        let found = count(&events(&case), &[EventKind::PickUp, EventKind::Ready]);
        prop_assert_eq!(found, ready);
    }

    #[test]
    fn feeds_and_mail_count_the_same(case in a_case()) {
        let (digest, events, now) = (digest(&case), events(&case), source(&case).now());
        let overdue = digest.overdue().count();
        prop_assert_eq!(count(&events, &[EventKind::Overdue]), overdue);
        if let (Some(found), Some(due)) = (now.overdue, now.due) {
            prop_assert_eq!(found, overdue);
            prop_assert_eq!(found + due, digest.take_back.len());
        }
        prop_assert!(now.ready.is_none_or(|ready| ready == digest.pick_up.len()));
        prop_assert_eq!(now.attention, digest.attention.len());
    }

    #[test]
    fn card_that_the_mail_calls_unknown_is_never_silent(case in a_case()) {
        let events = events(&case);
        let digest = digest(&case);
        let unknown = digest.attention.iter().filter(|item| matches!(
            item.kind,
            AttentionKind::PinRefused { .. }
                | AttentionKind::PinNotSent
                | AttentionKind::CardBlocked
                | AttentionKind::NeverChecked { .. }
                | AttentionKind::NotReadSince { .. }
        ));
        let mut places: BTreeSet<_> = unknown.map(|item| item.place.clone()).collect();
        for source in &digest.sources {
            for card in &source.exceptions {
                let found = events.iter().any(|event| {
                    event.kind == EventKind::Unread
                        && event.place.patron == card.patron
                        && event.place.library == source.library
                });
                prop_assert!(found, "{:?}", card);
            }
        }
        for event in events.iter().filter(|event| event.kind == EventKind::Unread) {
            prop_assert_eq!(event.date, digest.today);
            places.remove(&event.place);
        }
        prop_assert!(places.is_empty(), "{:?}", places);
        prop_assert!(source(&case).now().stale_cards >= digest.sources.iter()
            .flat_map(|source| &source.exceptions)
            .filter(|card| card.failure.is_some())
            .count());
    }

    #[test]
    fn events_are_in_order_and_their_ids_differ(case in a_case()) {
        let events = events(&case);
        let order = |event: &CalendarEvent| (event.date, event.kind);
        prop_assert!(events.is_sorted_by_key(order));
        let ids: BTreeSet<String> = events.iter().map(CalendarEvent::uid).collect();
        prop_assert_eq!(ids.len(), events.len());
        for event in &events {
            prop_assert_eq!(event.end() - event.date, Duration::days(1));
            prop_assert!(event.items > 0);
            prop_assert!(event.known_at <= case.now);
            prop_assert_eq!(clean(&event.summary), event.summary.clone());
        }
    }

    #[test]
    fn text_depends_on_the_data_and_the_day_and_not_on_the_time(case in a_case()) {
        let mut later = case.clone();
        // No account of these cases becomes stale in this time.
        later.now += Duration::minutes(7);
        let (one, other) = (text(&case), text(&later));
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(compute_entity_tag(&one), compute_entity_tag(&other));
        prop_assert_eq!(source(&case).now(), source(&later).now());
    }

    #[test]
    fn order_of_the_cards_does_not_matter(case in a_case()) {
        let mut reversed = case.clone();
        reversed.cards.reverse();
        let outline = |case: &Case| -> Vec<_> {
            let events = source(case).calendar(false).into_iter();
            events.map(|event| (event.uid(), event.items, event.known_at)).collect()
        };
        prop_assert_eq!(outline(&case), outline(&reversed));
    }

    #[test]
    fn next_days_feed_has_the_same_ids_for_what_is_to_come(case in a_case()) {
        let mut tomorrow = case.clone();
        tomorrow.now += Duration::days(1);
        let due = |case: &Case| -> BTreeSet<String> {
            let events = events(case).into_iter();
            events.filter(|event| event.kind == EventKind::Due).map(|event| event.uid()).collect()
        };
        prop_assert_eq!(due(&case), due(&tomorrow));
    }
}
