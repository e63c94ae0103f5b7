//! The context of a command: the deployment, the clock and the output.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use hippo_core::card::CardRecord;
use hippo_core::clock::Clock;
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::library::Library;
use hippo_core::store::Store;
use hippo_local::clock::clock_from_environment;

use crate::deployment::Deployment;
#[cfg(feature = "aws")]
use crate::deployment::aws::AwsDeployment;
use crate::deployment::local::LocalDeployment;
use crate::exit::{CommandError, ErrorKind};
use crate::home::Home;
use crate::key_store::KeyStore;
use crate::output::{Output, print_to_stderr};
use crate::suggest::find_nearest;
use crate::suggested::HIPPO;
use crate::target::Target;
use crate::values::CardName;

/// The options that every command takes.
#[derive(Debug, Clone)]
pub(crate) struct Globals {
    /// The home's directory, if given.
    pub(crate) home: Option<PathBuf>,
    /// Whether to work on a home or a stack.
    pub(crate) target: Target,
    /// The stack's name.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has it")
    )]
    pub(crate) stack: String,
    /// The stack's region, if given.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has it")
    )]
    pub(crate) region: Option<String>,
    /// How to print.
    pub(crate) output: Output,
}

impl Globals {
    /// Opens the home or the stack.
    pub(crate) async fn open(&self) -> Result<Context, CommandError> {
        warn_frozen_clock()?;
        let deployment = self.open_deployment(self.target).await?;
        Context::new(deployment, self.output)
    }

    /// Opens the home or the stack that `target` names.
    pub(crate) async fn open_deployment(
        &self,
        target: Target,
    ) -> Result<Box<dyn Deployment>, CommandError> {
        match target {
            Target::Local => {
                let home = Home::locate(self.home.clone())?;
                Ok(Box::new(LocalDeployment::open(home, clock()?)?))
            }
            #[cfg(feature = "aws")]
            Target::Aws => Ok(Box::new(self.open_stack().await?)),
            #[cfg(not(feature = "aws"))]
            Target::Aws => Err(CommandError::usage(
                "This hippo was built without AWS. Build one with it:",
            )
            .try_command("cargo install --path crates/cli")),
        }
    }

    /// Opens the stack.
    #[cfg(feature = "aws")]
    pub(crate) async fn open_stack(&self) -> Result<AwsDeployment, CommandError> {
        AwsDeployment::open(&self.stack, self.region.clone(), clock()?).await
    }

    /// Whether nothing is set up on this machine yet. A home with a mistake in it counts as set up.
    pub(crate) fn has_no_home(&self) -> bool {
        let home = Home::locate(self.home.clone());
        self.target == Target::Local && !home.is_ok_and(|home| home.config().exists())
    }

    /// Locates the home for a command that only works on one machine; `instead` is advice for AWS.
    pub(crate) fn local_home(&self, command: &str, instead: &str) -> Result<Home, CommandError> {
        match self.target {
            Target::Local => Home::locate(self.home.clone()),
            Target::Aws => Err(CommandError::usage(format!(
                "“hippo {command}” only works on one machine."
            ))
            .advice(instead)),
        }
    }
}

/// The machine's clock, or one that `HIPPO_NOW` freezes.
pub(crate) fn clock() -> Result<Arc<dyn Clock>, CommandError> {
    let frozen = std::env::var("HIPPO_NOW").ok();
    clock_from_environment(frozen.as_deref())
        .map(Arc::from)
        .map_err(|error| CommandError::from_source(ErrorKind::Usage, error))
}

/// Warns on standard error if the clock is frozen, because everything stored gets that time.
fn warn_frozen_clock() -> Result<(), CommandError> {
    let frozen = std::env::var("HIPPO_NOW").is_ok_and(|now| !now.trim().is_empty());
    if frozen {
        let now = clock()?.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        print_to_stderr(format!("The clock is frozen at {now} (HIPPO_NOW)."));
    }
    Ok(())
}

/// The context of a command.
pub(crate) struct Context {
    /// A home, or a stack.
    pub(crate) deployment: Box<dyn Deployment>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Box<dyn KeyStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) output: Output,
}

impl Context {
    /// Creates the context of a command on this deployment.
    pub(crate) fn new(
        deployment: Box<dyn Deployment>,
        output: Output,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            store: deployment.store(),
            keys: deployment.keys(),
            deployment,
            clock: clock()?,
            output,
        })
    }

    /// The current time.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The operator's time zone.
    pub(crate) fn zone(&self) -> Tz {
        self.deployment.timezone()
    }

    /// Loads a family; the error suggests a similar id.
    pub(crate) async fn family(&self, id: &FamilyId) -> Result<Family, CommandError> {
        if let Some(family) = self.store.family(id).await? {
            return Ok(family);
        }
        let known = self.store.families().await?;
        let meant = find_nearest(id.as_str(), known.iter().map(|family| family.id.as_str()));
        Err(CommandError::usage(format!("There is no family “{id}”."))
            .did_you_mean(meant)
            .try_command(format!("{HIPPO} family list")))
    }

    /// Loads a library; the error suggests a similar id.
    pub(crate) async fn library(&self, id: &LibraryId) -> Result<Library, CommandError> {
        if let Some(library) = self.store.library(id).await? {
            return Ok(library);
        }
        let known = self.store.libraries().await?;
        let meant = find_nearest(id.as_str(), known.iter().map(|library| library.id.as_str()));
        Err(CommandError::usage(format!("There is no library “{id}”."))
            .did_you_mean(meant)
            .try_command(format!("{HIPPO} library list")))
    }

    /// Loads a card by its id or the end of its id; the error suggests a similar one.
    pub(crate) async fn card(&self, name: &CardName) -> Result<CardRecord, CommandError> {
        if let CardName::Id(id) = name
            && let Some(record) = self.store.card(*id).await?
        {
            return Ok(record);
        }
        let mut records = Vec::new();
        for family in self.store.families().await? {
            records.extend(self.store.family_cards(&family.id).await?);
        }
        let ids: Vec<String> = records
            .iter()
            .map(|record| record.card.id.to_string())
            .collect();
        let ending = match name {
            CardName::Id(id) => {
                return Err(CommandError::usage(format!("There is no card {id}."))
                    .did_you_mean(find_nearest(&id.to_string(), &ids))
                    .try_command(format!("{HIPPO} card list")));
            }
            CardName::Ending(ending) => ending,
        };
        let upper = ending.to_ascii_uppercase();
        records.retain(|record| record.card.id.to_string().ends_with(&upper));
        let endings = ids
            .iter()
            .filter_map(|id| id.get(id.len().saturating_sub(ending.len())..));
        require_single_match(records, ending, find_nearest(ending, endings))
    }

    /// Loads one family, or all.
    pub(crate) async fn families(
        &self,
        only: Option<&FamilyId>,
    ) -> Result<Vec<Family>, CommandError> {
        match only {
            Some(id) => Ok(vec![self.family(id).await?]),
            None => Ok(self.store.families().await?),
        }
    }

    /// Loads all libraries, by id.
    pub(crate) async fn libraries(&self) -> Result<BTreeMap<LibraryId, Library>, CommandError> {
        let libraries = self.store.libraries().await?;
        Ok(libraries
            .into_iter()
            .map(|library| (library.id.clone(), library))
            .collect())
    }
}

/// Returns the only card whose id ends in `ending`; the error says what to write instead.
fn require_single_match<T>(
    mut found: Vec<T>,
    ending: &str,
    meant: Option<&str>,
) -> Result<T, CommandError> {
    match (found.pop(), found.is_empty()) {
        (Some(card), true) => Ok(card),
        (None, _) => Err(CommandError::usage(format!(
            "There is no card whose id ends in “{ending}”."
        ))
        .did_you_mean(meant)
        .try_command(format!("{HIPPO} card list"))),
        (Some(_), false) => Err(CommandError::usage(format!(
            "More than one card's id ends in “{ending}”. Give more of it."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_an_id_must_be_unique() {
        assert_eq!(require_single_match(vec![1], "R5TX", None).ok(), Some(1));
        for (found, expected) in [(vec![], "no card"), (vec![1, 2], "More than one")] {
            let message = require_single_match::<u8>(found, "R5TX", None)
                .unwrap_err()
                .to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
