//! What every command works with: the opened home or stack, the clock, and the way to print.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use hippo_browser::{BrowserOptions, ExchangeObserver};
use hippo_core::card::CardRecord;
use hippo_core::clock::Clock;
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::jobs::check_cards::keys::Keys;
use hippo_core::jobs::check_cards::run::RunPorts;
use hippo_core::jobs::check_cards::visit::{Pace, VisitPorts};
use hippo_core::library::Library;
use hippo_core::mail::Mailer;
use hippo_core::site::LibrarySite;
use hippo_core::store::Store;
use hippo_local::clock::clock_from_environment;
use hippo_local::concurrency_limit::FileConcurrencyLimit;
use hippo_local::sqlite::SqliteStore;
use hippo_recording::Recorder;
use hippo_systems::Sites;

use crate::args::{CardName, Side};
use crate::aws::Stack;
use crate::config::{Checks, Config, Transport};
use crate::exit::CommandError;
use crate::home::{Home, SecretsLock};
use crate::keys::KeyPlace;
use crate::output::{Output, note};
use crate::suggest::did_you_mean;

/// What a person says for every command alike.
#[derive(Debug, Clone)]
pub(crate) struct Globals {
    /// The home that the person names.
    pub(crate) home: Option<PathBuf>,
    /// A home, or a stack.
    pub(crate) side: Side,
    /// The stack's name.
    pub(crate) stack: String,
    /// The stack's region, if the person names it.
    pub(crate) region: Option<String>,
    /// How to print.
    pub(crate) output: Output,
}

impl Globals {
    /// Opens the home or the stack, as every command but `init` and `demo` does.
    pub(crate) async fn open(&self) -> Result<Context, CommandError> {
        say_frozen_clock()?;
        match self.side {
            Side::Here => Context::open(Home::locate(self.home.clone())?, self.output),
            Side::Aws => Context::of_stack(self.open_stack().await?, self.output),
        }
    }

    /// Finds the stack.
    pub(crate) async fn open_stack(&self) -> Result<Stack, CommandError> {
        Stack::open(&self.stack, self.region.clone()).await
    }

    /// Refuses a command that a stack has no use for.
    pub(crate) fn only_here(&self, command: &str, instead: &str) -> Result<(), CommandError> {
        match self.side {
            Side::Here => Ok(()),
            Side::Aws => Err(CommandError::Usage(format!(
                "“hippo {command}” is for one machine. {instead}"
            ))),
        }
    }
}

/// The time, as `HIPPO_NOW` or the machine says.
pub(crate) fn clock() -> Result<Arc<dyn Clock>, CommandError> {
    let frozen = std::env::var("HIPPO_NOW").ok();
    clock_from_environment(frozen.as_deref())
        .map(Arc::from)
        .map_err(|error| CommandError::Usage(error.to_string()))
}

/// Says on standard error that the clock stands still: what is written now has that time.
fn say_frozen_clock() -> Result<(), CommandError> {
    let frozen = std::env::var("HIPPO_NOW").is_ok_and(|now| !now.trim().is_empty());
    if frozen {
        let now = clock()?.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        note(format!("The clock stands at {now} (HIPPO_NOW)."));
    }
    Ok(())
}

/// What a command works on: an opened home, or a stack.
pub(crate) struct Context {
    /// Which of the two.
    pub(crate) place: Place,
    /// What is remembered.
    pub(crate) store: Arc<dyn Store>,
    /// Where the keys are.
    pub(crate) keys: Box<dyn KeyPlace>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// How to print.
    pub(crate) output: Output,
}

/// Where LibraryHippo runs.
pub(crate) enum Place {
    /// On this machine.
    Here(Box<Here>),
    /// On AWS.
    Aws(Box<Stack>),
}

/// An opened home.
pub(crate) struct Here {
    /// Where everything is kept.
    pub(crate) home: Home,
    /// What the operator decided.
    pub(crate) config: Config,
    /// Whether the home is gone when the command ends: none of its paths is shown.
    pub(crate) is_temporary: bool,
}

impl Context {
    /// Opens a home; an error says what is missing.
    pub(crate) fn open(home: Home, output: Output) -> Result<Self, CommandError> {
        let clock = clock()?;
        home.must_exist()?;
        let config = Config::read(&home)?;
        let store = open_database(&home)?;
        Ok(Self {
            keys: Box::new(home.key_files()),
            store: Arc::new(store),
            place: Place::Here(Box::new(Here {
                home,
                config,
                is_temporary: false,
            })),
            clock,
            output,
        })
    }

    /// Works on a stack.
    fn of_stack(stack: Stack, output: Output) -> Result<Self, CommandError> {
        Ok(Self {
            keys: stack.keys(),
            store: stack.store(),
            place: Place::Aws(Box::new(stack)),
            clock: clock()?,
            output,
        })
    }

    /// The home, for what a stack has no use for.
    pub(crate) fn here(&self) -> Result<&Here, CommandError> {
        match &self.place {
            Place::Here(here) => Ok(here),
            Place::Aws(stack) => Err(CommandError::Usage(format!(
                "This is for one machine, not for the stack {}.",
                stack.name()
            ))),
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The operator's zone.
    pub(crate) fn zone(&self) -> Tz {
        match &self.place {
            Place::Here(here) => here.config.timezone,
            Place::Aws(stack) => stack.zone(),
        }
    }

    /// Whom a mail names for questions.
    pub(crate) fn contact(&self) -> Option<&str> {
        match &self.place {
            Place::Here(here) => here.config.contact.as_deref(),
            Place::Aws(stack) => stack.contact(),
        }
    }

    /// The mail service.
    pub(crate) fn mailer(&self) -> Result<Box<dyn Mailer>, CommandError> {
        match &self.place {
            Place::Here(here) => crate::mailer::mailer(&here.home, &here.config),
            Place::Aws(stack) => Ok(stack.mailer()),
        }
    }

    /// Where mails go, for people.
    pub(crate) fn mail_destination(&self) -> String {
        let here = match &self.place {
            Place::Here(here) => here,
            Place::Aws(_) => return "Amazon SES".to_owned(),
        };
        match (&here.config.mail.transport, &here.config.mail.smtp) {
            (Transport::Smtp, Some(smtp)) => format!("the mail server {}", smtp.host),
            _ if here.is_temporary => "the demo's mail folder".to_owned(),
            _ => here.home.mail_folder().display().to_string(),
        }
    }

    /// Waits for the right to write numbers and PINs. On AWS there is no such lock: one operator at a time
    /// changes the key, and the cards are looked through again before the old one goes.
    pub(crate) fn lock_secrets(&self) -> Result<Option<SecretsLock>, CommandError> {
        match &self.place {
            Place::Here(here) => SecretsLock::take(&here.home).map(Some),
            Place::Aws(_) => Ok(None),
        }
    }

    /// One family, or an error that says how to see all.
    pub(crate) async fn family(&self, id: &FamilyId) -> Result<Family, CommandError> {
        if let Some(family) = self.store.family(id).await? {
            return Ok(family);
        }
        let known = self.store.families().await?;
        let meant = did_you_mean(id.as_str(), known.iter().map(|family| family.id.as_str()));
        Err(CommandError::Usage(format!(
            "There is no family “{id}”; “hippo family list” shows them.{meant}"
        )))
    }

    /// One library, or an error that says how to see all.
    pub(crate) async fn library(&self, id: &LibraryId) -> Result<Library, CommandError> {
        if let Some(library) = self.store.library(id).await? {
            return Ok(library);
        }
        let known = self.store.libraries().await?;
        let meant = did_you_mean(id.as_str(), known.iter().map(|library| library.id.as_str()));
        Err(CommandError::Usage(format!(
            "There is no library “{id}”; “hippo library list” shows them.{meant}"
        )))
    }

    /// One card, or an error that says how to see all.
    pub(crate) async fn card(&self, name: &CardName) -> Result<CardRecord, CommandError> {
        if let CardName::Id(id) = name
            && let Some(record) = self.store.card(*id).await?
        {
            return Ok(record);
        }
        let mut records = Vec::new();
        for family in self.store.families().await? {
            records.extend(self.store.cards_of(&family.id).await?);
        }
        let ids: Vec<String> = records
            .iter()
            .map(|record| record.card.id.to_string())
            .collect();
        let ending = match name {
            CardName::Id(id) => {
                let meant = did_you_mean(&id.to_string(), &ids);
                return Err(CommandError::Usage(format!(
                    "There is no card {id}; “hippo card list” shows them.{meant}"
                )));
            }
            CardName::Ending(ending) => ending,
        };
        let upper = ending.to_ascii_uppercase();
        records.retain(|record| record.card.id.to_string().ends_with(&upper));
        let endings = ids
            .iter()
            .filter_map(|id| id.get(id.len().saturating_sub(ending.len())..));
        the_only_one(records, ending, &did_you_mean(ending, endings))
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
fn the_only_one<T>(mut found: Vec<T>, ending: &str, meant: &str) -> Result<T, CommandError> {
    match (found.pop(), found.is_empty()) {
        (Some(card), true) => Ok(card),
        (None, _) => Err(CommandError::Usage(format!(
            "There is no card whose id ends in “{ending}”; “hippo card list” shows them.{meant}"
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

/// What checking cards on this machine needs beside the store.
pub(crate) struct Visiting<'a> {
    context: &'a Context,
    checks: &'a Checks,
    keys: Keys<'a>,
    site: Box<dyn LibrarySite>,
    gate: FileConcurrencyLimit,
}

impl<'a> Visiting<'a> {
    /// Ready to visit; nothing is sent yet.
    pub(crate) fn new(context: &'a Context) -> Result<Self, CommandError> {
        Self::recorded(context, None)
    }

    /// As [`Self::new`], with one who sees what is sent and answered.
    pub(crate) fn recorded(
        context: &'a Context,
        recorder: Option<Arc<Recorder>>,
    ) -> Result<Self, CommandError> {
        let here = context.here()?;
        let sites = Sites::new(BrowserOptions {
            contact: here.config.contact.clone(),
            observer: recorder.map(|recorder| recorder as Arc<dyn ExchangeObserver>),
            ..BrowserOptions::default()
        })
        .map_err(|error| CommandError::Unusable(error.to_string()))?;
        Ok(Self {
            checks: &here.config.checks,
            keys: Keys::new(&*context.keys),
            site: Box::new(sites),
            gate: FileConcurrencyLimit::new(here.home.gates()),
            context,
        })
    }

    /// The pauses between two cards of a library.
    pub(crate) fn pace(&self) -> Pace {
        Pace {
            pause: Duration::from_secs_f64(self.checks.pause_seconds),
            jitter: Duration::from_secs_f64(self.checks.jitter_seconds),
        }
    }

    /// How many libraries are visited at a time.
    pub(crate) fn concurrency(&self) -> usize {
        self.checks.concurrency
    }

    /// The ports of a run, beside those of its visits.
    pub(crate) fn ports_of_run(&'a self) -> RunPorts<'a> {
        RunPorts {
            cards: &*self.context.store,
            runs: &*self.context.store,
            alerts: &*self.context.store,
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
            concurrency_limit: &self.gate,
            clock: &*self.context.clock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_id_must_leave_no_doubt() {
        assert_eq!(the_only_one(vec![1], "R5TX", ""), Ok(1));
        for (found, expected) in [(vec![], "no card"), (vec![1, 2], "More than one")] {
            let message = the_only_one::<u8>(found, "R5TX", "")
                .unwrap_err()
                .to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
