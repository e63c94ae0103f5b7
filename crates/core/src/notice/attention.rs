//! What needs attention: rejected PINs, cards that can't be checked or expire, unknown and missed
//! holds, fines, messages.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::account::{Account, Hold, HoldState};
use crate::clock::local_date;
use crate::failure::FailureKind;
use crate::notice::keys::{UNKNOWN_HOLD, is_missed, item_key, missed_key};
use crate::notice::line::{HoldLine, Place, STALE_AFTER, currency, hold_line};
use crate::notice::{NoticeCard, NoticeInput};
use crate::text::clean;

/// The most messages of a card in one mail. The library's site has them all.
const MAX_MESSAGES_PER_CARD: usize = 10;

/// After this many days, what still needs attention is worth a mail again.
pub const REPEAT_AFTER_DAYS: i64 = 7;

/// Something that needs attention.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attention {
    /// Whose and where; where several cards have the same message, all their patrons.
    #[serde(flatten)]
    pub place: Place,
    /// Its kind, with details.
    #[serde(flatten)]
    pub kind: AttentionKind,
    /// How this compares with the last sent notice.
    pub news: News,
    /// Stays the same while it lasts.
    pub key: String,
    /// If this changes, it is worth a mail again.
    pub stage: String,
}

/// What needs attention, the most urgent first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttentionKind {
    /// The site refused the number or PIN; it is not tried again until a person acts.
    PinRefused {
        /// The family's local date of the refusal.
        since: NaiveDate,
    },
    /// The PIN was sealed for other hosts than the library's entry names now, and is not sent there.
    PinNotSent,
    /// The library blocked the card, and its pages cannot be read.
    CardBlocked,
    /// There was no account yet.
    NeverChecked {
        /// Why not; `None`: it was not tried yet.
        failure: Option<FailureKind>,
    },
    /// The last account is older than [`STALE_AFTER`].
    NotReadSince {
        /// When the last account was read.
        last_success_at: DateTime<Utc>,
        /// Why the newest check gave none; `None`: there was no newer check.
        failure: Option<FailureKind>,
    },
    /// A hold has words that we don't know: it may be ready.
    UnknownHold {
        /// The hold; its note is what the library says.
        hold: Box<HoldLine>,
    },
    /// The card expires within 30 days, or has expired.
    CardExpires {
        /// The last day on which it is good.
        last_day: NaiveDate,
        /// Days until then; negative: it has expired.
        days_left: i64,
    },
    /// A hold is shown as ready although its last day is past. Only in one notice.
    MissedHold {
        /// The hold.
        hold: Box<HoldLine>,
        /// It was still shown after its last day; `false`: it was not checked since.
        seen_since: bool,
    },
    /// Fines at or over the family's threshold.
    Fines {
        /// The amount owed.
        amount: Decimal,
        /// ISO 4217, where known.
        currency: Option<String>,
    },
    /// A message of the library.
    Message {
        /// In the library's words.
        text: String,
    },
}

/// How something that needs attention compares with the last sent notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// The last notice didn't have it.
    New,
    /// It has changed since.
    Changed,
    /// It was in a notice a week ago or longer.
    Again,
    /// It was in a notice lately.
    Known,
}

impl News {
    /// Whether this alone is worth a mail.
    pub fn is_worth_a_mail(self) -> bool {
        self != Self::Known
    }
}

/// Lists what needs attention, the most urgent first, then by patron and library.
pub(crate) fn of(input: &NoticeInput<'_>) -> Vec<Attention> {
    let mut found = AttentionList {
        input,
        items: Vec::new(),
    };
    for card in input.cards {
        found.reading(card);
        if let Some(stored) = &card.stored {
            found.holds(card, &stored.account);
            found.expiry(card, &stored.account);
            found.fines(card, &stored.account);
        }
    }
    found.messages();
    found
        .items
        .sort_by_cached_key(|item| (item.kind.rank(), item.place.clone(), item.key.clone()));
    found.items
}

fn unknown_key(card: &NoticeCard, hold: &Hold) -> String {
    format!("{UNKNOWN_HOLD}/{}", item_key(card, &hold.id))
}

/// Whether fines of this amount need attention.
pub(crate) fn wants_fines(input: &NoticeInput<'_>, amount: Decimal) -> bool {
    let threshold = input.family.preferences.fines_threshold;
    amount > Decimal::ZERO && threshold.is_some_and(|threshold| amount >= threshold)
}

struct AttentionList<'a> {
    input: &'a NoticeInput<'a>,
    items: Vec<Attention>,
}

impl AttentionList<'_> {
    /// At most one entry a card about its checks: a refused PIN explains everything else.
    fn reading(&mut self, card: &NoticeCard) {
        let input = self.input;
        let failure = card.newest_failure().map(|failure| failure.kind);
        let key = |name: &str| format!("{name}/{}", card.card.id);
        // The stages hold when it began: a second time is news even if a recent notice had the first.
        let (kind, key, stage) = if let Some(since) = card.state.refused_since {
            let stage = local_date(since, input.family.timezone).to_string();
            // A clock that was ahead may have written it.
            let since = local_date(since.min(input.now), input.family.timezone);
            let kind = AttentionKind::PinRefused { since };
            (kind, key("pin_refused"), stage)
        } else if failure == Some(FailureKind::SealedForOtherHosts) {
            (
                AttentionKind::PinNotSent,
                key("pin_not_sent"),
                String::new(),
            )
        } else if failure == Some(FailureKind::CardBlocked) {
            let kind = AttentionKind::CardBlocked;
            (kind, key("card_blocked"), String::new())
        } else if let Some(last_success_at) = card.state.last_success_at.or(card.as_of()) {
            if input.now - last_success_at <= STALE_AFTER {
                return;
            }
            let kind = AttentionKind::NotReadSince {
                last_success_at,
                failure,
            };
            (kind, key("not_read"), last_success_at.to_rfc3339())
        } else {
            let kind = AttentionKind::NeverChecked { failure };
            (kind, key("never_checked"), String::new())
        };
        self.push(Place::of(card), kind, key, stage);
    }

    /// Lists holds that may be ready, and once those that nobody picked up.
    fn holds(&mut self, card: &NoticeCard, account: &Account) {
        let input = self.input;
        let holds = || account.holds.iter().flatten();
        let unknown = || holds().filter(|hold| hold.state == HoldState::Other);
        // A site may give several holds the same id: the words of all of them count.
        let mut words: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for hold in unknown() {
            let note = clean(hold.note.as_deref().unwrap_or_default());
            let words = words.entry(unknown_key(card, hold)).or_default();
            words.insert(short_hash(&note));
        }
        for hold in unknown() {
            let key = unknown_key(card, hold);
            let words = words.get(&key).into_iter().flatten();
            let stage = words.map(String::as_str).collect::<Vec<_>>().join(" ");
            let kind = AttentionKind::UnknownHold {
                hold: Box::new(hold_line(input, card, hold)),
            };
            self.push(Place::of(card), kind, key, stage);
        }
        for hold in holds().filter(|hold| is_missed(hold, input.today)) {
            let key = missed_key(card, hold);
            if input
                .last_notice
                .is_some_and(|last| last.attention.contains_key(&key))
            {
                continue;
            }
            let seen_at = card.as_of();
            let seen_on = seen_at.map(|at| local_date(at, input.family.timezone));
            let seen_since = seen_on > hold.pickup_by;
            let mut line = hold_line(input, card, hold);
            if !seen_since {
                line.as_of = seen_at;
            }
            let kind = AttentionKind::MissedHold {
                hold: Box::new(line),
                seen_since,
            };
            self.push(Place::of(card), kind, key, String::new());
        }
    }

    fn expiry(&mut self, card: &NoticeCard, account: &Account) {
        let Some(last_day) = account.card_expires else {
            return;
        };
        let days_left = (last_day - self.input.today).num_days();
        let stage = match days_left {
            ..0 => "expired",
            0..=1 => "1",
            2..=7 => "7",
            8..=30 => "30",
            _ => return,
        };
        let kind = AttentionKind::CardExpires {
            last_day,
            days_left,
        };
        let key = format!("card_expires/{}", card.card.id);
        self.push(Place::of(card), kind, key, stage.to_owned());
    }

    fn fines(&mut self, card: &NoticeCard, account: &Account) {
        let Some(amount) = account.fines else {
            return;
        };
        if wants_fines(self.input, amount) {
            let kind = AttentionKind::Fines {
                amount,
                currency: currency(card, account),
            };
            let key = format!("fines/{}", card.card.id);
            self.push(Place::of(card), kind, key, amount.normalize().to_string());
        }
    }

    /// Lists messages. A library writes the same to all its patrons, so the same words appear once.
    fn messages(&mut self) {
        let mut cards_by_message: BTreeMap<(&str, String), Vec<&NoticeCard>> = BTreeMap::new();
        for card in self.input.cards {
            let messages = card
                .stored
                .iter()
                .flat_map(|stored| &stored.account.messages);
            for text in messages
                .map(|text| clean(text))
                .filter(|text| !text.is_empty())
                .take(MAX_MESSAGES_PER_CARD)
            {
                let library = card.library.id.as_str();
                let cards = cards_by_message.entry((library, text)).or_default();
                if !cards.iter().any(|other| other.card.id == card.card.id) {
                    cards.push(card);
                }
            }
        }
        for ((library, text), mut cards) in cards_by_message {
            cards.sort_by_key(|card| card.card.id);
            let Some(mut place) = cards.first().map(|card| Place::of(card)) else {
                continue;
            };
            let patrons = cards.iter().map(|card| Place::of(card).patron);
            place.patron = crate::notice::words::listed(patrons.collect());
            let ids: Vec<String> = cards.iter().map(|card| card.card.id.to_string()).collect();
            let key = format!("message/{library}/{}", short_hash(&text));
            self.push(place, AttentionKind::Message { text }, key, ids.join(" "));
        }
    }

    fn push(&mut self, place: Place, kind: AttentionKind, key: String, stage: String) {
        let before = self
            .input
            .last_notice
            .and_then(|last| last.attention.get(&key));
        let news = match before {
            None => News::New,
            Some(before) if before.stage != stage => News::Changed,
            Some(before) if (self.input.date - before.told_on).num_days() >= REPEAT_AFTER_DAYS => {
                News::Again
            }
            Some(_) => News::Known,
        };
        self.items.push(Attention {
            place,
            kind,
            news,
            key,
            stage,
        });
    }
}

impl AttentionKind {
    /// Whether it can hide the card's current account.
    pub(crate) fn hides_the_account(&self) -> bool {
        matches!(
            self,
            Self::PinRefused { .. }
                | Self::PinNotSent
                | Self::CardBlocked
                | Self::NeverChecked { .. }
                | Self::NotReadSince { .. }
        )
    }

    /// The most urgent first: what hides everything else of a card, then what has a date.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::PinRefused { .. } => 0,
            Self::PinNotSent => 1,
            Self::CardBlocked => 2,
            Self::NeverChecked { .. } => 3,
            Self::NotReadSince { .. } => 4,
            Self::UnknownHold { .. } => 5,
            Self::CardExpires { .. } => 6,
            Self::MissedHold { .. } => 7,
            Self::Fines { .. } => 8,
            Self::Message { .. } => 9,
        }
    }
}

/// Sixteen hexadecimal digits: enough to distinguish a patron's few messages.
fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
