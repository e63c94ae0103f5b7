//! Records a visit for a bug report, without the patron's data.
//!
//! A [`Recorder`] in [`hippo_browser::BrowserOptions`] observes each request and its answer, in memory only.
//! [`Recorder::finish`] replaces every text and value that isn't on an allow list with a filler of the same
//! length and kind, consistently, and builds a HAR file. [`read()`] reads that file as a visit would.
//!
//! Kept are the names of tags, classes, ids and fields, small numbers and sums, and phrases of the system
//! ([`RecordingProfile::phrases`]). Dates are all shifted by the same secret number of days.

mod allow_list;
mod base64;
mod dates;
mod entry;
mod filler;
pub mod har;
mod kept;
mod phrases;
mod read;
mod redact;
mod secrets;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;
use hippo_browser::{Exchange, ExchangeObserver, Phrase};
use hippo_core::card::CardSecret;
use hippo_core::library::Library;

use self::dates::Dates;
use self::entry::entry;
use self::filler::Filler;
use self::har::{Creator, Entry, Har, Log, RecordedLibrary};
use self::phrases::KnownPhrases;
use self::redact::Redactor;
use self::secrets::Secrets;

#[cfg(test)]
mod tests;

pub use self::kept::KeptValues;
pub use self::read::{PageReader, read};

/// The range of days by which dates are shifted.
const SHIFT_DAYS: std::ops::Range<u32> = 30..700;

/// The most requests of a recording. Later ones are skipped.
const MAX_RECORDED_REQUESTS: usize = 200;

/// Records the requests of one visit and their answers.
#[derive(Default)]
pub struct Recorder {
    session: Mutex<RecordedSession>,
}

#[derive(Default)]
struct RecordedSession {
    exchanges: Vec<Exchange>,
    secrets: Secrets,
}

/// Returns the date format (strftime) that a page states, if it does.
pub type StatedDateFormat = Box<dyn Fn(&str) -> Option<&'static str>>;

/// What a recording of a system's pages keeps, so that its readers still recognise them.
pub struct RecordingProfile {
    /// The phrases by which its pages are recognised. They contain no patron data.
    pub phrases: Vec<Phrase>,
    /// Reads the date format (strftime) that a page states, if it does.
    pub date_format: StatedDateFormat,
}

/// A redacted session.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The contents of the file.
    pub har: Har,
    /// The values that were kept unchanged.
    pub kept: KeptValues,
}

/// Why a recording can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// No request was sent.
    #[error("Nothing was recorded: no request was sent to the site.")]
    Nothing,
    /// There are no random numbers for the fillers.
    #[error("Nothing was recorded: no random numbers are available.")]
    NoRandomNumbers,
    /// A redaction rule failed.
    #[error(
        "The recording wasn't written, because the card's number or PIN would be in it. Please report this, with the library's system."
    )]
    HoldsSecret,
}

impl Recorder {
    /// Learns the patron's name, to keep its words out of the recording.
    pub fn learn_person(&self, name: &str) {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.secrets.learn_person(name);
    }

    /// Redacts the recorded requests, and forgets them. `today` is the day of the visit.
    pub fn finish(
        &self,
        profile: &RecordingProfile,
        library: &Library,
        today: NaiveDate,
    ) -> Result<Recording, RecordingError> {
        let session =
            std::mem::take(&mut *self.session.lock().unwrap_or_else(PoisonError::into_inner));
        let RecordedSession { exchanges, secrets } = session;
        if exchanges.is_empty() {
            return Err(RecordingError::Nothing);
        }
        let filler =
            Filler::new(secrets.forbidden_texts()).ok_or(RecordingError::NoRandomNumbers)?;
        let number = filler.secret_number(2 * (SHIFT_DAYS.end - SHIFT_DAYS.start));
        let days = i64::from(SHIFT_DAYS.start + number / 2) * if number % 2 == 0 { 1 } else { -1 };
        // The format that the pages state comes first, as for a reader.
        let stated = exchanges.iter().find_map(|exchange| {
            (profile.date_format)(&entry::text_of(exchange.response.as_ref()?))
        });
        let formats: Vec<&str> = stated
            .into_iter()
            .chain(library.date_format.as_deref())
            .collect();
        let mut redactor = Redactor::new(
            filler,
            KnownPhrases::new(&profile.phrases),
            Dates::new(&formats, days, library.timezone, today),
        );
        for answer in exchanges
            .iter()
            .filter_map(|exchange| exchange.response.as_ref())
        {
            redactor.learn_page_words(&entry::text_of(answer));
        }
        let base_url = redactor.redact_url(library.base_url.as_str());
        let session_start = exchanges.first().map(|exchange| exchange.started_at);
        let entries: Vec<Entry> = exchanges
            .iter()
            .map(|exchange| {
                let after = session_start.map(|start| exchange.started_at.duration_since(start));
                entry(&mut redactor, exchange, after.unwrap_or_default())
            })
            .collect();
        redactor.kept.requests = entries.len();
        let har = Har {
            log: Log {
                version: "1.2".to_owned(),
                creator: Creator {
                    name: "LibraryHippo".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                },
                entries,
                comment: Some(
                    "Texts and values are replaced; dates are shifted, all by the same number of days.".to_owned(),
                ),
                library: Some(RecordedLibrary {
                    system: library.system.to_string(),
                    base_url,
                    date_format: library.date_format.clone(),
                    timezone: library.timezone,
                }),
            },
        };
        if secrets.occur_in(&har) {
            return Err(RecordingError::HoldsSecret);
        }
        Ok(Recording {
            har,
            kept: redactor.kept,
        })
    }
}

impl Recording {
    /// The recording as JSON text.
    pub fn to_json(&self) -> String {
        // Can't fail: all keys are strings.
        serde_json::to_string_pretty(&self.har).unwrap_or_default()
    }
}

impl ExchangeObserver for Recorder {
    fn observe_secret(&self, secret: &CardSecret) {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.secrets.learn(secret);
    }

    fn observe_exchange(&self, exchange: Exchange) {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if session.exchanges.len() < MAX_RECORDED_REQUESTS {
            session.exchanges.push(exchange);
        }
    }
}

/// Shows the number of requests, and nothing of them.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Recorder")
            .field("seen", &session.exchanges.len())
            .finish_non_exhaustive()
    }
}
