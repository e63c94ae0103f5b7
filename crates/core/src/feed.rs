//! A family's feeds: a calendar of its due days, and `now.json` for a dashboard at home.
//!
//! Both are pure functions of the stored accounts and the time. They are made from the notice's
//! [`Digest`], so that a feed never disagrees with the mail. Anyone who knows a feed's
//! [token](FeedToken) may read it.

pub mod calendar;
pub mod ics;
pub mod now;
mod record;
mod token;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sha2::{Digest as _, Sha256};

pub use self::record::{Feed, FeedLabel, InvalidFeedLabel, latest_plausible_use};
pub use self::token::{FeedToken, FeedTokenHash, InvalidFeedToken};
use crate::clock::local_date;
use crate::family::Family;
use crate::ids::{FamilyId, LibraryId};
use crate::library::Library;
use crate::notice::digest::Digest;
use crate::notice::{NoticeCard, NoticeInput, notice_cards};
use crate::store::{AccountStore, LibraryStore, LoadedFamily, StoreResult};

/// What a family's feeds are made from.
#[derive(Debug, Clone)]
pub struct FeedSource {
    pub(crate) cards: Vec<NoticeCard>,
    pub(crate) digest: Digest,
}

impl FeedSource {
    /// Selects the content of a family's feeds at this time.
    pub fn new(family: &Family, cards: Vec<NoticeCard>, now: DateTime<Utc>) -> Self {
        let today = local_date(now, family.timezone);
        let digest = Digest::from_input(&NoticeInput {
            family,
            date: today,
            today,
            now,
            cards: &cards,
            // Empty: feeds don't list paused cards.
            paused: &[],
            // Feeds show everything, not only what is new.
            last_notice: None,
            operator_contact: None,
            links: None,
        });
        Self { cards, digest }
    }

    /// Selects the content of a loaded family's feeds at this time.
    pub fn from_loaded(
        loaded: &LoadedFamily,
        libraries: &BTreeMap<LibraryId, Library>,
        now: DateTime<Utc>,
    ) -> Self {
        let cards = notice_cards(loaded, libraries, now);
        Self::new(&loaded.family, cards, now)
    }

    /// Loads a family, and selects the content of its feeds; `None` if the family is gone.
    pub async fn load<S>(
        store: &S,
        family: &FamilyId,
        now: DateTime<Utc>,
    ) -> StoreResult<Option<(Family, Self)>>
    where
        S: AccountStore + LibraryStore + ?Sized,
    {
        let Some(loaded) = store.load_family(family).await? else {
            return Ok(None);
        };
        let libraries = store.libraries().await?.into_iter();
        let libraries = libraries.map(|library| (library.id.clone(), library));
        let source = Self::from_loaded(&loaded, &libraries.collect(), now);
        Ok(Some((loaded.family, source)))
    }

    /// The family's name, which names the calendar.
    pub fn family_name(&self) -> &str {
        &self.digest.family_name
    }

    /// The family's local date.
    pub fn today(&self) -> NaiveDate {
        self.digest.today
    }
}

/// Computes the entity tag of a feed's text.
pub fn compute_entity_tag(text: &str) -> String {
    format!("\"{}\"", encode_hex_prefix(&Sha256::digest(text), 16))
}

/// Writes the first `length` bytes of a hash in hexadecimal.
fn encode_hex_prefix(hash: &[u8], length: usize) -> String {
    hash.iter()
        .take(length)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
