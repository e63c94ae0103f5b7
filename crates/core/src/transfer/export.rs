//! Exports everything from the source's store.

use chrono::{DateTime, Days, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::{
    ExportedCard, ExportedFamily, ExportedLibrary, ExportedNotice, FORMAT, MAX_CONCURRENT_FAMILIES,
    NOTICE_DAYS, Transfer, TransferError, TransferProgress, VERSION,
};
use crate::card::{CardRecord, StoredAccount};
use crate::ids::{CardId, FamilyId};
use crate::jobs::check_cards::key_cache::KeyCache;
use crate::library::Library;
use crate::outbox::{MailKind, MailState};
use crate::seal::{PublicKey, SealContext, Sealed};
use crate::store::Store;

/// More notices than a family has in [`NOTICE_DAYS`]. The last sent one may be older.
const NOTICE_LIMIT: usize = 400;

/// Reads everything from `store`. Opens each number and PIN with `keys`, and seals it at once to
/// the `recipient` with the same associated data.
///
/// Stop the schedules first: writes during an export may be missing from it.
pub async fn export(
    store: &dyn Store,
    keys: &KeyCache<'_>,
    recipient: &PublicKey,
    now: DateTime<Utc>,
    progress: &(dyn Fn(TransferProgress) + Send + Sync),
) -> Result<Transfer, TransferError> {
    let from = Origin {
        store,
        keys,
        recipient,
        now,
    };
    let from = &from;
    let families = store.families().await?;
    progress(TransferProgress::Planned(families.len()));
    let families: Vec<Option<ExportedFamily>> = stream::iter(families)
        .map(|family| async move {
            let exported = export_family(from, &family.id).await;
            progress(TransferProgress::FamilyDone);
            exported
        })
        .buffered(MAX_CONCURRENT_FAMILIES)
        .try_collect()
        .await?;
    // After the families, so that the library of every exported card is found.
    let mut libraries = Vec::new();
    for library in store.libraries().await? {
        libraries.push(ExportedLibrary {
            back_off_until: store.back_off_until(&library.id).await?,
            library,
        });
    }
    Ok(Transfer {
        format: FORMAT.to_owned(),
        version: VERSION,
        exported_at: now,
        sealed_to: recipient.id(),
        libraries,
        families: families.into_iter().flatten().collect(),
    })
}

/// The source of an export, and the key that it seals to.
struct Origin<'a> {
    store: &'a dyn Store,
    keys: &'a KeyCache<'a>,
    recipient: &'a PublicKey,
    now: DateTime<Utc>,
}

/// Exports a family; `None` if it was removed in the meantime.
async fn export_family(
    from: &Origin<'_>,
    id: &FamilyId,
) -> Result<Option<ExportedFamily>, TransferError> {
    let store = from.store;
    let Some(loaded) = store.load_family(id).await? else {
        return Ok(None);
    };
    let ids: Vec<CardId> = loaded
        .cards
        .iter()
        .map(|(record, _)| record.card.id)
        .collect();
    let secrets = store.secrets(&ids).await?;
    let mut cards = Vec::new();
    for (record, account) in loaded.cards {
        let sealed = secrets.iter().find(|(card, _)| *card == record.card.id);
        let Some((_, sealed)) = sealed else {
            if store.card(record.card.id).await?.is_none() {
                continue;
            }
            return Err(TransferError::NoSecret {
                family: id.clone(),
                card: record.card.id,
            });
        };
        let Some(library) = store.library(&record.card.library).await? else {
            return Err(TransferError::NoLibrary {
                family: id.clone(),
                card: record.card.id,
            });
        };
        cards.push(export_card(from, &library, record, account, sealed).await?);
    }
    Ok(Some(ExportedFamily {
        notices: export_notices(store, from.now, id).await?,
        family: loaded.family,
        cards,
    }))
}

async fn export_card(
    from: &Origin<'_>,
    library: &Library,
    CardRecord { card, state }: CardRecord,
    account: Option<StoredAccount>,
    sealed: &Sealed,
) -> Result<ExportedCard, TransferError> {
    let context = SealContext::new(card.id, library);
    let resealed = match from.keys.open(&context, sealed).await {
        Ok(secret) => from.recipient.seal(&context, &secret),
        Err(error) => Err(error),
    };
    let sealed = resealed.map_err(|source| TransferError::Card {
        family: card.family.clone(),
        card: card.id,
        source,
    })?;
    Ok(ExportedCard {
        id: card.id,
        library: card.library,
        patron: card.patron,
        pause: card.pause,
        created_at: card.created_at,
        state,
        sealed,
        account,
    })
}

/// Exports recent and open notices, and the newest sent one with what it told; oldest first.
async fn export_notices(
    store: &dyn Store,
    now: DateTime<Utc>,
    id: &FamilyId,
) -> Result<Vec<ExportedNotice>, TransferError> {
    let today = now.date_naive();
    let since = today
        .checked_sub_days(Days::new(NOTICE_DAYS.unsigned_abs()))
        .unwrap_or(today);
    let mut records = Vec::new();
    for kind in MailKind::ALL {
        records.extend(store.recent_mails(kind, id, NOTICE_LIMIT).await?);
    }
    let mut last_notice = store.last_sent_notice(id).await?;
    let mut newest_sent = true;
    let mut notices = Vec::new();
    for record in records {
        // What was told may be stored with an older notice. It moves to the newest sent one, which
        // the next notice continues from.
        let is_sent_notice = record.kind == MailKind::DAILY && record.state == MailState::Sent;
        let is_newest_sent = is_sent_notice && std::mem::take(&mut newest_sent);
        if is_newest_sent || record.date >= since || !record.is_over() {
            notices.push(ExportedNotice {
                last_notice: last_notice.take_if(|_| is_newest_sent),
                record,
            });
        }
    }
    notices.sort_by_key(|notice| notice.record.date);
    Ok(notices)
}
