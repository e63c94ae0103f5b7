//! Composes the mails with the picture of the day, for the families that want it.
//!
//! They are a kind of their own in the [outbox](crate::outbox). The picture is fetched once for each
//! date, by the first worker that composes a mail with it, while the mail's record is CLAIMED.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use futures::lock::Mutex;
use sha2::{Digest as _, Sha256};

use crate::alerts::Alert;
use crate::clock::{Clock, is_in_future};
use crate::jobs::JobError;
use crate::jobs::notify::compose::{
    ComposeInput, ComposeOutcome, ComposedMail, Composers, MailComposer,
};
use crate::mail::MailKind;
use crate::picture::{
    Picture, PictureFailure, PictureFetcher, PictureMailInput, PictureSource, compose_picture_mail,
};
use crate::store::{AlertStore, FetchedPicture, PictureDay, PictureDayState, PictureStore};

/// After this many failed tries, a date has no picture.
pub const MAX_TRIES: u32 = 3;

/// A try that takes longer was ended by a crash.
const TRY_TIMEOUT: TimeDelta = TimeDelta::seconds(60);

/// How often a worker checks whether another one has the picture.
const MAX_POLLS: u32 = 20;

/// The pause between two polls.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Composes the mails with the picture of the day, for one run.
///
/// A run tries each date once, and all families share the result.
pub struct PictureComposer {
    source: PictureSource,
    fetcher: Arc<dyn PictureFetcher>,
    pictures: Arc<dyn PictureStore>,
    alerts: Arc<dyn AlertStore>,
    clock: Arc<dyn Clock>,
    found: Mutex<BTreeMap<NaiveDate, DayPicture>>,
}

/// A date's picture, as far as this run knows.
#[derive(Clone)]
enum DayPicture {
    Picture(Picture),
    /// There is none, for this reason.
    None(String),
    /// A later run tries again, for this reason.
    NotYet(String),
}

impl PictureComposer {
    /// Creates the composer of one run.
    pub fn new(
        source: PictureSource,
        fetcher: Arc<dyn PictureFetcher>,
        pictures: Arc<dyn PictureStore>,
        alerts: Arc<dyn AlertStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            source,
            fetcher,
            pictures,
            alerts,
            clock,
            found: Mutex::default(),
        }
    }

    /// The composers of a run that sends pictures.
    pub fn into_composers(self) -> Composers {
        Composers::only(MailKind::PICTURE, self)
    }

    /// Finds a date's picture. If several families ask at once, one fetches and the others wait.
    async fn picture(&self, date: NaiveDate) -> Result<DayPicture, JobError> {
        let mut found = self.found.lock().await;
        if let Some(picture) = found.get(&date) {
            return Ok(picture.clone());
        }
        let picture = self.find_picture(date).await?;
        found.insert(date, picture.clone());
        Ok(picture)
    }

    async fn find_picture(&self, date: NaiveDate) -> Result<DayPicture, JobError> {
        for _ in 0..MAX_POLLS {
            let stored = self.pictures.picture_day(date).await?;
            let (before, tries) = stored
                .as_ref()
                .map_or((None, 0), |day| (Some(day.revision), day.tries));
            match stored.map(|day| (day.state, day.changed_at)) {
                Some((PictureDayState::Fetched(fetched), _)) => {
                    let bytes = self.pictures.picture_bytes(date, &fetched).await?;
                    if let Some(bytes) = bytes {
                        return Ok(DayPicture::Picture(fetched.with_bytes(bytes)));
                    }
                }
                Some((PictureDayState::NoneToday { repeated }, _)) => {
                    return Ok(no_picture(repeated.is_some()));
                }
                Some((PictureDayState::Failed { failure }, _)) if tries >= MAX_TRIES => {
                    return Ok(given_up(&failure));
                }
                Some((PictureDayState::Trying, since)) => {
                    let now = self.clock.now();
                    if now - since < TRY_TIMEOUT && !is_in_future(since, now) {
                        self.clock.sleep(POLL_INTERVAL).await;
                        continue;
                    }
                    if tries >= MAX_TRIES {
                        let reason = "The program stopped each time while it fetched the picture.";
                        return Ok(DayPicture::None(reason.to_owned()));
                    }
                }
                Some((PictureDayState::Failed { .. }, _)) | None => {}
            }
            let trying = PictureDay {
                date,
                revision: before.map_or(0, |revision| revision + 1),
                tries: tries + 1,
                changed_at: self.clock.now(),
                state: PictureDayState::Trying,
            };
            if self
                .pictures
                .save_picture_day(before, &trying, None)
                .await?
            {
                return self.fetch(trying).await;
            }
        }
        let reason = "Another worker is still fetching the picture.";
        Ok(DayPicture::NotYet(reason.to_owned()))
    }

    /// Fetches the picture, and saves what came of it.
    async fn fetch(&self, trying: PictureDay) -> Result<DayPicture, JobError> {
        let date = trying.date;
        let fetched = self.fetcher.fetch_picture(&self.source, date).await;
        let (state, found) = match fetched {
            Ok(Some(picture)) => self.check_new(date, picture).await?,
            Ok(None) => (
                PictureDayState::NoneToday { repeated: None },
                no_picture(false),
            ),
            Err(failure) => {
                tracing::warn!(%date, tries = trying.tries, kind = failure.kind.as_str(), detail = failure.detail, "The picture of the day couldn't be fetched.");
                let found = if trying.tries >= MAX_TRIES {
                    // Raised before the state is saved that would hide it.
                    let alert = Alert::NoPicture {
                        day: date,
                        failure: failure.kind,
                    };
                    let now = self.clock.now();
                    self.alerts.record_alert(&alert.key(), &alert, now).await?;
                    given_up(&failure)
                } else {
                    DayPicture::NotYet(format!(
                        "Try {} of {MAX_TRIES} to get the picture failed. {failure}",
                        trying.tries
                    ))
                };
                (PictureDayState::Failed { failure }, found)
            }
        };
        let day = PictureDay {
            revision: trying.revision + 1,
            changed_at: self.clock.now(),
            state,
            ..trying
        };
        let bytes = match &found {
            DayPicture::Picture(picture) => Some(&*picture.bytes),
            DayPicture::None(_) | DayPicture::NotYet(_) => None,
        };
        let before = Some(trying.revision);
        if !self.pictures.save_picture_day(before, &day, bytes).await? {
            let reason = "Another worker fetched the picture again in the meantime.";
            return Ok(DayPicture::NotYet(reason.to_owned()));
        }
        Ok(found)
    }

    /// Compares a picture with the day before: a source without a new one often serves its last.
    async fn check_new(
        &self,
        date: NaiveDate,
        picture: Picture,
    ) -> Result<(PictureDayState, DayPicture), JobError> {
        let hash: String = Sha256::digest(&picture.bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let yesterday = match date.pred_opt() {
            Some(yesterday) => self.pictures.picture_day(yesterday).await?,
            None => None,
        };
        if yesterday.is_some_and(|day| day.state.hash() == Some(&hash)) {
            let repeated = Some(hash);
            return Ok((PictureDayState::NoneToday { repeated }, no_picture(true)));
        }
        let fetched = FetchedPicture {
            title: picture.title.clone(),
            credit: picture.credit.clone(),
            format: picture.format,
            hash,
        };
        Ok((
            PictureDayState::Fetched(fetched),
            DayPicture::Picture(picture),
        ))
    }
}

fn no_picture(is_repeated: bool) -> DayPicture {
    DayPicture::None(
        if is_repeated {
            "The source still has the last picture."
        } else {
            "The source has no picture today."
        }
        .to_owned(),
    )
}

fn given_up(failure: &PictureFailure) -> DayPicture {
    DayPicture::None(format!(
        "We tried {MAX_TRIES} times to get the picture. {failure}"
    ))
}

#[async_trait]
impl MailComposer for PictureComposer {
    async fn compose(&self, input: &ComposeInput<'_>) -> Result<ComposeOutcome, JobError> {
        let family = &input.loaded.family;
        if family.preferences.picture.is_none() {
            let reason = "The family no longer wants the picture of the day.";
            return Ok(ComposeOutcome::Skip(Some(reason.to_owned())));
        }
        Ok(match self.picture(input.date).await? {
            DayPicture::Picture(picture) => {
                let content = compose_picture_mail(&PictureMailInput {
                    picture: &picture,
                    family_name: &family.name,
                    today: input.today,
                    operator_contact: input.operator_contact,
                    links: input.links,
                })?;
                ComposeOutcome::Send(Box::new(ComposedMail {
                    content,
                    last_notice: None,
                }))
            }
            DayPicture::None(reason) => ComposeOutcome::Skip(Some(reason)),
            DayPicture::NotYet(reason) => ComposeOutcome::Retry(reason),
        })
    }
}

#[cfg(test)]
mod tests;
