//! Turns a digest's entries into items and lines of the view.

use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::account::HoldState;
use crate::notice::attention::{Attention, AttentionKind};
use crate::notice::author::author_name;
use crate::notice::digest::{Balance, Digest};
use crate::notice::digest::{CardException, Source};
use crate::notice::line::{CardPlace, HoldLine, LoanLine};
use crate::notice::phrases::{self, day, due, full_day, moment, money, sentence};
use crate::notice::view::{CHANGED, Line, NEW, NoticeGroup, NoticeItem, PlaceView, SourceView};

/// The most characters of a title, author or note; no real one is longer.
const MAX_TITLE_CHARS: usize = 1_000;

/// The most characters of a library's message; its site has the rest.
const MAX_MESSAGE_CHARS: usize = 500;

/// Formats a notice's entries for the family's local day and time zone.
#[derive(Clone, Copy)]
pub(crate) struct NoticeFormatter {
    pub(crate) today: NaiveDate,
    pub(crate) zone: Tz,
}

impl NoticeFormatter {
    pub(crate) fn loan(self, line: &LoanLine) -> NoticeItem {
        let mut details = Vec::new();
        let renew_url = line
            .place
            .account_url
            .clone()
            .filter(|_| line.renewable == Some(true));
        // A renewal link already shows that it can be renewed.
        details.extend(renewal(line).filter(|_| renew_url.is_none()));
        details.extend(line.note.as_deref().map(shorten));
        details.extend(self.as_of(line.as_of));
        NoticeItem {
            title: shorten(&line.title),
            url: line.url.clone(),
            author: line.author.as_deref().map(author),
            mark: line.became_non_renewable.then_some(CHANGED),
            strong: line.due.map(|date| due(date, self.today)),
            urgent: line.days_left.is_some_and(|days| days <= 0),
            details,
            renew_url,
            places: vec![PlaceView::from_place(&line.place)],
        }
    }

    pub(crate) fn hold(self, line: &HoldLine) -> NoticeItem {
        let mut details = Vec::new();
        let branch = line.pickup_branch.as_deref().map(shorten);
        let strong = if line.digital {
            Some(match line.pickup_by {
                Some(date) if date <= self.today => {
                    format!("borrow online, {}", self.by_day(date))
                }
                Some(date) => format!("borrow online {}", self.by_day(date)),
                None => String::from("borrow online"),
            })
        } else {
            details.extend(branch.map(|branch| format!("at {branch}")));
            Some(
                line.pickup_by
                    .map_or_else(|| String::from("ready"), |date| self.by_day(date)),
            )
        };
        details.extend(line.note.as_deref().map(shorten));
        details.extend(self.as_of(line.as_of));
        NoticeItem {
            mark: line.new.then_some(NEW),
            strong,
            urgent: line.pickup_by.is_some_and(|date| date <= self.today),
            details,
            ..hold_item(line)
        }
    }

    pub(crate) fn attention(self, item: &Attention) -> NoticeItem {
        let (title, details, urgent) = match &item.kind {
            AttentionKind::PinRefused { since, .. } => (
                String::from("Number or PIN rejected"),
                format!(
                    "The library rejected this number or PIN {}. We won’t try again until it’s \
                     corrected, so that the card doesn’t get locked.",
                    self.on_past_day(*since)
                ),
                true,
            ),
            AttentionKind::PinNotSent => (
                String::from("PIN not sent"),
                String::from(
                    "This library’s website has a new address, so we didn’t send the PIN there. Please ask \
                     the person who runs LibraryHippo to check the address.",
                ),
                true,
            ),
            AttentionKind::CardBlocked => (
                String::from("Card blocked"),
                String::from("The library has blocked this card. Please ask at the desk."),
                true,
            ),
            AttentionKind::NeverChecked { failure } => (
                String::from("Not checked yet"),
                match failure {
                    Some(kind) => format!(
                        "We couldn’t check this card so far: {}.",
                        phrases::failure(*kind)
                    ),
                    None => String::from("This card hasn’t been checked yet."),
                },
                false,
            ),
            AttentionKind::NotReadSince {
                last_success_at,
                failure,
            } => (
                format!(
                    "Not checked since {}",
                    moment(*last_success_at, self.zone, self.today)
                ),
                format!(
                    "{}, so this may be out of date.",
                    failure.map_or_else(
                        || String::from("It hasn’t been checked since"),
                        |kind| sentence(phrases::failure(kind))
                    )
                ),
                false,
            ),
            AttentionKind::UnknownHold { hold } => return self.unknown_hold(hold),
            AttentionKind::MissedHold { hold, seen_since } => {
                return self.missed_hold(hold, *seen_since);
            }
            AttentionKind::CardExpires {
                last_day,
                days_left,
                messages,
            } => return self.expiry(item, *last_day, *days_left, messages),
            AttentionKind::Fines { amount, currency } => (
                format!("Fines of {}", money(*amount, currency.as_deref())),
                String::from("The library’s site says you owe this."),
                false,
            ),
            AttentionKind::Message { text } => (
                String::from("Message from the library"),
                cut(text, MAX_MESSAGE_CHARS),
                false,
            ),
        };
        NoticeItem {
            urgent,
            ..attention_item(item, title, vec![details])
        }
    }

    fn expiry(
        self,
        item: &Attention,
        last_day: NaiveDate,
        days_left: i64,
        messages: &[String],
    ) -> NoticeItem {
        let on = self.on_day(last_day);
        let (title, when) = match days_left {
            ..0 => (format!("Card expired {on}"), String::new()),
            0..=1 => (format!("Card expires {on}"), String::new()),
            _ => (
                format!("Card expires {on}"),
                format!("That is in {days_left} days. "),
            ),
        };
        let mut sentences = vec![format!("{when}Please renew it at the library.")];
        let messages = messages.iter();
        sentences.extend(messages.map(|text| format!("It says: {}", shorten(text))));
        NoticeItem {
            urgent: days_left <= 1,
            ..attention_item(item, title, vec![sentences.join(" ")])
        }
    }

    fn unknown_hold(self, line: &HoldLine) -> NoticeItem {
        let strong = match &line.note {
            Some(words) => format!("The library says: {}", shorten(words)),
            None => String::from("The library doesn’t say whether it’s ready"),
        };
        let mut details = Vec::new();
        details.extend(queue_position(line));
        details.extend(line.pickup_by.map(|date| self.by_day(date)));
        let branch = line.pickup_branch.as_deref().map(shorten);
        details.extend(branch.map(|branch| format!("pickup at {branch}")));
        details.extend(self.as_of(line.as_of));
        NoticeItem {
            strong: Some(strong),
            details,
            ..hold_item(line)
        }
    }

    fn missed_hold(self, line: &HoldLine, seen_since: bool) -> NoticeItem {
        let done = if line.digital {
            "borrowed"
        } else {
            "picked up"
        };
        let strong = line.pickup_by.map(|date| {
            if seen_since {
                format!("wasn’t {done} by {}", full_day(date, self.today))
            } else {
                self.by_day(date)
            }
        });
        let mut details = Vec::new();
        let branch = line.pickup_branch.as_deref().filter(|_| !line.digital);
        details.extend(branch.map(|branch| format!("at {}", shorten(branch))));
        details.extend(line.note.as_deref().map(shorten));
        details.extend(self.as_of(line.as_of));
        NoticeItem {
            strong,
            urgent: true,
            details,
            ..hold_item(line)
        }
    }

    /// Words all entries; several rejected numbers or PINs become one item.
    pub(crate) fn all_attention(self, attention: &[Attention]) -> Vec<NoticeItem> {
        let (rejected, others): (Vec<&Attention>, Vec<&Attention>) = attention
            .iter()
            .partition(|item| matches!(item.kind, AttentionKind::PinRefused { .. }));
        let mut items = match rejected.as_slice() {
            [] | [_] => rejected.iter().map(|item| self.attention(item)).collect(),
            several => vec![rejected_cards_item(several)],
        };
        items.extend(others.into_iter().map(|item| self.attention(item)));
        items
    }

    pub(crate) fn later(self, digest: &Digest) -> Vec<NoticeGroup> {
        let holds = |heading: &'static str, state: HoldState| NoticeGroup {
            heading,
            lines: digest
                .later
                .holds
                .iter()
                .filter(|line| line.state == state)
                .map(|line| self.later_hold(line))
                .collect(),
        };
        let groups = [
            NoticeGroup {
                heading: "Also out",
                lines: digest
                    .later
                    .loans
                    .iter()
                    .map(|line| self.later_loan(line))
                    .collect(),
            },
            holds("Holds on their way", HoldState::InTransit),
            holds("Holds waiting their turn", HoldState::Waiting),
            holds("Suspended holds", HoldState::Suspended),
            NoticeGroup {
                heading: "Fines and credits",
                lines: digest.later.balances.iter().map(balance).collect(),
            },
        ];
        groups
            .into_iter()
            .filter(|group| !group.lines.is_empty())
            .collect()
    }

    fn later_loan(self, line: &LoanLine) -> Line {
        let mut details = Vec::new();
        match line.due {
            None => details.push(String::from("no due date")),
            Some(date) if !line.digital => details.push(due(date, self.today)),
            Some(date) if date < self.today => {
                details.push(format!(
                    "was due to be returned automatically {}",
                    self.on_day(date)
                ));
            }
            Some(date) => details.push(format!("is returned automatically {}", self.on_day(date))),
        }
        if line.renewable == Some(false) {
            details.extend(renewal(line));
        }
        details.extend(self.as_of(line.as_of));
        Line {
            title: shorten(&line.title),
            url: line.url.clone(),
            details,
            place: PlaceView::from_place(&line.place),
        }
    }

    fn later_hold(self, line: &HoldLine) -> Line {
        let mut details = Vec::new();
        details.extend(queue_position(line));
        if line.state == HoldState::InTransit && !line.digital {
            let branch = line.pickup_branch.as_deref().map(shorten);
            details.extend(branch.map(|branch| format!("on its way to {branch}")));
        }
        let until = line.suspended_until.map(|date| day(date, self.today));
        details.extend(until.map(|date| format!("until {date}")));
        details.extend(self.as_of(line.as_of));
        Line {
            title: shorten(&line.title),
            url: line.url.clone(),
            details,
            place: PlaceView::from_place(&line.place),
        }
    }

    pub(crate) fn source(self, source: &Source) -> SourceView {
        SourceView {
            library: source.library_name.clone(),
            as_of: self.as_of(source.as_of),
            url: source.account_url.clone(),
        }
    }

    pub(crate) fn exception(self, card: &CardException) -> String {
        let patron = &card.patron;
        let mut sentences = Vec::new();
        let shown = moment(card.as_of, self.zone, self.today);
        if let Some(failure) = &card.failure {
            let untried = match failure.later_checks_not_tried {
                true => " We haven’t tried again since.",
                false => "",
            };
            sentences.push(format!(
                "We couldn’t check {patron}’s card {} ({}).{untried} Its information is from {shown}.",
                phrases::at_moment(failure.at, self.zone, self.today),
                phrases::failure(failure.kind),
            ));
        }
        let unknown = match (card.loans_unknown, card.holds_unknown) {
            (true, true) => Some("loans or holds"),
            (true, false) => Some("loans"),
            (false, true) => Some("holds"),
            (false, false) => None,
        };
        if let Some(unknown) = unknown {
            sentences.push(format!(
                "The site didn’t list the {unknown} on {patron}’s card."
            ));
        }
        sentences.join(" ")
    }

    fn as_of(self, at: Option<chrono::DateTime<chrono::Utc>>) -> Option<String> {
        at.map(|at| format!("as of {}", moment(at, self.zone, self.today)))
    }

    /// Like [`Self::on_day`], but a date after the notice's day is never `tomorrow`.
    fn on_past_day(self, date: NaiveDate) -> String {
        if date > self.today {
            format!("on {}", full_day(date, self.today))
        } else {
            self.on_day(date)
        }
    }

    /// `today`, `tomorrow`, `on Tuesday, Nov 24`.
    fn on_day(self, date: NaiveDate) -> String {
        match (date - self.today).num_days() {
            -1..=1 => day(date, self.today),
            _ => format!("on {}", full_day(date, self.today)),
        }
    }

    /// `by Tuesday, Nov 24`, `last day is today`, `last day was yesterday`.
    fn by_day(self, date: NaiveDate) -> String {
        let last = day(date, self.today);
        match (date - self.today).num_days() {
            ..0 => format!("last day was {last}"),
            0 => format!("last day is {last}"),
            _ => format!("by {last}"),
        }
    }
}

impl PlaceView {
    fn from_place(place: &CardPlace) -> Self {
        Self {
            patron: place.patron.clone(),
            library: place.library_name.clone(),
            url: place.account_url.clone(),
            rejected_card: None,
        }
    }

    fn from_attention(item: &Attention) -> Self {
        Self {
            rejected_card: match &item.kind {
                AttentionKind::PinRefused { card, .. } => Some(*card),
                _ => None,
            },
            ..Self::from_place(&item.place)
        }
    }
}

/// Creates an item about a card.
fn attention_item(item: &Attention, title: String, details: Vec<String>) -> NoticeItem {
    NoticeItem {
        title,
        url: None,
        author: None,
        mark: None,
        strong: None,
        urgent: false,
        details,
        renew_url: None,
        places: vec![PlaceView::from_attention(item)],
    }
}

fn rejected_cards_item(several: &[&Attention]) -> NoticeItem {
    NoticeItem {
        title: format!("Numbers or PINs of {} cards rejected", several.len()),
        url: None,
        author: None,
        mark: None,
        strong: None,
        urgent: true,
        details: vec![String::from(
            "The library rejected these numbers or PINs. We won’t try again until they’re \
             corrected, so that the cards don’t get locked.",
        )],
        renew_url: None,
        places: several
            .iter()
            .map(|item| PlaceView::from_attention(item))
            .collect(),
    }
}

pub(crate) fn author(author: &str) -> String {
    shorten(&author_name(author))
}

fn balance(balance: &Balance) -> Line {
    let amount = money(balance.amount, balance.currency.as_deref());
    Line {
        title: if balance.amount.is_sign_negative() {
            format!("{amount} credit")
        } else {
            format!("{amount} owed")
        },
        url: None,
        details: Vec::new(),
        place: PlaceView::from_place(&balance.place),
    }
}

/// Creates a hold's item without its details.
fn hold_item(line: &HoldLine) -> NoticeItem {
    NoticeItem {
        title: shorten(&line.title),
        url: line.url.clone(),
        author: line.author.as_deref().map(author),
        mark: None,
        strong: None,
        urgent: false,
        details: Vec::new(),
        renew_url: None,
        places: vec![PlaceView::from_place(&line.place)],
    }
}

fn queue_position(line: &HoldLine) -> Option<String> {
    match (line.position, line.queue_length) {
        (Some(position), Some(length)) => Some(format!("number {position} of {length}")),
        (Some(position), None) => Some(format!("number {position} in the queue")),
        (None, Some(length)) => Some(phrases::count(
            u64::from(length),
            "person waiting",
            "people waiting",
        )),
        (None, None) => None,
    }
}

/// Words whether it can be renewed, and why not.
pub(crate) fn renewal(line: &LoanLine) -> Option<String> {
    let words = match line.renewable? {
        true => return Some(String::from("can be renewed")),
        false if line.became_non_renewable => "can no longer be renewed",
        false => "cannot be renewed",
    };
    let reason = line.renewable_reason.as_deref().unwrap_or_default();
    Some(match without_restatement(reason) {
        "" => words.to_owned(),
        reason => format!("{words}: {}", shorten(reason)),
    })
}

/// How libraries say no more than that a loan can't be renewed, in lower case.
const RESTATEMENTS: [&str; 8] = [
    "this item cannot be renewed",
    "this item can't be renewed",
    "this item can’t be renewed",
    "item cannot be renewed",
    "cannot be renewed",
    "can't be renewed",
    "can’t be renewed",
    "not renewable",
];

/// Cuts what only says again that it can't be renewed from both ends of a reason.
fn without_restatement(reason: &str) -> &str {
    let is_between = |letter: char| matches!(letter, '.' | ':' | ';') || letter.is_whitespace();
    let mut reason = reason.trim_matches(is_between);
    let cut = |reason: &str| {
        // ASCII lower case keeps the byte positions.
        let lower = reason.to_ascii_lowercase();
        RESTATEMENTS
            .iter()
            .find_map(|words| {
                let rest = lower.strip_suffix(words)?;
                let is_own_part = rest.is_empty() || rest.trim_end().ends_with(['.', ':', ';']);
                is_own_part.then_some((0, rest.len()))
            })
            .or_else(|| {
                RESTATEMENTS.iter().find_map(|words| {
                    let rest = lower.strip_prefix(words)?;
                    rest.starts_with(['.', ':', ';'])
                        .then_some((words.len(), lower.len()))
                })
            })
    };
    while let Some((start, end)) = cut(reason) {
        reason = reason
            .get(start..end)
            .unwrap_or_default()
            .trim_matches(is_between);
    }
    reason
}

pub(crate) fn shorten(text: &str) -> String {
    cut(text, MAX_TITLE_CHARS)
}

/// Cuts the library's words to `limit` characters and breaks web addresses, so that mail programs
/// don't link them.
fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => phrases::without_links(text),
        Some((end, _)) => {
            let start = text.get(..end).unwrap_or_default();
            format!("{}…", phrases::without_links(start.trim_end()))
        }
    }
}
