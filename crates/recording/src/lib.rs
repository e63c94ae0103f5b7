//! Recording a visit for a bug report: what the site sent, with nothing in it that is the patron's.
//!
//! A [`Recorder`] in [`hippo_browser::BrowserOptions`] sees each request with its answer, in memory only.
//! [`Recorder::finish`] replaces every text and value that is not on an allow-list by a filler of the same
//! length and kind, the same for the same word, and makes a HAR file of it; [`read()`] reads that as a visit would.
//! What may stay: the names of tags, classes, ids and fields; small numbers and sums; phrases of the system
//! ([`RecordingProfile::phrases`]); dates, all moved by the same number of days, which nobody is told.

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

/// By how many days at most, and at least, dates are moved.
const SHIFT_DAYS: std::ops::Range<u32> = 30..700;

/// A session of more requests than this is not recorded further.
const MOST_ENTRIES: usize = 200;

/// Sees the requests of one visit with their answers.
#[derive(Default)]
pub struct Recorder {
    seen: Mutex<SeenSession>,
}

#[derive(Default)]
struct SeenSession {
    exchanges: Vec<Exchange>,
    secrets: Secrets,
}

/// Returns the date format (strftime) that a page states, if it does.
pub type StatedDateFormat = Box<dyn Fn(&str) -> Option<&'static str>>;

/// How the readers of a system recognise its pages, and so what a recording of them keeps.
pub struct RecordingProfile {
    /// The phrases by which its pages are read, none of which is a patron's.
    pub phrases: Vec<Phrase>,
    /// How a page states that it writes dates (strftime), where it does.
    pub date_format: StatedDateFormat,
}

/// A session with the patron's own taken out of it.
#[derive(Debug, Clone)]
pub struct Recording {
    /// What is written to a file.
    pub har: Har,
    /// What was kept as it was.
    pub kept: KeptValues,
}

/// Why a session cannot be given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// No request was sent.
    #[error("Nothing was recorded: no request was sent to the site.")]
    Nothing,
    /// There is no key for fillers.
    #[error("Nothing was recorded: no random numbers are available.")]
    NoRandomNumbers,
    /// A rule has a hole.
    #[error(
        "The recording wasn't written, because the card's number or PIN would be in it. Please report this, with the library's system."
    )]
    HoldsSecret,
}

impl Recorder {
    /// Learns what the card's patron is called, to keep the words of it out of names.
    pub fn learn_person(&self, name: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.secrets.learn_person(name);
    }

    /// Makes the recording of what was seen, and forgets it. `today` is the day on which it was seen.
    pub fn finish(
        &self,
        profile: &RecordingProfile,
        library: &Library,
        today: NaiveDate,
    ) -> Result<Recording, RecordingError> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let SeenSession {
            exchanges: seen,
            secrets,
        } = seen;
        if seen.is_empty() {
            return Err(RecordingError::Nothing);
        }
        let filler = Filler::new(secrets.barred()).ok_or(RecordingError::NoRandomNumbers)?;
        let number = filler.secret_number(2 * (SHIFT_DAYS.end - SHIFT_DAYS.start));
        let days = i64::from(SHIFT_DAYS.start + number / 2) * if number % 2 == 0 { 1 } else { -1 };
        // What the pages say comes first, as it does for a reader.
        let stated = seen
            .iter()
            .find_map(|exchange| (profile.date_format)(&entry::text_of(exchange.answer.as_ref()?)));
        let formats: Vec<&str> = stated
            .into_iter()
            .chain(library.date_format.as_deref())
            .collect();
        let mut redactor = Redactor::new(
            filler,
            KnownPhrases::new(&profile.phrases),
            Dates::new(&formats, days, library.timezone, today),
        );
        for answer in seen.iter().filter_map(|exchange| exchange.answer.as_ref()) {
            redactor.learn_said(&entry::text_of(answer));
        }
        let base_url = redactor.url(library.base_url.as_str());
        let began = seen.first().map(|exchange| exchange.began);
        let entries: Vec<Entry> = seen
            .iter()
            .map(|exchange| {
                let after = began.map(|began| exchange.began.duration_since(began));
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
                    "Texts and values are fillers; dates are moved, all by the same number of days.".to_owned(),
                ),
                library: Some(RecordedLibrary {
                    system: library.system.to_string(),
                    base_url,
                    date_format: library.date_format.clone(),
                    timezone: library.timezone,
                }),
            },
        };
        if secrets.stand_in(&har) {
            return Err(RecordingError::HoldsSecret);
        }
        Ok(Recording {
            har,
            kept: redactor.kept,
        })
    }
}

impl Recording {
    /// The file's text.
    pub fn to_json(&self) -> String {
        // It has no keys but texts.
        serde_json::to_string_pretty(&self.har).unwrap_or_default()
    }
}

impl ExchangeObserver for Recorder {
    fn observe_secret(&self, secret: &CardSecret) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.secrets.learn(secret);
    }

    fn observe_exchange(&self, exchange: Exchange) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.exchanges.len() < MOST_ENTRIES {
            seen.exchanges.push(exchange);
        }
    }
}

/// Shows how much was seen, and nothing of it.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Recorder")
            .field("seen", &seen.exchanges.len())
            .finish_non_exhaustive()
    }
}
