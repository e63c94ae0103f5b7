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
use crate::ids::CardId;
use crate::notice::expiry_message::states_expiry;
use crate::notice::keys::{UNKNOWN_HOLD, is_missed, item_key, missed_key};
use crate::notice::line::{CardPlace, HoldLine, STALE_AFTER, currency, hold_line};
use crate::notice::{NoticeCard, NoticeInput};
use crate::text::clean;

/// The most messages of a card in one mail; the library's site has the others.
const MAX_MESSAGES_PER_CARD: usize = 10;

/// An entry that still needs attention is worth a mail again after this many days.
pub const REPEAT_AFTER_DAYS: i64 = 7;

/// Something that needs attention.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attention {
    /// The patron and the library; all the patrons if several cards have the same message.
    #[serde(flatten)]
    pub place: CardPlace,
    /// Its kind, with details.
    #[serde(flatten)]
    pub kind: AttentionKind,
    /// How this compares with the last sent notice.
    pub news: News,
    /// The key, which stays the same while the entry lasts.
    pub key: String,
    /// The detail whose change is worth a mail again.
    pub stage: String,
}

/// A kind of entry that needs attention, the most urgent first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttentionKind {
    /// The site rejected the number or PIN; we don't retry until a person corrects it.
    PinRefused {
        /// The family's local date of the rejection.
        since: NaiveDate,
        /// The card.
        card: CardId,
    },
    /// The PIN is sealed for other hosts than the library's current ones, so it was not sent.
    PinNotSent,
    /// The library blocked the card, so its pages can't be read.
    CardBlocked,
    /// The card's account was never read.
    NeverChecked {
        /// The failure of the newest check; `None`: no check yet.
        failure: Option<FailureKind>,
    },
    /// The last account is older than [`STALE_AFTER`].
    NotReadSince {
        /// When the last account was read.
        last_success_at: DateTime<Utc>,
        /// The failure of the newest check; `None`: no newer check.
        failure: Option<FailureKind>,
    },
    /// A hold's state is in words that we don't know: it may be ready.
    UnknownHold {
        /// The hold; its note has the library's words.
        hold: Box<HoldLine>,
    },
    /// The card expires within 30 days, or has expired.
    CardExpires {
        /// The last day on which it is valid.
        last_day: NaiveDate,
        /// Days until then; negative if it has expired.
        days_left: i64,
        /// The library's messages that state this day. They aren't entries of their own.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        messages: Vec<String>,
    },
    /// The last day to pick up a hold has passed. Listed in one notice only.
    MissedHold {
        /// The hold.
        hold: Box<HoldLine>,
        /// Whether a check after its last day still found it; `false`: no check since.
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
        /// The library's words.
        text: String,
    },
}

/// How an entry compares with the last sent notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It was not in the last notice.
    New,
    /// It has changed since.
    Changed,
    /// It was last in a notice at least [`REPEAT_AFTER_DAYS`] days ago.
    Again,
    /// It was in a recent notice, unchanged.
    Known,
}

impl News {
    /// Whether this alone is worth a mail.
    pub fn is_worth_a_mail(self) -> bool {
        self != Self::Known
    }
}

impl Attention {
    /// Whether it means that this card's current account may be unknown.
    pub(crate) fn leaves_account_unknown(&self, card: CardId) -> bool {
        self.kind.may_hide_account() && self.is_about(card)
    }

    /// Whether it is about this card.
    pub(crate) fn is_about(&self, card: CardId) -> bool {
        let card = card.to_string();
        match self.kind {
            // The stage has the cards of a message.
            AttentionKind::Message { .. } => self.stage.split(' ').any(|id| id == card),
            _ => self.key.split('/').nth(1) == Some(card.as_str()),
        }
    }
}

/// Lists what needs attention, the most urgent first, then by patron and library.
pub(crate) fn list_attention(input: &NoticeInput<'_>) -> Vec<Attention> {
    let mut list = AttentionList {
        input,
        items: Vec::new(),
    };
    for card in input.cards {
        list.add_check_problem(card);
        if let Some(stored) = &card.stored {
            list.add_holds(card, &stored.account);
            list.add_expiry(card, &stored.account);
            list.add_fines(card, &stored.account);
        }
    }
    list.add_messages();
    list.items
        .sort_by_cached_key(|item| (item.kind.rank(), item.place.clone(), item.key.clone()));
    list.items
}

fn unknown_key(card: &NoticeCard, hold: &Hold) -> String {
    format!("{UNKNOWN_HOLD}/{}", item_key(card, &hold.id))
}

/// The library's messages in an account that are listed.
fn card_messages(account: &Account) -> impl Iterator<Item = String> {
    let messages = account.messages.iter().map(|text| clean(text));
    let messages = messages.filter(|text| !text.is_empty());
    messages.take(MAX_MESSAGES_PER_CARD)
}

/// How near a card's last day is; `None`: it needs no attention yet.
fn expiry_stage(days_left: i64) -> Option<&'static str> {
    match days_left {
        ..0 => Some("expired"),
        0..=1 => Some("1"),
        2..=7 => Some("7"),
        8..=30 => Some("30"),
        _ => None,
    }
}

/// Whether fines of this amount need attention.
pub(crate) fn reaches_fines_threshold(input: &NoticeInput<'_>, amount: Decimal) -> bool {
    let threshold = input.family.preferences.fines_threshold;
    amount > Decimal::ZERO && threshold.is_some_and(|threshold| amount >= threshold)
}

struct AttentionList<'a> {
    input: &'a NoticeInput<'a>,
    items: Vec<Attention>,
}

impl AttentionList<'_> {
    /// Adds at most one entry about a card's checks: a rejected PIN explains all other failures.
    fn add_check_problem(&mut self, card: &NoticeCard) {
        let input = self.input;
        let failure = card.newest_failure().map(|failure| failure.kind);
        let key = |name: &str| format!("{name}/{}", card.card.id);
        // The stage says when the problem began, so that a second occurrence counts as changed.
        let (kind, key, stage) = if let Some(since) = card.state.refused_since {
            let stage = local_date(since, input.family.timezone).to_string();
            // The time may be in the future if the clock was ahead.
            let since = local_date(since.min(input.now), input.family.timezone);
            let kind = AttentionKind::PinRefused {
                since,
                card: card.card.id,
            };
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
        self.push(CardPlace::from_card(card), kind, key, stage);
    }

    /// Adds holds that may be ready, and, once, holds that nobody picked up.
    fn add_holds(&mut self, card: &NoticeCard, account: &Account) {
        let input = self.input;
        let holds = || account.holds.iter().flatten();
        let unknown = || holds().filter(|hold| hold.state == HoldState::Other);
        // A site may give several holds the same id: the stage has the words of all of them.
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
            self.push(CardPlace::from_card(card), kind, key, stage);
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
            self.push(CardPlace::from_card(card), kind, key, String::new());
        }
    }

    fn add_expiry(&mut self, card: &NoticeCard, account: &Account) {
        let Some(last_day) = account.card_expires else {
            return;
        };
        let days_left = (last_day - self.input.today).num_days();
        let Some(stage) = expiry_stage(days_left) else {
            return;
        };
        let format = card.library.date_format.as_deref();
        let messages: Vec<String> = card_messages(account)
            .filter(|text| states_expiry(text, last_day, format))
            .collect();
        // A message that is new says more than the days that are left.
        let stage = match &messages[..] {
            [] => stage.to_owned(),
            messages => format!("{stage} {}", short_hash(&without_numbers(messages))),
        };
        let kind = AttentionKind::CardExpires {
            last_day,
            days_left,
            messages,
        };
        let key = format!("card_expires/{}", card.card.id);
        self.push(CardPlace::from_card(card), kind, key, stage);
    }

    fn add_fines(&mut self, card: &NoticeCard, account: &Account) {
        let Some(amount) = account.fines else {
            return;
        };
        if reaches_fines_threshold(self.input, amount) {
            let kind = AttentionKind::Fines {
                amount,
                currency: currency(card, account),
            };
            let key = format!("fines/{}", card.card.id);
            self.push(
                CardPlace::from_card(card),
                kind,
                key,
                amount.normalize().to_string(),
            );
        }
    }

    /// Adds messages. A library writes to all its patrons, so the same message is listed once.
    fn add_messages(&mut self) {
        let mut cards_by_message: BTreeMap<(&str, String), Vec<&NoticeCard>> = BTreeMap::new();
        for card in self.input.cards {
            let accounts = card.stored.iter().map(|stored| &stored.account);
            for text in accounts.flat_map(card_messages) {
                if self.is_message_of_expiry(card.card.id, &text) {
                    continue;
                }
                let library = card.library.id.as_str();
                let cards = cards_by_message.entry((library, text)).or_default();
                if !cards.iter().any(|other| other.card.id == card.card.id) {
                    cards.push(card);
                }
            }
        }
        for ((library, text), mut cards) in cards_by_message {
            cards.sort_by_key(|card| card.card.id);
            let Some(mut place) = cards.first().map(|card| CardPlace::from_card(card)) else {
                continue;
            };
            let patrons = cards.iter().map(|card| CardPlace::from_card(card).patron);
            place.patron = crate::notice::phrases::listed(patrons.collect());
            let ids: Vec<String> = cards.iter().map(|card| card.card.id.to_string()).collect();
            let key = format!("message/{library}/{}", short_hash(&text));
            self.push(place, AttentionKind::Message { text }, key, ids.join(" "));
        }
    }

    /// Whether the entry about this card's expiry already has this message.
    fn is_message_of_expiry(&self, card: CardId, text: &str) -> bool {
        let mut items = self.items.iter().filter(|item| item.is_about(card));
        items.any(|item| match &item.kind {
            AttentionKind::CardExpires { messages, .. } => {
                messages.iter().any(|message| message == text)
            }
            _ => false,
        })
    }

    /// Adds an entry and compares it with the last notice.
    fn push(&mut self, place: CardPlace, kind: AttentionKind, key: String, stage: String) {
        let before = self
            .input
            .last_notice
            .and_then(|last| last.attention.get(&key));
        let news = match before {
            None => News::New,
            Some(before) if before.stage != stage => News::Changed,
            Some(before)
                if (self.input.date - before.reported_on).num_days() >= REPEAT_AFTER_DAYS =>
            {
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
    /// Whether it means that the card's current account may be unknown.
    pub(crate) fn may_hide_account(&self) -> bool {
        matches!(
            self,
            Self::PinRefused { .. }
                | Self::PinNotSent
                | Self::CardBlocked
                | Self::NeverChecked { .. }
                | Self::NotReadSince { .. }
        )
    }

    /// The sort order. Entries that hide a card's account come first, and messages come last.
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

/// Messages that count the days differ each day, and are the same without their numbers.
fn without_numbers(messages: &[String]) -> String {
    let letters = messages.iter().flat_map(|text| text.chars().chain(['\n']));
    letters.filter(|letter| !letter.is_ascii_digit()).collect()
}

/// Returns 16 hexadecimal digits: enough to distinguish a patron's few messages.
fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
