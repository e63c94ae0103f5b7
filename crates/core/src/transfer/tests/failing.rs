//! A store that fails after a number of writes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::alerts::PendingAlerts;
use crate::alerts::StoredAlert;
use crate::alerts::{Alert, AlertKey};
use crate::card::{Card, CardKey, CardRecord, Fingerprint, LoginMark, LoginOutcome, StoredAccount};
use crate::check::Check;
use crate::email_address::EmailAddress;
use crate::family::{Family, StoppedRecipient};
use crate::ids::{CardId, FamilyId, Label, LibraryId};
use crate::library::Library;
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailKind, OutboxRecord};
use crate::run::tick_times::TickTimes;
use crate::run::work::WorkItem;
use crate::run::{Job, Run, RunKey};
use crate::seal::Sealed;
use crate::store::AlertStore;
use crate::store::*;
use crate::testing::memory::MemoryStore;

/// Fails at each write once no `writes_left` are left.
pub(super) struct Failing<'a> {
    pub(super) inside: &'a MemoryStore,
    pub(super) writes_left: AtomicUsize,
}

impl Failing<'_> {
    fn write(&self) -> StoreResult<()> {
        self.writes_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .map(|_| ())
            .map_err(|_| StoreError::Unavailable("the power is gone".to_owned()))
    }

    fn read(&self) -> StoreResult<()> {
        Ok(())
    }
}

macro_rules! passed_on {
    ($($trait:ident { $($kind:ident $method:ident($($name:ident: $type:ty),*) -> $answer:ty;)* })*) => {
        $(
            #[async_trait]
            impl $trait for Failing<'_> {
                $(
                    async fn $method(&self, $($name: $type),*) -> StoreResult<$answer> {
                        self.$kind()?;
                        self.inside.$method($($name),*).await
                    }
                )*
            }
        )*
    };
}

passed_on! {
    FamilyStore {
        write add_family(family: &Family) -> ();
        write update_family(family: &Family) -> ();
        read family(id: &FamilyId) -> Option<Family>;
        read families() -> Vec<Family>;
        write stop_recipient(id: &FamilyId, stopped: &StoppedRecipient) -> bool;
        write allow_recipient(id: &FamilyId, address: &EmailAddress) -> bool;
        write remove_family(id: &FamilyId) -> ();
    }
    LibraryStore {
        write add_library(library: &Library) -> ();
        write update_library(library: &Library) -> ();
        read library(id: &LibraryId) -> Option<Library>;
        read libraries() -> Vec<Library>;
        write remove_library(id: &LibraryId) -> ();
        write back_off(id: &LibraryId, until: DateTime<Utc>, now: DateTime<Utc>) -> ();
        write mark_library_down(id: &LibraryId, since: DateTime<Utc>) -> DateTime<Utc>;
        write mark_library_up(id: &LibraryId) -> ();
        read back_off_until(id: &LibraryId) -> Option<DateTime<Utc>>;
    }
    CardStore {
        write add_card(card: &Card, secret: &Sealed) -> ();
        read card(id: CardId) -> Option<CardRecord>;
        read cards_of(family: &FamilyId) -> Vec<CardRecord>;
        read cards_to_check(scope: Scope, after: Option<&CardCursor>, limit: usize) -> Vec<CardRecord>;
        write set_paused(id: CardId, paused: bool) -> ();
        write allow_retry(id: CardId) -> ();
        write remove_card(id: CardId) -> ();
    }
    RestoreStore {
        write restore_card(copy: &CardCopy, mode: WriteMode) -> RestoreOutcome;
    }
    SecretStore {
        read secrets(cards: &[CardId]) -> Vec<(CardId, Sealed)>;
        write replace_secret(card: CardId, fingerprint: &Fingerprint, secret: &Sealed) -> ();
        read cards_with_secrets() -> Vec<CardId>;
    }
    CheckStore {
        write begin_login(card: &CardKey, mark: &LoginMark) -> bool;
        write settle_login(card: &CardKey, check: Uuid, outcome: LoginOutcome) -> ();
        write save_check(check: &Check) -> Saved;
        read accounts_of(family: &FamilyId) -> Vec<(CardId, StoredAccount)>;
    }
    VisitStore {
        read load_visit(library: &LibraryId, cards: &[CardKey]) -> Option<LoadedVisit>;
    }
    AccountStore {
        read load_family(family: &FamilyId) -> Option<LoadedFamily>;
    }
    OutboxStore {
        write plan_mail(record: &OutboxRecord) -> bool;
        read mail(key: &MailKey) -> Option<OutboxRecord>;
        write replace_mail(revision: u64, record: &OutboxRecord, last_notice: Option<&LastNotice>) -> bool;
        read open_mails(after: Option<&OutboxCursor>, limit: usize) -> Vec<OutboxRecord>;
        read last_sent_notice(family: &FamilyId) -> Option<LastNotice>;
        read origin() -> StoreOrigin;
        write end_restore() -> ();
        read sent_before(key: &MailKey) -> Option<u64>;
        read recent_mails(kind: &MailKind, family: &FamilyId, limit: usize) -> Vec<OutboxRecord>;
    }
    RunStore {
        write start_run(run: &Run, allow_overlap: bool, silence: Duration) -> RunStart;
        read tick_times() -> TickTimes;
        write replace_tick_times(before: &TickTimes, after: &TickTimes) -> bool;
        write report_run(run: &Run) -> ();
        write record_run(run: &Run) -> bool;
        write save_work_item(run: &RunKey, work: &WorkItem) -> ();
        read work_items(run: &RunKey) -> Vec<WorkItem>;
        read run(key: &RunKey) -> Option<Run>;
        read recent_runs(job: Option<Job>, label: Option<&Label>, limit: usize) -> Vec<Run>;
        write forget_before(before: DateTime<Utc>) -> ();
    }
    AlertStore {
        write record_alert(key: &AlertKey, alert: &Alert, now: DateTime<Utc>) -> bool;
        write claim_alert(key: &AlertKey, now: DateTime<Utc>) -> bool;
        write mark_alert_delivered(key: &AlertKey, at: DateTime<Utc>) -> ();
        write withdraw_alert(noted: &StoredAlert) -> ();
        read alert(key: &AlertKey) -> Option<StoredAlert>;
        read pending_alerts() -> PendingAlerts;
        read recent_alerts(limit: usize) -> Vec<StoredAlert>;
    }
}
