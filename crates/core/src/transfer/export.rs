//! Reading everything from the side that is left.

use chrono::{DateTime, Days, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::{
    FORMAT, MAX_CONCURRENT_FAMILIES, MovedCard, MovedFamily, MovedLibrary, MovedNotice,
    NOTICE_DAYS, Progress, Transfer, TransferError, VERSION,
};
use crate::card::{CardRecord, StoredAccount};
use crate::ids::{CardId, FamilyId};
use crate::jobs::check_cards::key_cache::KeyCache;
use crate::library::Library;
use crate::outbox::{MailKind, MailState};
use crate::seal::{PublicKey, SealContext, Sealed};
use crate::store::Store;

/// More notices than a family has within the days that move. An older one may be the last that was
/// sent.
const NOTICE_LIMIT: usize = 400;

/// Reads everything from `store`. Opens each number and PIN with `keys`, and seals it at once to
/// the `recipient` with the same associated data.
///
/// Stop the schedules first: what others write meanwhile may be in it or not.
pub async fn export(
    store: &dyn Store,
    keys: &KeyCache<'_>,
    recipient: &PublicKey,
    now: DateTime<Utc>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Transfer, TransferError> {
    let from = Origin {
        store,
        keys,
        recipient,
        now,
    };
    let from = &from;
    let families = store.families().await?;
    progress(Progress::Planned(families.len()));
    let families: Vec<Option<MovedFamily>> = stream::iter(families)
        .map(|family| async move {
            let moved = export_family(from, &family.id).await;
            progress(Progress::FamilyDone);
            moved
        })
        .buffered(MAX_CONCURRENT_FAMILIES)
        .try_collect()
        .await?;
    // After the families: a library that is added meanwhile is there when its card is.
    let mut libraries = Vec::new();
    for library in store.libraries().await? {
        libraries.push(MovedLibrary {
            back_off_until: store.back_off_until(&library.id).await?,
            library,
        });
    }
    Ok(Transfer {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_at: now,
        sealed_for: recipient.id(),
        libraries,
        families: families.into_iter().flatten().collect(),
    })
}

/// Where an export reads from, and the key that it seals to.
struct Origin<'a> {
    store: &'a dyn Store,
    keys: &'a KeyCache<'a>,
    recipient: &'a PublicKey,
    now: DateTime<Utc>,
}

/// `None`: it was removed meanwhile.
async fn export_family(
    from: &Origin<'_>,
    id: &FamilyId,
) -> Result<Option<MovedFamily>, TransferError> {
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
    Ok(Some(MovedFamily {
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
) -> Result<MovedCard, TransferError> {
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
    Ok(MovedCard {
        id: card.id,
        library: card.library,
        patron: card.patron,
        paused: card.paused,
        created_at: card.created_at,
        state,
        sealed,
        account,
    })
}

/// The notices of the last days, the open ones, and the newest sent one with its content; oldest
/// first.
async fn export_notices(
    store: &dyn Store,
    now: DateTime<Utc>,
    id: &FamilyId,
) -> Result<Vec<MovedNotice>, TransferError> {
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
        // An older one may be on record with what was told: the newest that was sent stands in for
        // it, since that is the one that the next notice goes on from.
        let is_sent_notice = record.kind == MailKind::DAILY && record.state == MailState::Sent;
        let is_newest_sent = is_sent_notice && std::mem::take(&mut newest_sent);
        if is_newest_sent || record.date >= since || !record.is_over() {
            notices.push(MovedNotice {
                last_notice: last_notice.take_if(|_| is_newest_sent),
                record,
            });
        }
    }
    notices.sort_by_key(|notice| notice.record.date);
    Ok(notices)
}
