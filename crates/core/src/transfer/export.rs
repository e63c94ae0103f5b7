//! Reading everything from the side that is left.

use chrono::{DateTime, Days, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::{
    FAMILIES_AT_ONCE, FORMAT, MovedCard, MovedFamily, MovedLibrary, MovedNotice, NOTICE_DAYS,
    Progress, Transfer, TransferError, VERSION,
};
use crate::card::{CardRecord, StoredAccount};
use crate::ids::{CardId, FamilyId};
use crate::jobs::keys::Keys;
use crate::notice::record::NoticeState;
use crate::seal::{KeyRing, Sealed};
use crate::store::Store;

/// No family has as many notices as this within the days that move; an older one may be the last
/// that was sent.
const NOTICE_LIMIT: usize = 400;

/// Reads everything from `store`; each number and PIN is opened with `keys` and sealed at once with
/// `other_side`.
///
/// What others write meanwhile may be in it or not: stop the schedules first.
pub async fn export(
    store: &dyn Store,
    keys: &Keys<'_>,
    other_side: &KeyRing,
    now: DateTime<Utc>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Transfer, TransferError> {
    // The families first: a library that is added meanwhile is there when its card is.
    let families = store.families().await?;
    progress(Progress::Planned(families.len()));
    let families: Vec<Option<MovedFamily>> = stream::iter(families)
        .map(|family| async move {
            let moved = export_family(store, keys, other_side, now, &family.id).await;
            progress(Progress::FamilyDone);
            moved
        })
        .buffered(FAMILIES_AT_ONCE)
        .try_collect()
        .await?;
    let mut libraries = Vec::new();
    for library in store.libraries().await? {
        libraries.push(MovedLibrary {
            left_alone_until: store.left_alone_until(&library.id).await?,
            library,
        });
    }
    Ok(Transfer {
        format: FORMAT.to_owned(),
        version: VERSION,
        made_at: now,
        sealed_for: other_side.current().clone(),
        libraries,
        families: families.into_iter().flatten().collect(),
    })
}

/// `None`: it was removed meanwhile.
async fn export_family(
    store: &dyn Store,
    keys: &Keys<'_>,
    other_side: &KeyRing,
    now: DateTime<Utc>,
    id: &FamilyId,
) -> Result<Option<MovedFamily>, TransferError> {
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
        cards.push(export_card(keys, other_side, record, account, sealed).await?);
    }
    Ok(Some(MovedFamily {
        notices: export_notices(store, now, id).await?,
        family: loaded.family,
        cards,
    }))
}

async fn export_card(
    keys: &Keys<'_>,
    other_side: &KeyRing,
    CardRecord { card, state }: CardRecord,
    account: Option<StoredAccount>,
    sealed: &Sealed,
) -> Result<MovedCard, TransferError> {
    let resealed = match keys.open(card.id, sealed).await {
        Ok(secret) => other_side.seal(card.id, &secret),
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

/// The notices of the last days, those that are open, and the newest that was sent with what it
/// told; oldest first.
async fn export_notices(
    store: &dyn Store,
    now: DateTime<Utc>,
    id: &FamilyId,
) -> Result<Vec<MovedNotice>, TransferError> {
    let today = now.date_naive();
    let since = today
        .checked_sub_days(Days::new(NOTICE_DAYS.unsigned_abs()))
        .unwrap_or(today);
    let records = store.recent_notices(id, NOTICE_LIMIT).await?;
    let mut told = store.last_told(id).await?;
    let mut newest_sent = true;
    let mut notices = Vec::new();
    for record in records {
        // An older one may be on record with what was told: the newest that was sent stands in for
        // it, since that is the one that the next notice goes on from.
        let is_newest_sent = record.state == NoticeState::Sent && std::mem::take(&mut newest_sent);
        if is_newest_sent || record.date >= since || !record.is_over() {
            notices.push(MovedNotice {
                told: told.take_if(|_| is_newest_sent),
                record,
            });
        }
    }
    notices.reverse();
    Ok(notices)
}
