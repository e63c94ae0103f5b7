//! Writes the subject line: counts of the most urgent entries.

use crate::account::HoldState;
use crate::notice::attention::{Attention, AttentionKind};
use crate::notice::digest::{Digest, Occasion};
use crate::notice::phrases::{count, short_day};

/// Writes the subject of a notice: one line, the most urgent first, without text from outside.
pub fn subject(digest: &Digest) -> String {
    let mut parts = take_back(digest);
    parts.extend(pick_up(digest));
    if !parts.is_empty() {
        if digest
            .attention
            .iter()
            .any(|item| item.news.is_worth_a_mail())
        {
            let things = digest.attention.len();
            parts.push(counted(things, "thing to look at", "things to look at"));
        }
        return parts.join(", ");
    }
    if !digest.attention.is_empty() {
        return attention_subject(digest, &digest.attention);
    }
    let is_weekly = digest.occasion == Some(Occasion::Weekly);
    let subject = match (is_weekly, digest.has_complete_accounts()) {
        (true, true) => "Weekly summary: nothing to do today",
        (true, false) => "Weekly summary: nothing to do on the cards we could check",
        (false, true) => "Nothing to do today",
        (false, false) => "Nothing to do on the cards we could check",
    };
    subject.to_owned()
}

/// `1 overdue`, `2 due today`, `1 due by Tuesday`.
fn take_back(digest: &Digest) -> Vec<String> {
    let mut parts = Vec::new();
    let overdue = digest.overdue().count();
    if overdue > 0 {
        parts.push(format!("{overdue} overdue"));
    }
    let today = digest
        .take_back
        .iter()
        .filter(|line| line.days_left == Some(0))
        .count();
    if today > 0 {
        parts.push(format!("{today} due today"));
    }
    let soon = digest
        .take_back
        .iter()
        .filter(|line| line.days_left.is_some_and(|days| days > 0));
    let number = soon.clone().count();
    if let Some(last) = soon.filter_map(|line| line.due).max() {
        let is_tomorrow = (last - digest.today).num_days() == 1;
        let by = if is_tomorrow { "" } else { "by " };
        let day = short_day(last, digest.today);
        parts.push(format!("{number} due {by}{day}"));
    }
    parts
}

/// `1 hold to pick up`, `1 hold to borrow online`.
fn pick_up(digest: &Digest) -> Vec<String> {
    let ready = || {
        let lines = digest.pick_up.iter();
        lines.filter(|line| line.state == HoldState::Ready)
    };
    let online = ready().filter(|line| line.digital).count();
    let at_a_desk = ready().count() - online;
    let mut parts = Vec::new();
    if at_a_desk > 0 {
        parts.push(counted(at_a_desk, "hold to pick up", "holds to pick up"));
    }
    if online > 0 {
        parts.push(counted(
            online,
            "hold to borrow online",
            "holds to borrow online",
        ));
    }
    parts
}

/// Writes one sentence if all entries are of one category, else a list of counts.
fn attention_subject(digest: &Digest, attention: &[Attention]) -> String {
    let categories: Vec<(Category, usize)> = Category::ALL
        .into_iter()
        .map(|category| {
            let in_category = attention
                .iter()
                .filter(|item| Category::from_kind(&item.kind) == category);
            (category, in_category.count())
        })
        .filter(|(_, number)| *number > 0)
        .collect();
    match (categories.as_slice(), attention) {
        ([_], [only]) => single_sentence(digest, &only.kind),
        ([(category, number)], _) => category.sentence(*number),
        _ => {
            let parts: Vec<String> = categories
                .iter()
                .map(|(category, number)| category.part(*number))
                .collect();
            format!("Please look at: {}", parts.join(", "))
        }
    }
}

/// Writes the sentence for a single entry.
fn single_sentence(digest: &Digest, kind: &AttentionKind) -> String {
    match kind {
        AttentionKind::PinRefused { .. } => {
            String::from("The library rejected the PIN of one card")
        }
        AttentionKind::PinNotSent => String::from("The PIN of one card wasn't sent"),
        AttentionKind::CardBlocked => String::from("One card is blocked"),
        AttentionKind::NeverChecked { .. } => String::from("One card hasn't been checked yet"),
        AttentionKind::NotReadSince {
            last_success_at, ..
        } => {
            let since = crate::clock::local_date(*last_success_at, digest.timezone);
            if since == digest.today {
                String::from("One card hasn't been checked today")
            } else {
                let since = short_day(since, digest.today);
                format!("One card hasn't been checked since {since}")
            }
        }
        AttentionKind::CardExpires { days_left, .. } if *days_left < 0 => {
            String::from("One card has expired")
        }
        AttentionKind::CardExpires {
            last_day,
            days_left,
            ..
        } => {
            let on = if *days_left <= 1 { "" } else { "on " };
            let day = short_day(*last_day, digest.today);
            format!("One card expires {on}{day}")
        }
        AttentionKind::UnknownHold { .. } => String::from("Please check one hold"),
        AttentionKind::MissedHold { .. } => String::from("One hold is past its last day"),
        AttentionKind::Fines { .. } => String::from("Fines on one card"),
        AttentionKind::Message { .. } => String::from("A message from the library"),
    }
}

/// A category of entries that a subject counts together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Category {
    PinRefused,
    PinNotSent,
    CardBlocked,
    NeverChecked,
    NotRead,
    UnknownHold,
    Expired,
    Expiring,
    MissedHold,
    Fines,
    Message,
}

impl Category {
    const ALL: [Self; 11] = [
        Self::PinRefused,
        Self::PinNotSent,
        Self::CardBlocked,
        Self::NeverChecked,
        Self::NotRead,
        Self::UnknownHold,
        Self::Expired,
        Self::Expiring,
        Self::MissedHold,
        Self::Fines,
        Self::Message,
    ];

    fn from_kind(kind: &AttentionKind) -> Self {
        match kind {
            AttentionKind::PinRefused { .. } => Self::PinRefused,
            AttentionKind::PinNotSent => Self::PinNotSent,
            AttentionKind::CardBlocked => Self::CardBlocked,
            AttentionKind::NeverChecked { .. } => Self::NeverChecked,
            AttentionKind::NotReadSince { .. } => Self::NotRead,
            AttentionKind::CardExpires { days_left, .. } if *days_left < 0 => Self::Expired,
            AttentionKind::CardExpires { .. } => Self::Expiring,
            AttentionKind::UnknownHold { .. } => Self::UnknownHold,
            AttentionKind::MissedHold { .. } => Self::MissedHold,
            AttentionKind::Fines { .. } => Self::Fines,
            AttentionKind::Message { .. } => Self::Message,
        }
    }

    /// Writes the sentence for two or more entries of this category and no others.
    fn sentence(self, number: usize) -> String {
        match self {
            Self::PinRefused => format!("The library rejected the PINs of {number} cards"),
            Self::PinNotSent => format!("The PINs of {number} cards weren't sent"),
            Self::CardBlocked => format!("{number} cards are blocked"),
            Self::NeverChecked => format!("{number} cards haven't been checked yet"),
            Self::NotRead => format!("{number} cards haven't been checked lately"),
            Self::Expired => format!("{number} cards have expired"),
            Self::Expiring => format!("{number} cards expire soon"),
            Self::UnknownHold => format!("Please check {number} holds"),
            Self::MissedHold => format!("{number} holds are past their last day"),
            Self::Fines => format!("Fines on {number} cards"),
            Self::Message => format!("{number} library messages"),
        }
    }

    /// Writes the part of a list for this category.
    fn part(self, number: usize) -> String {
        match self {
            Self::PinRefused => counted(number, "PIN rejected", "PINs rejected"),
            Self::PinNotSent => counted(number, "PIN not sent", "PINs not sent"),
            Self::CardBlocked => counted(number, "card blocked", "cards blocked"),
            Self::NeverChecked => counted(number, "card not checked yet", "cards not checked yet"),
            Self::NotRead => counted(
                number,
                "card not checked lately",
                "cards not checked lately",
            ),
            Self::Expired => counted(number, "card expired", "cards expired"),
            Self::Expiring => counted(number, "card about to expire", "cards about to expire"),
            Self::UnknownHold => counted(number, "hold to check", "holds to check"),
            Self::MissedHold => counted(
                number,
                "hold past its last day",
                "holds past their last day",
            ),
            Self::Fines => format!("fines on {}", counted(number, "card", "cards")),
            Self::Message => counted(number, "library message", "library messages"),
        }
    }
}

fn counted(number: usize, one: &str, many: &str) -> String {
    count(number as u64, one, many)
}
