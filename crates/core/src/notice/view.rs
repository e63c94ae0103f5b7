//! The words of a notice, in the order in which both of its parts say them.

use chrono::NaiveDate;
use chrono_tz::Tz;
use url::Url;

use crate::account::HoldState;
use crate::family::EmailAddress;
use crate::notice::attention::{Attention, AttentionKind};
use crate::notice::digest::{Balance, Digest, HoldLine, LoanLine, Occasion, Place};
use crate::notice::digest::{Source, SourceException};
use crate::notice::words::{self, day, due, full_day, listed, moment, money, sentence};
use crate::text::clean;

/// A title or message longer than this is cut: no honest one is, and a mail must stay a mail.
const LONGEST: usize = 2_000;

/// All that the templates need; they add order and looks, no words of the accounts.
pub(crate) struct View {
    pub(crate) subject: String,
    pub(crate) heading: String,
    pub(crate) intro: Option<&'static str>,
    pub(crate) sections: Vec<Section>,
    pub(crate) later: Vec<Group>,
    pub(crate) sources: Vec<SourceView>,
    pub(crate) stopped: Option<String>,
    pub(crate) contact: Option<Contact>,
}

/// What there is to do, of one sort.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) items: Vec<Item>,
}

/// One thing to do.
pub(crate) struct Item {
    pub(crate) title: String,
    pub(crate) author: Option<String>,
    pub(crate) mark: Option<&'static str>,
    /// The words that are made to stand out.
    pub(crate) strong: Option<String>,
    pub(crate) urgent: bool,
    pub(crate) details: Vec<String>,
    pub(crate) place: PlaceView,
}

/// Whose and where.
pub(crate) struct PlaceView {
    pub(crate) patron: String,
    pub(crate) library: String,
    pub(crate) url: Option<Url>,
}

/// Things that are for later, of one sort.
pub(crate) struct Group {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// One thing for later.
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) details: Vec<String>,
    pub(crate) place: PlaceView,
}

/// One library, and how old what is shown of it is.
pub(crate) struct SourceView {
    pub(crate) library: String,
    pub(crate) as_of: Option<String>,
    pub(crate) url: Option<Url>,
    pub(crate) exceptions: Vec<String>,
}

/// Whom to ask.
pub(crate) struct Contact {
    pub(crate) words: String,
    pub(crate) is_address: bool,
}

impl View {
    pub(crate) fn of(digest: &Digest, subject: String, contact: Option<&str>) -> Self {
        let when = When {
            today: digest.today,
            zone: digest.timezone,
        };
        let sections = [
            Section {
                heading: "Take back",
                items: digest
                    .take_back
                    .iter()
                    .map(|line| when.loan(line))
                    .collect(),
            },
            Section {
                heading: "Pick up",
                items: digest.pick_up.iter().map(|line| when.hold(line)).collect(),
            },
            Section {
                heading: "Please look at this",
                items: digest
                    .attention
                    .iter()
                    .map(|item| when.attention(item))
                    .collect(),
            },
        ];
        Self {
            subject,
            heading: format!(
                "{} · {}",
                digest.family_name,
                digest.today.format("%A, %B %-d")
            ),
            intro: intro(digest),
            sections: sections
                .into_iter()
                .filter(|section| !section.items.is_empty())
                .collect(),
            later: when.later(digest),
            sources: digest
                .sources
                .iter()
                .map(|source| when.source(source))
                .collect(),
            stopped: (!digest.stopped.is_empty()).then(|| {
                format!(
                    "Nothing is sent to {} any more: a mail there came back, or was complained about.",
                    listed(digest.stopped.clone())
                )
            }),
            contact: contact
                .map(clean)
                .filter(|words| !words.is_empty())
                .map(|words| Contact {
                    is_address: words.parse::<EmailAddress>().is_ok(),
                    words,
                }),
        }
    }
}

/// Says that nothing is to be done only where that is known.
fn intro(digest: &Digest) -> Option<&'static str> {
    let all_is_known = digest
        .attention
        .iter()
        .all(|item| !item.kind.hides_the_account())
        && digest
            .sources
            .iter()
            .flat_map(|source| &source.exceptions)
            .all(|card| !card.loans_unknown && !card.holds_unknown);
    let may_be_ready = digest
        .attention
        .iter()
        .any(|item| matches!(item.kind, AttentionKind::UnknownHold { .. }));
    match (digest.occasion?, all_is_known) {
        (Occasion::ToDo, _) => None,
        _ if may_be_ready => {
            Some("A hold may be ready for you. We don’t know the library’s words for it.")
        }
        (Occasion::Weekly, true) => Some(
            "Nothing to take back, nothing to pick up. This is the weekly summary, so that you know \
             that your cards are looked after.",
        ),
        (Occasion::Daily, true) if digest.attention.is_empty() => {
            Some("Nothing to take back, nothing to pick up. Have a good day!")
        }
        (_, true) => Some("Nothing to take back or to pick up today, but please look at this."),
        (_, false) => {
            Some("Of what could be read, there is nothing to take back or to pick up today.")
        }
    }
}

/// Words that depend on the family's day and zone.
#[derive(Clone, Copy)]
struct When {
    today: NaiveDate,
    zone: Tz,
}

impl When {
    fn loan(self, line: &LoanLine) -> Item {
        let mut details = Vec::new();
        details.extend(renewal(line));
        details.extend(line.note.as_deref().map(shortened));
        details.extend(self.as_of(line.as_of));
        Item {
            title: shortened(&line.title),
            author: line.author.as_deref().map(shortened),
            mark: line.became_non_renewable.then_some("Changed"),
            strong: line.due.map(|date| due(date, self.today)),
            urgent: line.days_left.is_some_and(|days| days <= 0),
            details,
            place: PlaceView::of(&line.place),
        }
    }

    fn hold(self, line: &HoldLine) -> Item {
        let mut details = Vec::new();
        let branch = line.pickup_branch.as_deref().map(shortened);
        let strong = if line.digital {
            Some(match line.pickup_by {
                Some(date) if date <= self.today => {
                    format!("borrow online, {}", self.by(date))
                }
                Some(date) => format!("borrow online {}", self.by(date)),
                None => String::from("borrow online"),
            })
        } else {
            details.extend(branch.map(|branch| format!("at {branch}")));
            Some(
                line.pickup_by
                    .map_or_else(|| String::from("ready"), |date| self.by(date)),
            )
        };
        details.extend(line.note.as_deref().map(shortened));
        details.extend(self.as_of(line.as_of));
        Item {
            mark: line.new.then_some("New"),
            strong,
            urgent: line.pickup_by.is_some_and(|date| date <= self.today),
            details,
            ..hold_item(line)
        }
    }

    fn attention(self, item: &Attention) -> Item {
        let (title, details, urgent) = match &item.kind {
            AttentionKind::PinRefused { since } => (
                String::from("Number or PIN refused"),
                format!(
                    "The library refused them {}. They are not tried again until somebody corrects \
                     them, so that the library does not lock the card.",
                    self.happened(*since)
                ),
                true,
            ),
            AttentionKind::PinNotSent => (
                String::from("PIN not sent"),
                String::from(
                    "This library’s website has a new address, so we didn’t send the PIN there. Please ask \
                     whoever runs LibraryHippo to check the address.",
                ),
                true,
            ),
            AttentionKind::CardBlocked => (
                String::from("Card blocked"),
                String::from("The library has blocked this card. Please ask at the desk."),
                true,
            ),
            AttentionKind::NeverChecked { failure } => (
                String::from("Not read yet"),
                match failure {
                    Some(kind) => format!(
                        "This card could not be read so far: {}.",
                        words::failure(*kind)
                    ),
                    None => String::from("This card’s first check is still to come."),
                },
                false,
            ),
            AttentionKind::NotReadSince {
                last_success_at,
                failure,
            } => (
                format!(
                    "Not read since {}",
                    moment(*last_success_at, self.zone, self.today)
                ),
                format!(
                    "{}. What is said here of this card may be out of date.",
                    failure.map_or_else(
                        || String::from("It was not checked since"),
                        |kind| sentence(words::failure(kind))
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
            } if *days_left < 0 => (
                format!("Card expired {}", self.on(*last_day)),
                String::from("Please renew it at the library."),
                true,
            ),
            AttentionKind::CardExpires {
                last_day,
                days_left,
            } => (
                format!("Card expires {}", self.on(*last_day)),
                if *days_left > 1 {
                    format!("That is in {days_left} days. Please renew it at the library.")
                } else {
                    String::from("Please renew it at the library.")
                },
                *days_left <= 1,
            ),
            AttentionKind::Fines { amount, currency } => (
                format!("Fines of {}", money(*amount, currency.as_deref())),
                String::from("Owed to the library, as its site says."),
                false,
            ),
            AttentionKind::Message { text } => (
                String::from("Message from the library"),
                shortened(text),
                false,
            ),
        };
        Item {
            title,
            author: None,
            mark: None,
            strong: None,
            urgent,
            details: vec![details],
            place: PlaceView::of(&item.place),
        }
    }

    fn unknown_hold(self, line: &HoldLine) -> Item {
        let strong = match &line.note {
            Some(words) => format!("The library says: {}", shortened(words)),
            None => String::from("The library doesn’t say whether it’s ready"),
        };
        let mut details = Vec::new();
        details.extend(place_in_queue(line));
        details.extend(line.pickup_by.map(|date| self.by(date)));
        let branch = line.pickup_branch.as_deref().map(shortened);
        details.extend(branch.map(|branch| format!("pickup at {branch}")));
        details.extend(self.as_of(line.as_of));
        Item {
            strong: Some(strong),
            details,
            ..hold_item(line)
        }
    }

    fn missed_hold(self, line: &HoldLine, seen_since: bool) -> Item {
        let done = if line.digital {
            "borrowed"
        } else {
            "picked up"
        };
        let strong = line.pickup_by.map(|date| {
            if seen_since {
                format!("wasn’t {done} by {}", full_day(date, self.today))
            } else {
                self.by(date)
            }
        });
        let mut details = Vec::new();
        let branch = line.pickup_branch.as_deref().filter(|_| !line.digital);
        details.extend(branch.map(|branch| format!("at {}", shortened(branch))));
        details.extend(line.note.as_deref().map(shortened));
        details.extend(self.as_of(line.as_of));
        Item {
            strong,
            urgent: true,
            details,
            ..hold_item(line)
        }
    }

    fn later(self, digest: &Digest) -> Vec<Group> {
        let holds = |heading: &'static str, state: HoldState| Group {
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
            Group {
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
            Group {
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
                details.push(format!("was to return by itself {}", self.on(date)));
            }
            Some(date) => details.push(format!("returns by itself {}", self.on(date))),
        }
        if line.renewable == Some(false) {
            details.extend(renewal(line));
        }
        details.extend(self.as_of(line.as_of));
        Line {
            title: shortened(&line.title),
            details,
            place: PlaceView::of(&line.place),
        }
    }

    fn later_hold(self, line: &HoldLine) -> Line {
        let mut details = Vec::new();
        details.extend(place_in_queue(line));
        if line.state == HoldState::InTransit && !line.digital {
            let branch = line.pickup_branch.as_deref().map(shortened);
            details.extend(branch.map(|branch| format!("to {branch}")));
        }
        let until = line.suspended_until.map(|date| day(date, self.today));
        details.extend(until.map(|date| format!("until {date}")));
        details.extend(self.as_of(line.as_of));
        Line {
            title: shortened(&line.title),
            details,
            place: PlaceView::of(&line.place),
        }
    }

    fn source(self, source: &Source) -> SourceView {
        SourceView {
            library: source.library_name.clone(),
            as_of: self.as_of(source.as_of),
            url: source.account_url.clone(),
            exceptions: source
                .exceptions
                .iter()
                .map(|card| self.exception(card))
                .collect(),
        }
    }

    fn exception(self, card: &SourceException) -> String {
        let patron = &card.patron;
        let mut sentences = Vec::new();
        let shown = moment(card.as_of, self.zone, self.today);
        if let Some(failure) = &card.failure {
            sentences.push(format!(
                "{patron}’s card could not be read at {} ({}); what is shown is as of {shown}.",
                moment(failure.at, self.zone, self.today),
                words::failure(failure.kind),
            ));
        }
        let unknown = match (card.loans_unknown, card.holds_unknown) {
            (true, true) => Some("what is out and what is on hold"),
            (true, false) => Some("what is out"),
            (false, true) => Some("what is on hold"),
            (false, false) => None,
        };
        if let Some(unknown) = unknown {
            sentences.push(format!(
                "For {patron}’s card, the site did not say {unknown}."
            ));
        }
        sentences.join(" ")
    }

    fn as_of(self, at: Option<chrono::DateTime<chrono::Utc>>) -> Option<String> {
        at.map(|at| format!("as of {}", moment(at, self.zone, self.today)))
    }

    /// The same of what has happened, also where the notice is of an earlier day: `on Tuesday, Nov 24`.
    fn happened(self, date: NaiveDate) -> String {
        if date > self.today {
            format!("on {}", full_day(date, self.today))
        } else {
            self.on(date)
        }
    }

    /// `today`, `tomorrow`, `on Tuesday, Nov 24`.
    fn on(self, date: NaiveDate) -> String {
        match (date - self.today).num_days() {
            -1..=1 => day(date, self.today),
            _ => format!("on {}", full_day(date, self.today)),
        }
    }

    /// `by Tuesday, Nov 24`, `last day is today`, `last day was yesterday`.
    fn by(self, date: NaiveDate) -> String {
        let last = day(date, self.today);
        match (date - self.today).num_days() {
            ..0 => format!("last day was {last}"),
            0 => format!("last day is {last}"),
            _ => format!("by {last}"),
        }
    }
}

impl PlaceView {
    fn of(place: &Place) -> Self {
        Self {
            patron: place.patron.clone(),
            library: place.library_name.clone(),
            url: place.account_url.clone(),
        }
    }
}

fn balance(balance: &Balance) -> Line {
    let amount = money(balance.amount, balance.currency.as_deref());
    Line {
        title: if balance.amount.is_sign_negative() {
            format!("{amount} credit")
        } else {
            format!("{amount} owed")
        },
        details: Vec::new(),
        place: PlaceView::of(&balance.place),
    }
}

/// A hold without what a notice says of it.
fn hold_item(line: &HoldLine) -> Item {
    Item {
        title: shortened(&line.title),
        author: line.author.as_deref().map(shortened),
        mark: None,
        strong: None,
        urgent: false,
        details: Vec::new(),
        place: PlaceView::of(&line.place),
    }
}

fn place_in_queue(line: &HoldLine) -> Option<String> {
    match (line.position, line.queue_length) {
        (Some(position), Some(length)) => Some(format!("{position} of {length}")),
        (Some(position), None) => Some(format!("number {position} in the queue")),
        (None, Some(length)) => Some(words::count(
            u64::from(length),
            "waits for it",
            "wait for it",
        )),
        (None, None) => None,
    }
}

/// What is known of renewing it, and why not.
fn renewal(line: &LoanLine) -> Option<String> {
    let words = match line.renewable? {
        true => return Some(String::from("can be renewed")),
        false if line.became_non_renewable => "can no longer be renewed",
        false => "cannot be renewed",
    };
    Some(match &line.renewable_reason {
        Some(reason) => format!("{words}: {}", shortened(reason.trim_end_matches('.'))),
        None => words.to_owned(),
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => text
            .get(..end)
            .map_or_else(String::new, |start| format!("{start}…")),
    }
}
