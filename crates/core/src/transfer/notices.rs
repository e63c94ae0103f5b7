//! Imports a family's notices into the store of the destination.

use std::collections::BTreeMap;

use super::{MovedFamily, MovedNotice, Part, Report, TransferError};
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use crate::store::{Store, WriteMode};

/// No family has as many notices.
const NOTICE_LIMIT: usize = 1000;

pub(super) async fn import_notices(
    store: &dyn Store,
    mode: WriteMode,
    moved: &MovedFamily,
    report: &mut Report,
) -> Result<(), TransferError> {
    let family = &moved.family.id;
    // Also of a family that is new here: those of one that was removed may have outlived it.
    let mut here: BTreeMap<MailKey, OutboxRecord> = BTreeMap::new();
    for kind in MailKind::ALL {
        let recent = store.recent_mails(kind, family, NOTICE_LIMIT).await?;
        here.extend(recent.into_iter().map(|here| (here.key(), here)));
    }
    let newest_sent_here = here
        .values()
        .rfind(|here| here.kind == MailKind::DAILY && here.state == MailState::Sent)
        .map(OutboxRecord::key);
    // The newest first: it is the one that a tick of this side would make again.
    for MovedNotice {
        record,
        last_notice,
    } in moved.notices.iter().rev()
    {
        let Some(stored) = here.get(&record.key()) else {
            if put_notice(store, mode, record, last_notice.as_ref()).await? {
                report.notices.added += 1;
            } else {
                report.differs(
                    Part::Notice,
                    record.key().to_string(),
                    "it is planned here meanwhile",
                );
            }
            continue;
        };
        let is_as_far_here =
            stored.planned_at == record.planned_at && stored.revision >= record.revision;
        if stored == record || is_as_far_here {
            // Interrupted between the record and what was told with it, or forgotten with the family?
            let is_missing = match last_notice {
                Some(last_notice) if newest_sent_here == Some(record.key()) => {
                    let here = store.last_sent_notice(family).await?;
                    here.is_none() || (stored == record && here.as_ref() != Some(last_notice))
                }
                _ => false,
            };
            if is_missing {
                replace(store, mode, stored.revision, stored, last_notice.as_ref()).await?;
                report.notices.completed += 1;
            } else {
                report.notices.unchanged += 1;
            }
        } else if record.is_over() && !stored.is_over() {
            // It was open when the family moved away, and was settled there: it must not be sent again.
            let settled = OutboxRecord {
                revision: record.revision.max(stored.revision + 1),
                ..record.clone()
            };
            replace(store, mode, stored.revision, &settled, last_notice.as_ref()).await?;
            report.notices.completed += 1;
        } else {
            report.differs(
                Part::Notice,
                record.key().to_string(),
                "it went another way here",
            );
        }
    }
    Ok(())
}

async fn put_notice(
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
        replace(store, mode, record.revision, record, last_notice).await?;
    }
    Ok(true)
}

async fn replace(
    store: &dyn Store,
    mode: WriteMode,
    revision: u64,
    record: &OutboxRecord,
    last_notice: Option<&LastNotice>,
) -> Result<(), TransferError> {
    if mode == WriteMode::Write {
        // A worker of this side that was faster knows more.
        let _ = store.replace_mail(revision, record, last_notice).await?;
    }
    Ok(())
}
