//! The calendar: an all-day event for each library, patron, kind and day.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{FeedSource, encode_hex_prefix};
use crate::failure::FailureKind;
use crate::ids::{CardId, LibraryId};
use crate::notice::NoticeCard;
use crate::notice::attention::AttentionKind;
use crate::notice::digest::source_exception;
use crate::notice::items::{NoticeFormatter, author, renewal, shorten};
use crate::notice::line::{CardPlace, HoldLine, LoanLine};
use crate::notice::phrases::{count, due, full_day};
use crate::text::cut;

/// The most characters of a title in an event's summary; its description has the whole title.
const MAX_SUMMARY_TITLE_CHARS: usize = 80;

/// The most bytes of lines in a description; more items are counted.
const MAX_DESCRIPTION_BYTES: usize = 20_000;

/// The kinds of events, in their order on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A card's account isn't known as it is now. On today's date.
    Unread,
    /// Loans are overdue. On today's date.
    Overdue,
    /// Holds are ready, and the library doesn't say until when. On today's date.
    Ready,
    /// Loans are due.
    Due,
    /// The last day to pick up holds.
    PickUp,
    /// The last day of holds that may be ready: we don't know the library's words for them.
    UnknownHold,
    /// The last day on which the card is valid.
    CardExpires,
}

impl EventKind {
    /// Its name, which is part of an event's id and never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Overdue => "overdue",
            Self::Ready => "ready",
            Self::Due => "due",
            Self::PickUp => "pick_up",
            Self::UnknownHold => "unknown_hold",
            Self::CardExpires => "card_expires",
        }
    }
}

/// An all-day event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalendarEvent {
    /// Its kind.
    pub kind: EventKind,
    /// Its day.
    pub date: NaiveDate,
    /// The patron and the library.
    #[serde(flatten)]
    pub place: CardPlace,
    /// How many items it is about.
    pub items: usize,
    /// One line.
    pub summary: String,
    /// Several lines; may be empty.
    pub description: String,
    /// The time of the newest fact in it. It is a stored time, and never the current one.
    pub known_at: DateTime<Utc>,
}

impl CalendarEvent {
    /// Its id: a hash of library, patron, kind and date, so that a later feed updates the event.
    pub fn uid(&self) -> String {
        let mut hash = Sha256::new();
        let date = self.date.to_string();
        for part in [
            self.place.library.as_str(),
            &self.place.patron,
            self.kind.as_str(),
            &date,
        ] {
            hash.update(part);
            // Clean text has no control characters.
            hash.update([0]);
        }
        format!("{}@libraryhippo", encode_hex_prefix(&hash.finalize(), 16))
    }

    /// The day after it.
    pub fn end(&self) -> NaiveDate {
        self.date.succ_opt().unwrap_or(self.date)
    }
}

impl FeedSource {
    /// Lists the events, ordered by day and kind.
    ///
    /// Without titles, an event counts items and says nothing about them.
    pub fn calendar(&self, with_titles: bool) -> Vec<CalendarEvent> {
        let words = NoticeFormatter {
            today: self.digest.today,
            zone: self.digest.timezone,
        };
        let mut groups = Groups {
            words,
            cards: self.cards.iter().map(|card| (card.card.id, card)).collect(),
            groups: BTreeMap::new(),
        };
        let digest = &self.digest;
        for line in digest.take_back.iter().chain(&digest.later.loans) {
            groups.add_loan(line);
        }
        for line in &digest.pick_up {
            groups.add_hold(line);
        }
        for item in &digest.attention {
            match &item.kind {
                AttentionKind::MissedHold { hold, .. } => groups.add_hold(hold),
                AttentionKind::UnknownHold { hold } => groups.add_unknown_hold(hold),
                _ => {}
            }
        }
        for card in &self.cards {
            groups.add_expiry(card);
            if let Some(problem) = self.card_problem(card) {
                let place = CardPlace::from_card(card);
                let (kind, date) = (EventKind::Unread, words.today);
                groups.add(kind, date, &place, card.card.id, problem);
            }
        }
        groups.into_events(with_titles)
    }

    /// Says why a card's current account may be unknown, in part or in whole.
    fn card_problem(&self, card: &NoticeCard) -> Option<Entry> {
        let words = NoticeFormatter {
            today: self.digest.today,
            zone: self.digest.timezone,
        };
        let mut attention = self.digest.attention.iter();
        if let Some(item) = attention.find(|item| item.leaves_account_unknown(card.card.id)) {
            let item = words.attention(item);
            return Some(Entry {
                title: item.title,
                details: item.details,
                ..Entry::default()
            });
        }
        let exception = source_exception(card)?;
        let is_unknown = exception.loans_unknown || exception.holds_unknown;
        // A card that wasn't tried has no problem until its account is stale.
        let is_failing = exception
            .failure
            .is_some_and(|failure| failure.kind != FailureKind::NotTried);
        if !is_unknown && !is_failing {
            return None;
        }
        let title = match is_failing {
            true => "Couldn’t check this card",
            false => "The library’s site doesn’t say everything",
        };
        Some(Entry {
            title: title.to_owned(),
            details: vec![words.exception(&exception)],
            ..Entry::default()
        })
    }

    /// Counts the cards whose account is out of date: unread for too long, never read, or failing.
    pub(crate) fn count_stale_cards(&self) -> usize {
        let is_stale = |card: &&NoticeCard| {
            let mut attention = self.digest.attention.iter();
            let is_failing = card
                .newest_failure()
                .is_some_and(|failure| failure.kind != FailureKind::NotTried);
            is_failing || attention.any(|item| item.leaves_account_unknown(card.card.id))
        };
        self.cards.iter().filter(is_stale).count()
    }
}

/// One item of an event.
#[derive(Debug, Clone, Default)]
struct Entry {
    title: String,
    author: Option<String>,
    details: Vec<String>,
    is_digital: bool,
}

/// The items of one event.
struct Group {
    place: CardPlace,
    entries: Vec<Entry>,
    known_at: DateTime<Utc>,
    /// When the oldest of its accounts was read.
    as_of: Option<DateTime<Utc>>,
}

/// The events' items, by day, kind, library and patron.
struct Groups<'a> {
    words: NoticeFormatter,
    cards: BTreeMap<CardId, &'a NoticeCard>,
    groups: BTreeMap<(NaiveDate, EventKind, LibraryId, String), Group>,
}

impl Groups<'_> {
    fn add(
        &mut self,
        kind: EventKind,
        date: NaiveDate,
        place: &CardPlace,
        card: CardId,
        entry: Entry,
    ) {
        // iCalendar writes years with four digits.
        let Some(card) = self.cards.get(&card).filter(|_| is_writable(date)) else {
            return;
        };
        let (known_at, as_of) = (known_at(card), card.as_of());
        let key = (date, kind, place.library.clone(), place.patron.clone());
        let group = self.groups.entry(key).or_insert_with(|| Group {
            place: place.clone(),
            entries: Vec::new(),
            known_at,
            as_of,
        });
        group.entries.push(entry);
        group.known_at = group.known_at.max(known_at);
        group.as_of = group.as_of.min(as_of);
    }

    /// Adds a loan to its due day, and to today if it is overdue.
    fn add_loan(&mut self, line: &LoanLine) {
        // A digital loan is returned automatically.
        let Some(date) = line.due.filter(|_| !line.digital) else {
            return;
        };
        let mut entry = Entry {
            title: shorten(&line.title),
            author: line.author.as_deref().map(author),
            details: renewal(line).into_iter().collect(),
            ..Entry::default()
        };
        entry.details.extend(line.note.as_deref().map(shorten));
        let (kind, place) = (EventKind::Due, &line.place);
        self.add(kind, date, place, line.card, entry.clone());
        let today = self.words.today;
        if date < today {
            entry.details.insert(0, due(date, today));
            self.add(EventKind::Overdue, today, place, line.card, entry);
        }
    }

    /// Adds a ready hold to its last day, or to today if it has none.
    fn add_hold(&mut self, line: &HoldLine) {
        let entry = hold_entry(line);
        let (kind, date) = match line.pickup_by {
            Some(date) => (EventKind::PickUp, date),
            None => (EventKind::Ready, self.words.today),
        };
        self.add(kind, date, &line.place, line.card, entry);
    }

    /// Adds a hold that may be ready to its last day, or to today if it has none.
    fn add_unknown_hold(&mut self, line: &HoldLine) {
        let date = line.pickup_by.unwrap_or(self.words.today);
        let kind = EventKind::UnknownHold;
        self.add(kind, date, &line.place, line.card, hold_entry(line));
    }

    fn add_expiry(&mut self, card: &NoticeCard) {
        let account = card.stored.as_ref().map(|stored| &stored.account);
        let Some(date) = account.and_then(|account| account.card_expires) else {
            return;
        };
        let place = CardPlace::from_card(card);
        let kind = EventKind::CardExpires;
        self.add(kind, date, &place, card.card.id, Entry::default());
    }

    fn into_events(self, with_titles: bool) -> Vec<CalendarEvent> {
        let words = self.words;
        let events = self.groups.into_iter();
        events
            .map(|((date, kind, _, _), group)| CalendarEvent {
                kind,
                date,
                items: group.entries.len(),
                summary: format!(
                    "{} ({}, {})",
                    summary(kind, date, words.today, &group.entries, with_titles),
                    group.place.patron,
                    group.place.library_name
                ),
                description: description(kind, &group, words, with_titles),
                place: group.place,
                known_at: group.known_at,
            })
            .collect()
    }
}

fn hold_entry(line: &HoldLine) -> Entry {
    let mut details = Vec::new();
    let branch = line.pickup_branch.as_deref().filter(|_| !line.digital);
    details.extend(branch.map(|branch| format!("at {}", shorten(branch))));
    details.extend(line.digital.then(|| "borrow online".to_owned()));
    details.extend(line.note.as_deref().map(shorten));
    Entry {
        title: shorten(&line.title),
        author: line.author.as_deref().map(author),
        details,
        is_digital: line.digital,
    }
}

fn summary(
    kind: EventKind,
    date: NaiveDate,
    today: NaiveDate,
    entries: &[Entry],
    with_titles: bool,
) -> String {
    let what = |one: &str, many: &str| match entries {
        [only] if with_titles => cut(&only.title, MAX_SUMMARY_TITLE_CHARS),
        several => count(several.len() as u64, one, many),
    };
    let is_digital = entries.iter().all(|entry| entry.is_digital);
    match kind {
        EventKind::Unread => entries
            .first()
            .map_or_else(String::new, |entry| entry.title.clone()),
        EventKind::Overdue => format!("Overdue: {}", what("item", "items")),
        EventKind::Due => format!("Return {}", what("item", "items")),
        EventKind::PickUp if is_digital => {
            format!("Last day to borrow online: {}", what("item", "items"))
        }
        EventKind::PickUp => format!("Last day to pick up {}", what("hold", "holds")),
        EventKind::Ready if is_digital => {
            format!("Ready to borrow online: {}", what("item", "items"))
        }
        EventKind::Ready => format!("Ready to pick up: {}", what("hold", "holds")),
        EventKind::UnknownHold => format!("Please check {}", what("hold", "holds")),
        EventKind::CardExpires if date < today => "Card expired".to_owned(),
        EventKind::CardExpires => "Card expires".to_owned(),
    }
}

fn description(
    kind: EventKind,
    group: &Group,
    words: NoticeFormatter,
    with_titles: bool,
) -> String {
    let mut lines: Vec<String> = Vec::new();
    match kind {
        EventKind::Unread => {
            lines.extend(group.entries.iter().flat_map(|entry| entry.details.clone()));
            lines.dedup();
        }
        EventKind::CardExpires => lines.push("Please renew it at the library.".to_owned()),
        _ if with_titles => lines.extend(item_lines(&group.entries)),
        _ => {}
    }
    // What is said about a card that isn't known says its age itself.
    let as_of = group.as_of.filter(|_| kind != EventKind::Unread);
    lines.extend(as_of.map(|at| {
        let local = at.with_timezone(&words.zone);
        let day = full_day(local.date_naive(), words.today);
        format!("As of {day}, {}.", local.format("%H:%M"))
    }));
    lines.join("\n")
}

/// Writes a line for each item, and counts the items that don't fit.
fn item_lines(entries: &[Entry]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    for (index, entry) in entries.iter().enumerate() {
        let by = entry.author.as_deref();
        let by = by.map_or_else(String::new, |author| format!(", by {author}"));
        let parts = std::iter::once(format!("{}{by}", entry.title)).chain(entry.details.clone());
        let line = parts.collect::<Vec<_>>().join(" · ");
        bytes += line.len();
        if bytes > MAX_DESCRIPTION_BYTES && index > 0 {
            let left = entries.len() - index;
            lines.push(format!("and {} more", count(left as u64, "item", "items")));
            break;
        }
        lines.push(line);
    }
    lines
}

fn is_writable(date: NaiveDate) -> bool {
    (1..=9998).contains(&date.year())
}

/// The time of the newest fact about a card.
fn known_at(card: &NoticeCard) -> DateTime<Utc> {
    let checked_at = card.state.last_check.as_ref().map(|check| check.started_at);
    let facts = [checked_at, card.as_of(), card.state.refused_since];
    facts
        .into_iter()
        .flatten()
        .fold(card.card.created_at, DateTime::max)
}
