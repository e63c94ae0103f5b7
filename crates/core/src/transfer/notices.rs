//! Imports a family's notices into the store of the destination.

use std::collections::BTreeMap;

use super::{ExportedFamily, ExportedNotice, ImportReport, TransferError, TransferPart};
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use crate::store::{Store, WriteMode};

/// More notices of one kind than a family has.
const NOTICE_LIMIT: usize = 1000;

/// Imports the notices of a family. What the destination knows better stays.
pub(super) async fn import_notices(
    store: &dyn Store,
    mode: WriteMode,
    exported: &ExportedFamily,
    report: &mut ImportReport,
) -> Result<(), TransferError> {
    let family = &exported.family.id;
    // A new family may have notices here too: those of a removed family outlive it.
    let mut here: BTreeMap<MailKey, OutboxRecord> = BTreeMap::new();
    for kind in MailKind::ALL {
        let recent = store.recent_mails(kind, family, NOTICE_LIMIT).await?;
        here.extend(recent.into_iter().map(|here| (here.key(), here)));
    }
    let newest_sent_here = here
        .values()
        .rfind(|here| here.kind == MailKind::DAILY && here.state == MailState::Sent)
        .map(OutboxRecord::key);
    // The newest first, since a tick here would plan that one again.
    for ExportedNotice {
        record,
        last_notice,
    } in exported.notices.iter().rev()
    {
        let key = record.key();
        let last_notice = last_notice.as_ref();
        let Some(stored) = here.get(&key) else {
            if add_notice(store, mode, record, last_notice).await? {
                report.notices.added += 1;
            } else {
                report.add_difference(
                    TransferPart::Notice,
                    key,
                    "it was planned here in the meantime",
                );
            }
            continue;
        };
        let is_as_far_here =
            stored.planned_at == record.planned_at && stored.revision >= record.revision;
        if stored == record || is_as_far_here {
            // An interrupted import or a removed family leaves a record without what it told.
            let lacks_last_notice =
                if last_notice.is_some() && newest_sent_here.as_ref() == Some(&key) {
                    let here = store.last_sent_notice(family).await?;
                    here.is_none() || (stored == record && here.as_ref() != last_notice)
                } else {
                    false
                };
            if lacks_last_notice {
                replace_notice(store, mode, stored.revision, stored, last_notice).await?;
                report.notices.completed += 1;
            } else {
                report.notices.unchanged += 1;
            }
        } else if record.is_over() && !stored.is_over() {
            // It is open here and final in the document: it must not be sent again.
            let settled = OutboxRecord {
                revision: record.revision.max(stored.revision + 1),
                ..record.clone()
            };
            replace_notice(store, mode, stored.revision, &settled, last_notice).await?;
            report.notices.completed += 1;
        } else {
            report.add_difference(TransferPart::Notice, key, "it went another way here");
        }
    }
    Ok(())
}

/// Adds a notice; false if it was planned here in the meantime.
async fn add_notice(
    store: &dyn Store,
    mode: WriteMode,
    record: &OutboxRecord,
    last_notice: Option<&LastNotice>,
) -> Result<bool, TransferError> {
    if mode == WriteMode::DryRun {
        return Ok(true);
    }
    if !store.plan_mail(record).await? {
        return Ok(false);
    }
    if last_notice.is_some() {
        replace_notice(store, mode, record.revision, record, last_notice).await?;
    }
    Ok(true)
}

/// Replaces a notice unless a worker here changed it in the meantime, which then knows more.
async fn replace_notice(
    store: &dyn Store,
    mode: WriteMode,
    revision: u64,
    record: &OutboxRecord,
    last_notice: Option<&LastNotice>,
) -> Result<(), TransferError> {
    if mode == WriteMode::Write {
        let _ = store.replace_mail(revision, record, last_notice).await?;
    }
    Ok(())
}
