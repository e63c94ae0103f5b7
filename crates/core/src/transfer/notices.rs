//! Putting a family's notices into the store of the side to come.

use std::collections::BTreeMap;

use super::destination::Destination;
use super::{Mode, MovedFamily, MovedNotice, Part, Report, TransferError};
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::notice::told::Told;

/// No family has as many notices.
const NOTICE_LIMIT: usize = 1000;

pub(super) async fn notices(
    to: &Destination<'_>,
    moved: &MovedFamily,
    report: &mut Report,
) -> Result<(), TransferError> {
    let family = &moved.family.id;
    // Also of a family that is new here: those of one that was removed may have outlived it.
    let recent = to.store.recent_notices(family, NOTICE_LIMIT).await?;
    let here: BTreeMap<_, NoticeRecord> =
        recent.into_iter().map(|here| (here.date, here)).collect();
    let newest_sent_here = here
        .values()
        .rfind(|here| here.state == NoticeState::Sent)
        .map(|here| here.date);
    // The newest first: it is the one that a tick of this side would make again.
    for MovedNotice { record, told } in moved.notices.iter().rev() {
        let Some(stored) = here.get(&record.date) else {
            if put_notice(to, record, told.as_ref()).await? {
                report.notices.added += 1;
            } else {
                report.differs(
                    Part::Notice,
                    format!("{family} {}", record.date),
                    "it is planned here meanwhile",
                );
            }
            continue;
        };
        let is_as_far_here =
            stored.planned_at == record.planned_at && stored.revision >= record.revision;
        if stored == record || is_as_far_here {
            // Interrupted between the record and what was told with it, or forgotten with the family?
            let is_missing = match told {
                Some(told) if newest_sent_here == Some(record.date) => {
                    let here = to.store.last_told(family).await?;
                    here.is_none() || (stored == record && here.as_ref() != Some(told))
                }
                _ => false,
            };
            if is_missing {
                replace(to, stored.revision, stored, told.as_ref()).await?;
                report.notices.completed += 1;
            } else {
                report.notices.unchanged += 1;
            }
        } else if record.is_over() && !stored.is_over() {
            // It was open when the family moved away, and was settled there: it must not be sent again.
            let settled = NoticeRecord {
                revision: record.revision.max(stored.revision + 1),
                ..record.clone()
            };
            replace(to, stored.revision, &settled, told.as_ref()).await?;
            report.notices.completed += 1;
        } else {
            report.differs(
                Part::Notice,
                format!("{family} {}", record.date),
                "it went another way here",
            );
        }
    }
    Ok(())
}

async fn put_notice(
    to: &Destination<'_>,
    record: &NoticeRecord,
    told: Option<&Told>,
) -> Result<bool, TransferError> {
    if to.mode == Mode::DryRun {
        return Ok(true);
    }
    if !to.store.plan_notice(record).await? {
        return Ok(false);
    }
    if told.is_some() {
        replace(to, record.revision, record, told).await?;
    }
    Ok(true)
}

async fn replace(
    to: &Destination<'_>,
    revision: u64,
    record: &NoticeRecord,
    told: Option<&Told>,
) -> Result<(), TransferError> {
    if to.mode == Mode::Write {
        // A worker of this side that was faster knows more.
        let _ = to.store.replace_notice(revision, record, told).await?;
    }
    Ok(())
}
