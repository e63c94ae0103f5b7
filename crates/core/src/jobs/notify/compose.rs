//! Composes the mails of each kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::ids::LibraryId;
use crate::jobs::JobError;
use crate::library::Library;
use crate::mail::{MailContent, MailLinks};
use crate::notice::digest::Digest;
use crate::notice::last_notice::LastNotice;
use crate::notice::{
    Composed, NoticeCard, NoticeInput, PausedCard, compose, notice_cards, paused_cards,
};
use crate::outbox::MailKind;
use crate::store::{LoadedFamily, OutboxStore};

/// The input of a composer.
pub struct ComposeInput<'a> {
    /// The family, its cards and their accounts.
    pub loaded: &'a LoadedFamily,
    /// The mail's local date.
    pub date: NaiveDate,
    /// The family's local day on which it is sent.
    pub today: NaiveDate,
    /// The current time.
    pub now: DateTime<Utc>,
    /// The record of earlier mails.
    pub outbox: &'a dyn OutboxStore,
    /// The libraries of the cards.
    pub libraries: &'a BTreeMap<LibraryId, Library>,
    /// The contact for questions.
    pub operator_contact: Option<&'a str>,
    /// The mail's links to the web pages; `None`: there are no pages, or nothing is sent.
    pub links: Option<&'a MailLinks>,
}

/// A composed mail.
#[derive(Debug, Clone, PartialEq)]
pub struct ComposedMail {
    /// Its subject, text and HTML.
    pub content: MailContent,
    /// The state that the next daily notice compares with; `None` for other kinds.
    pub last_notice: Option<LastNotice>,
}

/// What becomes of a mail.
#[derive(Debug, Clone, PartialEq)]
pub enum ComposeOutcome {
    /// It is sent.
    Send(Box<ComposedMail>),
    /// The day is skipped: there is nothing to say, or there is a reason.
    Skip(Option<String>),
    /// It can't be composed yet, for this reason: a later tick tries again.
    Retry(String),
}

/// Composes the mails of one kind.
#[async_trait]
pub trait MailComposer: Send + Sync {
    /// Composes one mail, while its record is CLAIMED.
    async fn compose(&self, input: &ComposeInput<'_>) -> Result<ComposeOutcome, JobError>;
}

/// The composer of each kind of mail.
#[derive(Clone)]
pub struct Composers(BTreeMap<MailKind, Arc<dyn MailComposer>>);

impl Default for Composers {
    /// Creates the composers of [`MailKind::OF_NOTIFY_ALL`].
    fn default() -> Self {
        Self::only(MailKind::DAILY, DailyNotice)
    }
}

impl Composers {
    /// Creates the composer of one kind alone.
    pub fn only(kind: MailKind, composer: impl MailComposer + 'static) -> Self {
        Self(BTreeMap::new()).with(kind, composer)
    }

    /// Adds the composer of one more kind.
    #[must_use]
    pub fn with(mut self, kind: MailKind, composer: impl MailComposer + 'static) -> Self {
        self.0.insert(kind, Arc::new(composer));
        self
    }

    /// The kinds that have a composer.
    pub fn kinds(&self) -> Vec<MailKind> {
        self.0.keys().cloned().collect()
    }

    /// The composer of a kind.
    pub(super) fn get(&self, kind: &MailKind) -> Option<&dyn MailComposer> {
        self.0.get(kind).map(AsRef::as_ref)
    }
}

/// Composes the daily notice.
struct DailyNotice;

#[async_trait]
impl MailComposer for DailyNotice {
    async fn compose(&self, input: &ComposeInput<'_>) -> Result<ComposeOutcome, JobError> {
        let composed = compose_notice(input).await?;
        Ok(match composed.mail {
            Some(content) => ComposeOutcome::Send(Box::new(ComposedMail {
                content,
                last_notice: Some(composed.last_notice),
            })),
            None => ComposeOutcome::Skip(None),
        })
    }
}

/// Composes a family's daily notice; stores nothing.
pub async fn compose_notice(input: &ComposeInput<'_>) -> Result<Composed, JobError> {
    let loaded = load_notice(input).await?;
    Ok(compose(&notice_input(input, &loaded))?)
}

/// Selects the content of a family's daily notice, as it is now; stores nothing.
pub async fn digest_notice(input: &ComposeInput<'_>) -> Result<Digest, JobError> {
    let loaded = load_notice(input).await?;
    let input = notice_input(input, &loaded);
    Ok(Digest::from_input(&input))
}

/// What a notice is composed from, besides the input.
struct LoadedNotice {
    cards: Vec<NoticeCard>,
    paused: Vec<PausedCard>,
    /// What the notice compares with.
    last_notice: Option<LastNotice>,
}

async fn load_notice(input: &ComposeInput<'_>) -> Result<LoadedNotice, JobError> {
    let loaded = input.loaded;
    Ok(LoadedNotice {
        cards: notice_cards(loaded, input.libraries, input.now),
        paused: paused_cards(loaded, input.libraries, input.now),
        last_notice: input.outbox.last_sent_notice(&loaded.family.id).await?,
    })
}

fn notice_input<'a>(input: &'a ComposeInput<'_>, loaded: &'a LoadedNotice) -> NoticeInput<'a> {
    NoticeInput {
        family: &input.loaded.family,
        date: input.date,
        today: input.today,
        now: input.now,
        cards: &loaded.cards,
        paused: &loaded.paused,
        last_notice: loaded.last_notice.as_ref(),
        operator_contact: input.operator_contact,
        links: input.links,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_planned_kind_has_a_composer() {
        assert_eq!(Composers::default().kinds(), MailKind::OF_NOTIFY_ALL);
    }
}
