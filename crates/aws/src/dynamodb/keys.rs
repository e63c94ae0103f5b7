//! The table's keys and lists.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use hippo_core::alerts::AlertKey;
use hippo_core::audit::AuditEntry;
use hippo_core::card::{Card, CardKey, Fingerprint};
use hippo_core::feed::FeedTokenHash;
use hippo_core::ids::{CardId, FamilyId, Label, LibraryId};
use hippo_core::invitation::InvitationId;
use hippo_core::outbox::{MailKey, MailKind};
use hippo_core::run::day::DayKey;
use hippo_core::run::{JobName, RunKey};

use hippo_core::sign_in::{IdentityId, PersonId, RateKey, TokenHash};
use uuid::Uuid;

/// The sort key of an item that is alone or first in its partition.
pub(super) const META: &str = "META";

/// The sort key of the list of a label's running runs, and of a library's state. Sorts after times.
pub(super) const STATE: &str = "STATE";

/// The prefixes of a family's sort keys, in order: accounts, cards, then `META`, then mails, then
/// tokens. `CARDS_END` sorts after the last card.
pub(super) const ACCOUNTS: &str = "ACCOUNT#";
pub(super) const CARDS: &str = "CARD#";
pub(super) const CARDS_END: &str = "CARD#~";
pub(super) const MAILS: &str = "OUTBOX#";
pub(super) const TOKENS: &str = "TOKEN#";

/// The prefix of the sort keys of a picture's bytes.
pub(super) const PIECES: &str = "BYTES#";

/// The prefix of the sort keys of declared schedules.
pub(super) const DECLARED: &str = "DECLARED#";

/// The prefix of the sort keys of a person's sessions.
pub(super) const SESSIONS: &str = "SESSION#";

/// The prefix of the sort keys of a person's identities.
pub(super) const IDENTITIES: &str = "IDENTITY#";

/// The partition of the pauses of the schedules.
pub(super) const PAUSES: &str = "PAUSE";

/// The only shard of the cards. It takes 1,000 write units per second. A check needs six (its login
/// mark, the login's outcome, its result), so 150,000 cards take 15 minutes.
pub(super) const SHARD: &str = "0";

/// The partition of the cards that wait for a person, in the index of failed cards.
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

    /// Reserves a number at a library for one card of a family.
    pub(super) fn number(id: &FamilyId, library: &LibraryId, fingerprint: &Fingerprint) -> Self {
        Self::new(family(id), format!("NUMBER#{library}#{}", fingerprint.0))
    }

    /// Points from a card to its family.
    pub(super) fn pointer(card: CardId) -> Self {
        Self::new(format!("CARD#{card}"), META)
    }

    pub(super) fn secret(card: CardId) -> Self {
        Self::new(format!("SECRET#{card}"), "PIN")
    }

    pub(super) fn library(id: &LibraryId) -> Self {
        Self::new(format!("LIBRARY#{id}"), META)
    }

    /// A library's back-off and downtime.
    pub(super) fn library_state(id: &LibraryId) -> Self {
        Self::new(format!("LIBRARY#{id}"), STATE)
    }

    pub(super) fn run(key: &RunKey) -> Self {
        Self::new(runs(key.job, &key.label), time(key.scheduled_time))
    }

    /// The result of one work item of a run. Each has its own item, so that workers don't share a
    /// counter, and each run its own partition, which takes 1,000 writes per second.
    pub(super) fn work(run: &RunKey, item_id: &str) -> Self {
        Self::new(work(run), item_id)
    }

    /// An alert. All alerts share a partition, since there are few.
    pub(super) fn alert(key: &AlertKey) -> Self {
        Self::new("OPERATOR".to_owned(), format!("ALERT#{key}"))
    }

    /// The table's own name, which reveals a restored table.
    pub(super) fn table_name() -> Self {
        Self::new("OPERATOR".to_owned(), "TABLE")
    }

    /// The times of the ticks of `notify-all`.
    pub(super) fn tick_times() -> Self {
        Self::new("OPERATOR".to_owned(), "TICKS")
    }

    /// A label's day in the history of runs.
    pub(super) fn run_day(day: &DayKey) -> Self {
        let sk = format!("{}#{}#{}", day.date, day.job, day.label);
        Self::new(days(shard_of_day(day)), sk)
    }

    /// The record of a date's picture.
    pub(super) fn picture(date: NaiveDate) -> Self {
        Self::new(picture(date), META)
    }

    /// A piece of a picture's bytes. Sorts by its index.
    pub(super) fn piece(date: NaiveDate, hash: &str, index: usize) -> Self {
        Self::new(picture(date), format!("{PIECES}{hash}#{index:03}"))
    }

    /// A declared schedule.
    pub(super) fn declared(job: JobName, label: &Label) -> Self {
        Self::new(schedules(job), format!("{DECLARED}{label}"))
    }

    /// The pauses of a label, or those of all schedules.
    pub(super) fn pauses(label: Option<&Label>) -> Self {
        let label = label.map_or("", Label::as_str);
        Self::new(PAUSES.to_owned(), format!("LABEL#{label}"))
    }

    /// A feed. Its partition is its own, so that a reader with a token needs one read and no other key.
    pub(super) fn feed(token: &FeedTokenHash) -> Self {
        Self::new(format!("FEED#{}", token.as_str()), META)
    }

    /// Points from a family to its feed.
    pub(super) fn feed_pointer(family_id: &FamilyId, token: &FeedTokenHash) -> Self {
        Self::new(family(family_id), format!("{TOKENS}{}", token.as_str()))
    }

    /// A session of the web pages.
    pub(super) fn session(hash: &TokenHash) -> Self {
        Self::new(format!("SESSION#{hash}"), META)
    }

    /// Points from a person to a session.
    pub(super) fn session_of(id: &PersonId, hash: &TokenHash) -> Self {
        Self::new(person(id), format!("{SESSIONS}{hash}"))
    }

    /// The link of an identity.
    pub(super) fn identity(id: &IdentityId) -> Self {
        Self::new(format!("IDENTITY#{}", id.as_str()), META)
    }

    /// Points from a person to an identity.
    pub(super) fn identity_of(id: &PersonId, identity: &IdentityId) -> Self {
        Self::new(person(id), format!("{IDENTITIES}{}", identity.as_str()))
    }

    /// An attempt to sign in.
    pub(super) fn attempt(id: Uuid) -> Self {
        Self::new(format!("ATTEMPT#{}", id.simple()), META)
    }

    /// An address's invitation to a family's emails.
    pub(super) fn invitation(family: &FamilyId, id: &InvitationId) -> Self {
        Self::new(invitations(family), id.address_hash.simple().to_string())
    }

    /// A change that somebody made.
    pub(super) fn audit_entry(entry: &AuditEntry) -> Self {
        let sk = format!("{}#{}", time(entry.at), entry.id.simple());
        Self::new(audit(entry.family.as_ref()), sk)
    }

    /// The times of the requests of an address or a network.
    pub(super) fn rate_log(key: &RateKey) -> Self {
        Self::new(format!("RATE#{key}"), META)
    }

    /// The list of a label's running runs.
    pub(super) fn running(job: JobName, label: &Label) -> Self {
        Self::new(runs(job, label), STATE)
    }
}

/// The partition of a person who signs in.
pub(super) fn person(id: &PersonId) -> String {
    format!("PERSON#{id}")
}

/// The partition of a family's invitations.
pub(super) fn invitations(id: &FamilyId) -> String {
    format!("INVITATION#{id}")
}

/// The partition of a family's changes, or of those of the whole installation.
pub(super) fn audit(id: Option<&FamilyId>) -> String {
    format!("AUDIT#{}", id.map_or("", FamilyId::as_str))
}

/// The partition of a family.
pub(super) fn family(id: &FamilyId) -> String {
    format!("FAMILY#{id}")
}

/// The prefix of the sort keys of a family's mails of one kind.
pub(super) fn mails(kind: &MailKind) -> String {
    format!("{MAILS}{kind}#")
}

/// The partition of a label's runs.
pub(super) fn runs(job: JobName, label: &Label) -> String {
    format!("RUN#{job}#{label}")
}

/// The partition of a job's declared schedules.
pub(super) fn schedules(job: JobName) -> String {
    format!("SCHEDULE#{job}")
}

/// The partition of a run's work items.
pub(super) fn work(run: &RunKey) -> String {
    let runs = runs(run.job, &run.label);
    format!("{runs}#{}", time(run.scheduled_time))
}

/// How many partitions the daily history has. A query returns at most 1 MB: with 500 labels, that is the
/// share of one partition in more than 30 days.
pub(super) const DAYS_SHARDS: u32 = 16;

/// A partition of the daily history.
pub(super) fn days(shard: u32) -> String {
    format!("DAYS#{shard}")
}

/// The shard of a label's days. It is a hash (FNV-1a), which must never change.
fn shard_of_day(day: &DayKey) -> u32 {
    let text = format!("{}#{}", day.job, day.label);
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % DAYS_SHARDS
}

/// The order of the cards. `#` sorts before every character of a slug, so a library sorts before one
/// with a longer id.
pub(super) fn card_order(library: &LibraryId, fingerprint: &Fingerprint, card: CardId) -> String {
    format!("{library}#{}#{card}", fingerprint.0)
}

/// The [`card_order`] of a card.
pub(super) fn order_of(card: &Card) -> String {
    card_order(&card.library, &card.fingerprint, card.id)
}

/// A time as text of fixed width, which sorts in time order.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// The lists of the index `listing`.
pub(super) mod list {
    use hippo_core::run::JobName;

    pub(crate) const FAMILIES: &str = "FAMILY";
    pub(crate) const LIBRARIES: &str = "LIBRARY";
    pub(crate) const CARDS: &str = "CARD";
    pub(crate) const OPEN_MAILS: &str = "OUTBOX#OPEN";
    pub(crate) const FINAL_MAILS: &str = "OUTBOX#FINAL";
    /// Delivered alerts. Pending ones have their own list, so that a tick reads few items.
    pub(crate) const ALERTS: &str = "ALERT";
    pub(crate) const PENDING_ALERTS: &str = "ALERT#PENDING";

    /// The changes of all families and of the operator.
    pub(crate) const AUDIT: &str = "AUDIT";

    pub(crate) fn runs(job: JobName) -> String {
        format!("RUN#{job}")
    }

    /// The labels of a job that have runs.
    pub(crate) fn labels(job: JobName) -> String {
        format!("LABEL#{job}")
    }
}

/// The partition of a date's picture.
pub(super) fn picture(date: NaiveDate) -> String {
    format!("PICTURE#{date}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_sorts_before_one_with_a_longer_id() {
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
        let mut sorted = [ACCOUNTS, CARDS, CARDS_END, META, MAILS, TOKENS];
        sorted.sort_unstable();
        assert_eq!(sorted, [ACCOUNTS, CARDS, CARDS_END, META, MAILS, TOKENS]);
    }
}
