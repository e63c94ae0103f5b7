//! Where everything stands in the table.

use chrono::{DateTime, SecondsFormat, Utc};
use hippo_core::alerts::AlertKey;
use hippo_core::card::{Card, CardKey, Fingerprint};
use hippo_core::ids::{CardId, FamilyId, Label, LibraryId};
use hippo_core::outbox::{MailKey, MailKind};
use hippo_core::run::{Job, RunKey};

/// The sort key of what stands alone, or first, in its partition.
pub(super) const META: &str = "META";

/// The sort key of what names a label's runs that are going: behind every time.
pub(super) const STATE: &str = "STATE";

/// The first of a family's accounts and cards, and what sorts after the last of them. `META`
/// sorts right behind them, the mails after it.
pub(super) const ACCOUNTS: &str = "ACCOUNT#";
pub(super) const CARDS: &str = "CARD#";
pub(super) const CARDS_END: &str = "CARD#~";
pub(super) const MAILS: &str = "OUTBOX#";

/// The one shard of the cards. It takes 1,000 write units a second, and a check needs six of them
/// (its mark, what became of the login, its outcome): 150,000 cards in a quarter of an hour.
pub(super) const SHARD: &str = "0";

/// In the index of failed cards, where the cards stand that wait for a person.
pub(super) const WAITING: &str = "waiting";

/// The key of one item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    pub(super) fn family(id: &FamilyId) -> Self {
        Self::new(family(id), META)
    }

    pub(super) fn head(card: &CardKey) -> Self {
        Self::new(family(&card.family), format!("{CARDS}{}", card.card))
    }

    pub(super) fn account(card: &CardKey) -> Self {
        Self::new(family(&card.family), format!("{ACCOUNTS}{}", card.card))
    }

    pub(super) fn mail(key: &MailKey) -> Self {
        Self::new(
            family(&key.family),
            format!("{}{}", mails(&key.kind), key.date),
        )
    }

    /// Taken by the one card of a family that has this number at the library.
    pub(super) fn number(id: &FamilyId, library: &LibraryId, fingerprint: &Fingerprint) -> Self {
        Self::new(family(id), format!("NUMBER#{library}#{}", fingerprint.0))
    }

    /// Says of which family a card is.
    pub(super) fn pointer(card: CardId) -> Self {
        Self::new(format!("CARD#{card}"), META)
    }

    pub(super) fn secret(card: CardId) -> Self {
        Self::new(format!("SECRET#{card}"), "PIN")
    }

    pub(super) fn library(id: &LibraryId) -> Self {
        Self::new(format!("LIBRARY#{id}"), META)
    }

    pub(super) fn backing_off(id: &LibraryId) -> Self {
        Self::new(format!("LIBRARY#{id}"), STATE)
    }

    pub(super) fn run(key: &RunKey) -> Self {
        Self::new(runs(key.job, &key.label), time(key.scheduled_time))
    }

    /// What became of one work item of a run's work: an item of its own for each, so that no counter is
    /// written by many, in a partition of the run's own, of which a thousand are written in a second.
    pub(super) fn work(run: &RunKey, item_id: &str) -> Self {
        Self::new(work(run), item_id)
    }

    /// What needs the operator; all of it stands together, since there is little of it.
    pub(super) fn alert(key: &AlertKey) -> Self {
        Self::new("OPERATOR".to_owned(), format!("ALERT#{key}"))
    }

    /// The table's own name, by which a restored one is known.
    pub(super) fn table_name() -> Self {
        Self::new("OPERATOR".to_owned(), "TABLE")
    }

    /// When the ticks of `notify-all` came.
    pub(super) fn tick_times() -> Self {
        Self::new("OPERATOR".to_owned(), "TICKS")
    }

    /// Names the runs of one label that are going.
    pub(super) fn going(job: Job, label: &Label) -> Self {
        Self::new(runs(job, label), STATE)
    }
}

/// The partition of a family.
pub(super) fn family(id: &FamilyId) -> String {
    format!("FAMILY#{id}")
}

/// How the sort keys of a family's mails of one kind begin.
pub(super) fn mails(kind: &MailKind) -> String {
    format!("{MAILS}{kind}#")
}

/// The partition of a label's runs.
pub(super) fn runs(job: Job, label: &Label) -> String {
    format!("RUN#{job}#{label}")
}

/// The partition of what became of a run's work.
pub(super) fn work(run: &RunKey) -> String {
    let runs = runs(run.job, &run.label);
    format!("{runs}#{}", time(run.scheduled_time))
}

/// The order of the cards: `#` sorts before all that a slug is made of, as the end of a slug does.
pub(super) fn card_order(library: &LibraryId, fingerprint: &Fingerprint, card: CardId) -> String {
    format!("{library}#{}#{card}", fingerprint.0)
}

/// [`card_order`] of one card.
pub(super) fn order_of(card: &Card) -> String {
    card_order(&card.library, &card.fingerprint, card.id)
}

/// A time as text of one width, so that text sorts as the times do.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// The lists of the index `listing`.
pub(super) mod list {
    use hippo_core::run::Job;

    pub(crate) const FAMILIES: &str = "FAMILY";
    pub(crate) const LIBRARIES: &str = "LIBRARY";
    pub(crate) const CARDS: &str = "CARD";
    pub(crate) const OPEN_MAILS: &str = "OUTBOX#OPEN";
    pub(crate) const FINAL_MAILS: &str = "OUTBOX#FINAL";
    /// What the operator was told, and what not yet: however much was told, a tick reads the latter.
    pub(crate) const ALERTS: &str = "ALERT";
    pub(crate) const PENDING_ALERTS: &str = "ALERT#PENDING";

    pub(crate) fn runs(job: Job) -> String {
        format!("RUN#{job}")
    }

    /// The labels of a job that have runs.
    pub(crate) fn labels(job: Job) -> String {
        format!("LABEL#{job}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_sorts_before_one_whose_id_goes_on() {
        let order = |library: &str, fingerprint: &str| {
            card_order(
                &library.parse().unwrap(),
                &Fingerprint(fingerprint.to_owned()),
                CardId::generate(),
            )
        };
        assert!(order("wpl", "f") < order("wpl-east", "0"));
        assert!(order("wpl", "f") < order("wpl1", "0"));
    }

    #[test]
    fn family_accounts_and_cards_sort_before_its_mails() {
        let mut sorted = [ACCOUNTS, CARDS, CARDS_END, META, MAILS];
        sorted.sort_unstable();
        assert_eq!(sorted, [ACCOUNTS, CARDS, CARDS_END, META, MAILS]);
    }
}
