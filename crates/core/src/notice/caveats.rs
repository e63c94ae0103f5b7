//! Writes the sentences about cards that couldn't be checked: which, why, and how old their
//! information is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::failure::FailureKind;
use crate::notice::attention::{Attention, AttentionKind};
use crate::notice::digest::{CardException, Digest, Source};
use crate::notice::items::NoticeFormatter;
use crate::notice::phrases::{self, listed, moment};

/// Why a card's information is out of date or incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// An entry that needs attention already names the failure.
    Explained,
    /// The newest check failed.
    Failed {
        kind: FailureKind,
        later_checks_not_tried: bool,
    },
    /// The site didn't list the loans, the holds, or both.
    Unlisted { loans: bool, holds: bool },
}

impl NoticeFormatter {
    /// Writes a sentence or two for the cards of a library that have the same problem.
    pub(crate) fn caveats(self, digest: &Digest) -> Vec<String> {
        let sentences_for = |source: &Source| {
            let mut groups: BTreeMap<Reason, Vec<&CardException>> = BTreeMap::new();
            for card in &source.exceptions {
                for reason in reasons(card, &digest.attention) {
                    groups.entry(reason).or_default().push(card);
                }
            }
            let groups = groups.into_iter();
            let sentences =
                groups.map(|(reason, cards)| self.caveat(&source.library_name, reason, &cards));
            sentences.collect::<Vec<_>>()
        };
        digest.sources.iter().flat_map(sentences_for).collect()
    }

    fn caveat(self, library: &str, reason: Reason, cards: &[&CardException]) -> String {
        let cards_words = format!("{} ({library})", whose_cards(cards));
        let at = |instant: Option<DateTime<Utc>>| {
            instant.map_or_else(String::new, |at| moment(at, self.zone, self.today))
        };
        let as_of = at(cards.iter().map(|card| card.as_of).min());
        let possessive = if cards.len() == 1 { "Its" } else { "Their" };
        match reason {
            Reason::Explained => format!("The information for {cards_words} is from {as_of}."),
            Reason::Failed {
                kind: FailureKind::NotTried,
                ..
            } => format!(
                "We didn’t get to {cards_words} this time. {possessive} information is from {as_of}."
            ),
            Reason::Failed {
                kind,
                later_checks_not_tried,
            } => {
                let failures = cards.iter().filter_map(|card| card.failure);
                let tried = failures.map(|failure| failure.at).max();
                let tried = tried.map_or_else(String::new, |tried| {
                    format!(" {}", phrases::at_moment(tried, self.zone, self.today))
                });
                let untried = match later_checks_not_tried {
                    true => " We haven’t tried again since.",
                    false => "",
                };
                format!(
                    "We couldn’t check {cards_words}{tried}: {}.{untried} {possessive} information is from {as_of}.",
                    phrases::failure(kind)
                )
            }
            Reason::Unlisted { loans, holds } => {
                let what = match (loans, holds) {
                    (true, true) => "loans or holds",
                    (true, false) => "loans",
                    (false, _) => "holds",
                };
                format!("The site didn’t list the {what} on {cards_words}.")
            }
        }
    }
}

/// Lists what a reader must know of a card.
fn reasons(card: &CardException, attention: &[Attention]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut hiding = attention
        .iter()
        .filter(|item| item.leaves_account_unknown(card.card));
    match (hiding.next().map(|item| &item.kind), card.failure) {
        // The card's own lines already say how old they are.
        (Some(AttentionKind::NotReadSince { .. }), _) => {}
        (Some(_), Some(_)) => reasons.push(Reason::Explained),
        (None, Some(failure)) => reasons.push(Reason::Failed {
            kind: failure.kind,
            later_checks_not_tried: failure.later_checks_not_tried,
        }),
        (_, None) => {}
    }
    if card.loans_unknown || card.holds_unknown {
        reasons.push(Reason::Unlisted {
            loans: card.loans_unknown,
            holds: card.holds_unknown,
        });
    }
    reasons
}

/// `Ada’s card`, `Ada’s and Ben’s cards`.
fn whose_cards(cards: &[&CardException]) -> String {
    let owners = cards.iter().map(|card| format!("{}’s", card.patron));
    let noun = if cards.len() == 1 { "card" } else { "cards" };
    format!("{} {noun}", listed(owners.collect()))
}
