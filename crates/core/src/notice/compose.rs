//! Builds the view of a notice from its digest.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::ids::CardId;
use crate::notice::PausedCard;
use crate::notice::attention::AttentionKind;
use crate::notice::digest::{Digest, Occasion};
use crate::notice::items::NoticeFormatter;
use crate::notice::phrases::{card_pause, listed, without_links};
use crate::notice::subject::subject;
use crate::notice::view::{Contact, NoticeEmail, NoticeItem, PersonGroup, Section};

/// A mail with more lines to act on than this is grouped by person, if the family wants that.
const MAX_UNGROUPED_LINES: usize = 15;

/// Builds the view of a digest. `operator_contact` is a mail address or a few words.
pub fn compose_view(digest: &Digest, operator_contact: Option<&str>) -> NoticeEmail {
    let when = NoticeFormatter {
        today: digest.today,
        zone: digest.timezone,
    };
    let sections = [
        (
            "Take back",
            digest
                .take_back
                .iter()
                .map(|line| when.loan(line))
                .collect(),
        ),
        (
            "Pick up",
            digest.pick_up.iter().map(|line| when.hold(line)).collect(),
        ),
        ("Needs attention", when.all_attention(&digest.attention)),
    ];
    let lines: usize = sections
        .iter()
        .map(|(_, items): &(_, Vec<NoticeItem>)| items.len())
        .sum();
    let by_person = digest.by_person && lines > MAX_UNGROUPED_LINES;
    NoticeEmail {
        subject: subject(digest),
        heading: format!(
            "{} · {}",
            digest.family_name,
            digest.today.format("%A, %B %-d")
        ),
        intro: intro(digest),
        caveats: when.caveats(digest),
        sections: sections
            .into_iter()
            .filter(|(_, items)| !items.is_empty())
            .map(|(heading, items)| Section {
                heading,
                groups: group_items(items, by_person),
            })
            .collect(),
        later: when.later(digest),
        sources: digest
            .sources
            .iter()
            .map(|source| when.source(source))
            .collect(),
        paused: digest.paused.iter().map(|card| paused_line(card, digest.today)).collect(),
        stopped: (!digest.stopped.is_empty()).then(|| {
            format!(
                "We no longer write to {}: an email there came back, or somebody complained about it.",
                listed(digest.stopped.clone())
            )
        }),
        contact: Contact::from_words(operator_contact),
        links: None,
    }
}

/// Words what needs attention of a card besides its checks, each in a line.
pub fn attention_of_card(digest: &Digest, card: CardId) -> Vec<String> {
    let when = NoticeFormatter {
        today: digest.today,
        zone: digest.timezone,
    };
    let items = digest.attention.iter();
    let items = items.filter(|item| item.is_about(card) && !item.kind.may_hide_account());
    items
        .map(|item| {
            let words = when.attention(item);
            let more = match item.kind {
                AttentionKind::Message { .. } => words.details.into_iter().next(),
                _ => words.strong,
            };
            match more {
                Some(more) => format!("{}: {more}", words.title),
                None => words.title,
            }
        })
        .collect()
}

/// Says whose card is paused, until when and why, or that it wasn't checked since its pause.
fn paused_line(card: &PausedCard, today: NaiveDate) -> String {
    let words = match card.has_ended {
        true => "not checked yet since its pause".to_owned(),
        false => without_links(&card_pause(&card.pause, today)),
    };
    format!("{}, {}: {words}", card.patron, card.library_name)
}

/// Groups the sections of a view by person, however short they are.
pub fn group_by_person(view: &mut NoticeEmail) {
    for section in &mut view.sections {
        let groups = std::mem::take(&mut section.groups);
        let items = groups.into_iter().flat_map(|group| group.items).collect();
        section.groups = group_items(items, true);
    }
}

/// Writes the opening sentence. It says that nothing is to do only if everything is known.
fn intro(digest: &Digest) -> Option<&'static str> {
    let has_unknown_hold = digest
        .attention
        .iter()
        .any(|item| matches!(item.kind, AttentionKind::UnknownHold { .. }));
    match (digest.occasion, digest.has_complete_accounts()) {
        (Some(Occasion::ToDo), _) => None,
        _ if has_unknown_hold => {
            Some("A hold may be ready for you. We don’t know the library’s words for it.")
        }
        (Some(Occasion::Weekly), true) => Some(
            "Nothing to return or pick up. This is your weekly summary, so you know that we check your cards.",
        ),
        (Some(Occasion::Daily) | None, true) if digest.attention.is_empty() => {
            Some("Nothing to return or pick up. Have a good day!")
        }
        (_, true) => Some("Nothing to return or pick up today, but please look at this."),
        (Some(Occasion::Weekly), false) => Some(
            "Nothing to return or pick up on the cards we could check. This is your weekly summary.",
        ),
        (_, false) => Some("Nothing to return or pick up on the cards we could check."),
    }
}

/// Groups the items by person, or puts all of them in one group.
fn group_items(items: Vec<NoticeItem>, by_person: bool) -> Vec<PersonGroup> {
    if !by_person {
        return vec![PersonGroup {
            person: None,
            items,
        }];
    }
    let mut items_by_person: BTreeMap<String, Vec<NoticeItem>> = BTreeMap::new();
    for item in items {
        let mut patrons: Vec<String> = item
            .places
            .iter()
            .map(|place| place.patron.clone())
            .collect();
        patrons.dedup();
        let person = listed(patrons);
        items_by_person.entry(person).or_default().push(item);
    }
    items_by_person
        .into_iter()
        .map(|(person, items)| PersonGroup {
            person: Some(person),
            items,
        })
        .collect()
}
