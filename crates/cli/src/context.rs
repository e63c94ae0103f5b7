//! What every command works with: the opened home, the clock, and the way to print.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::card::CardRecord;
use hippo_core::clock::Clock;
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::jobs::check_cards::RunPorts;
use hippo_core::jobs::keys::Keys;
use hippo_core::jobs::visit::{Pace, VisitPorts};
use hippo_core::library::Library;
use hippo_core::mail::Mailer;
use hippo_core::site::LibrarySite;
use hippo_core::store::Store;
use hippo_local::clock::clock_from_environment;
use hippo_local::gate::FileGate;
use hippo_local::key_file::KeyFile;
use hippo_local::sqlite::SqliteStore;
use hippo_systems::{Sites, SitesOptions};

use crate::args::CardName;
use crate::config::{Config, Transport};
use crate::exit::CommandError;
use crate::home::Home;
use crate::output::Output;

/// What a person says for every command alike.
#[derive(Debug, Clone)]
pub(crate) struct Globals {
    /// The home that the person names.
    pub(crate) home: Option<PathBuf>,
    /// How to print.
    pub(crate) output: Output,
}

impl Globals {
    /// Opens the home, as every command but `init` and `demo` does.
    pub(crate) fn open(&self) -> Result<Context, CommandError> {
        Context::open(Home::locate(self.home.clone())?, self.output)
    }
}

/// The time, as `HIPPO_NOW` or the machine says.
pub(crate) fn clock() -> Result<Arc<dyn Clock>, CommandError> {
    let frozen = std::env::var("HIPPO_NOW").ok();
    clock_from_environment(frozen.as_deref())
        .map(Arc::from)
        .map_err(|error| CommandError::Usage(error.to_string()))
}

/// An opened home.
pub(crate) struct Context {
    /// Where everything is kept.
    pub(crate) home: Home,
    /// What the operator decided.
    pub(crate) config: Config,
    /// What is remembered.
    pub(crate) store: Arc<dyn Store>,
    /// Where the keys are.
    pub(crate) key_file: KeyFile,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// How to print.
    pub(crate) output: Output,
}

impl Context {
    /// Opens a home; an error says what is missing.
    pub(crate) fn open(home: Home, output: Output) -> Result<Self, CommandError> {
        let clock = clock()?;
        home.must_exist()?;
        let config = Config::read(&home)?;
        let store = open_database(&home)?;
        Ok(Self {
            key_file: KeyFile::new(home.key_file()),
            config,
            store: Arc::new(store),
            clock,
            output,
            home,
        })
    }

    /// Now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The operator's zone.
    pub(crate) fn zone(&self) -> Tz {
        self.config.timezone
    }

    /// The pauses between two cards of a library.
    pub(crate) fn pace(&self) -> Pace {
        Pace {
            pause: Duration::from_secs_f64(self.config.checks.pause_seconds),
            jitter: Duration::from_secs_f64(self.config.checks.jitter_seconds),
        }
    }

    /// The mail service.
    pub(crate) fn mailer(&self) -> Result<Box<dyn Mailer>, CommandError> {
        crate::post::mailer(&self.home, &self.config)
    }

    /// Where mails go, for people.
    pub(crate) fn mail_destination(&self) -> String {
        match (&self.config.mail.transport, &self.config.mail.smtp) {
            (Transport::Smtp, Some(smtp)) => format!("the mail server {}", smtp.host),
            _ => self.home.outbox().display().to_string(),
        }
    }

    /// One family, or an error that says how to see all.
    pub(crate) async fn family(&self, id: &FamilyId) -> Result<Family, CommandError> {
        self.store.family(id).await?.ok_or_else(|| {
            CommandError::Usage(format!(
                "There is no family “{id}”; “hippo family list” shows them."
            ))
        })
    }

    /// One library, or an error that says how to see all.
    pub(crate) async fn library(&self, id: &LibraryId) -> Result<Library, CommandError> {
        self.store.library(id).await?.ok_or_else(|| {
            CommandError::Usage(format!(
                "There is no library “{id}”; “hippo library list” shows them."
            ))
        })
    }

    /// One card, or an error that says how to see all.
    pub(crate) async fn card(&self, name: &CardName) -> Result<CardRecord, CommandError> {
        let ending = match name {
            CardName::Id(id) => {
                return self.store.card(*id).await?.ok_or_else(|| {
                    CommandError::Usage(format!(
                        "There is no card {id}; “hippo card list” shows them."
                    ))
                });
            }
            CardName::Ending(ending) => ending,
        };
        let mut found = Vec::new();
        for family in self.store.families().await? {
            found.extend(self.store.cards_of(&family.id).await?);
        }
        let upper = ending.to_ascii_uppercase();
        found.retain(|record| record.card.id.to_string().ends_with(&upper));
        the_only_one(found, ending)
    }

    /// The families that are asked for: one, or all.
    pub(crate) async fn families(
        &self,
        only: Option<&FamilyId>,
    ) -> Result<Vec<Family>, CommandError> {
        match only {
            Some(id) => Ok(vec![self.family(id).await?]),
            None => Ok(self.store.families().await?),
        }
    }

    /// All libraries, by id.
    pub(crate) async fn libraries(&self) -> Result<BTreeMap<LibraryId, Library>, CommandError> {
        let libraries = self.store.libraries().await?;
        Ok(libraries
            .into_iter()
            .map(|library| (library.id.clone(), library))
            .collect())
    }
}

/// The one card of which this is the end, or an error that says what to write instead.
fn the_only_one<T>(mut found: Vec<T>, ending: &str) -> Result<T, CommandError> {
    match (found.pop(), found.is_empty()) {
        (Some(card), true) => Ok(card),
        (None, _) => Err(CommandError::Usage(format!(
            "There is no card whose id ends in “{ending}”; “hippo card list” shows them."
        ))),
        (Some(_), false) => Err(CommandError::Usage(format!(
            "More than one card's id ends in “{ending}”; give more of it."
        ))),
    }
}

/// Opens the database of a home.
pub(crate) fn open_database(home: &Home) -> Result<SqliteStore, CommandError> {
    SqliteStore::open(&home.database()).map_err(|error| CommandError::Unusable(error.to_string()))
}

/// What checking cards needs beside the store.
pub(crate) struct Visiting<'a> {
    context: &'a Context,
    keys: Keys<'a>,
    site: Box<dyn LibrarySite>,
    gate: FileGate,
}

impl<'a> Visiting<'a> {
    /// Ready to visit; nothing is sent yet.
    pub(crate) fn new(context: &'a Context) -> Result<Self, CommandError> {
        let sites = Sites::new(SitesOptions {
            contact: context.config.contact.clone(),
            ..SitesOptions::default()
        })
        .map_err(|error| CommandError::Unusable(error.to_string()))?;
        Ok(Self {
            keys: Keys::new(&context.key_file),
            site: Box::new(sites),
            gate: FileGate::new(context.home.gates()),
            context,
        })
    }

    /// The ports of a run, beside those of its visits.
    pub(crate) fn ports_of_run(&'a self) -> RunPorts<'a> {
        RunPorts {
            cards: &*self.context.store,
            runs: &*self.context.store,
        }
    }

    /// The ports of the visits.
    pub(crate) fn ports(&'a self) -> VisitPorts<'a> {
        let store = &*self.context.store;
        VisitPorts {
            visits: store,
            libraries: store,
            checks: store,
            keys: &self.keys,
            site: &*self.site,
            gate: &self.gate,
            clock: &*self.context.clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_id_must_leave_no_doubt() {
        assert_eq!(the_only_one(vec![1], "R5TX"), Ok(1));
        for (found, expected) in [(vec![], "no card"), (vec![1, 2], "More than one")] {
            let message = the_only_one::<u8>(found, "R5TX").unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
