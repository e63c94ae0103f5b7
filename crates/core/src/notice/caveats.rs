//! Says which cards couldn't be checked, and how old what is shown of them is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::failure::FailureKind;
use crate::notice::attention::{Attention, AttentionKind};
use crate::notice::digest::{Digest, Source, SourceException};
use crate::notice::items::DayWords;
use crate::notice::phrases::{self, listed, moment};

/// Why what is shown of a card is old or incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// An entry that needs attention already names the failure.
    Explained,
    /// The newest check failed.
    Failed {
        kind: FailureKind,
        untried_since: bool,
    },
    /// The site didn't list the loans, the holds, or both.
    Unlisted { loans: bool, holds: bool },
}

impl DayWords {
    /// Writes a sentence or two for the cards of a library that have the same problem.
    pub(crate) fn caveats(self, digest: &Digest) -> Vec<String> {
        let of_source = |source: &Source| {
            let mut groups: BTreeMap<Reason, Vec<&SourceException>> = BTreeMap::new();
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
        digest.sources.iter().flat_map(of_source).collect()
    }

    fn caveat(self, library: &str, reason: Reason, cards: &[&SourceException]) -> String {
        let cards_words = format!("{} ({library})", whose_cards(cards));
        let at = |instant: Option<DateTime<Utc>>| {
            instant.map_or_else(String::new, |at| moment(at, self.zone, self.today))
        };
        let as_of = at(cards.iter().map(|card| card.as_of).min());
        let of_it = if cards.len() == 1 { "it" } else { "them" };
        match reason {
            Reason::Explained => format!("What you see of {cards_words} is as of {as_of}."),
            Reason::Failed {
                kind: FailureKind::NotTried,
                ..
            } => format!(
                "We didn’t get to {cards_words} this time. What you see of {of_it} is as of {as_of}."
            ),
            Reason::Failed {
                kind,
                untried_since,
            } => {
                let failures = cards.iter().filter_map(|card| card.failure);
                let tried = failures.map(|failure| failure.at).max();
                let tried = tried.map_or_else(String::new, |tried| {
                    format!(" {}", phrases::at_moment(tried, self.zone, self.today))
                });
                let untried = match untried_since {
                    true => " We haven’t tried again since.",
                    false => "",
                };
                format!(
                    "We couldn’t check {cards_words}{tried}: {}.{untried} What you see of {of_it} is as of {as_of}.",
                    phrases::failure(kind)
                )
            }
            Reason::Unlisted { loans, holds } => {
                let what = match (loans, holds) {
                    (true, true) => "what is out and what is on hold",
                    (true, false) => "what is out",
                    (false, _) => "what is on hold",
                };
                format!("For {cards_words}, the site didn’t say {what}.")
            }
        }
    }
}

/// Lists what a reader must know of a card.
fn reasons(card: &SourceException, attention: &[Attention]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut hiding = attention
        .iter()
        .filter(|item| item.hides_account_of(card.card));
    match (hiding.next().map(|item| &item.kind), card.failure) {
        // Each of its lines says how old it is.
        (Some(AttentionKind::NotReadSince { .. }), _) => {}
        (Some(_), Some(_)) => reasons.push(Reason::Explained),
        (None, Some(failure)) => reasons.push(Reason::Failed {
            kind: failure.kind,
            untried_since: failure.untried_since,
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
fn whose_cards(cards: &[&SourceException]) -> String {
    let owners = cards.iter().map(|card| format!("{}’s", card.patron));
    let noun = if cards.len() == 1 { "card" } else { "cards" };
    format!("{} {noun}", listed(owners.collect()))
}
