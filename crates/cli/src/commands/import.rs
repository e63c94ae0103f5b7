//! `hippo import`: adds libraries, families and cards from a TOML file or an export.

mod export_file;
mod file;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use hippo_core::card::CardSecret;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::transfer::is_transfer;
use secrecy::SecretString;
use serde::Serialize;

use self::file::{Mistake, Plan, PlannedCard};
use crate::ask::{self, validate_pin};
use crate::commands::card::store_card;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::suggest::did_you_mean;
use crate::suggested::HIPPO;
use crate::text_input::read_text_file;

/// Import libraries, families and cards from a TOML file, or what “hippo export” wrote.
///
/// It checks everything first: if there is a mistake, nothing changes. For an export, it asks whether
/// the PINs may go to the hosts in it. You can import an export again: it skips what is here already,
/// and adds the rest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo import move.json        # what “hippo export” wrote
  hippo import our-cards.toml --dry-run

  [[library]]
  id = \"wpl\"
  system = \"bibliocommons\"
  url = \"https://wpl.example.org\"

  [[family]]
  id = \"conrad\"
  name = \"The Conrads\"
  to = [\"pat@example.org\"]

  [[card]]
  family = \"conrad\"
  library = \"wpl\"
  patron = \"Pat\"
  number = \"21000000004711\"
  pin_env = \"PAT_PIN\"         # without it, we ask for the PIN")]
pub(crate) struct Import {
    /// The file.
    file: PathBuf,
    /// Show what it would add. Saves nothing and asks for no PIN.
    #[arg(long)]
    dry_run: bool,
    /// Don't ask whether the hosts in an export are right.
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct ImportDocument<'a> {
    dry_run: bool,
    libraries: Vec<LibraryId>,
    families: Vec<FamilyId>,
    cards: Vec<Imported<'a>>,
}

#[derive(Serialize)]
struct Imported<'a> {
    /// `None` in a dry run.
    card: Option<CardId>,
    family: &'a FamilyId,
    library: &'a LibraryId,
    patron: &'a str,
}

/// The source of the cards' PINs.
pub(crate) trait Pins {
    /// The PIN in this environment variable.
    fn read_environment(&self, name: &str) -> Option<SecretString>;
}

/// The environment of this process.
struct Environment;

impl Pins for Environment {
    fn read_environment(&self, name: &str) -> Option<SecretString> {
        std::env::var(name).ok().map(SecretString::from)
    }
}

/// Imports a file.
pub(crate) async fn run(import: Import, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    let text = read_text_file(&import.file).map_err(|error| {
        CommandError::usage(format!("Can't read {}.", import.file.display())).caused_by(error)
    })?;
    let name = import.file.display().to_string();
    if is_transfer(&text) {
        return export_file::import(&context, &name, &text, import.dry_run, import.yes).await;
    }
    import_text(&context, &name, &text, import.dry_run, &Environment).await
}

/// Imports the text of the file `name`.
pub(crate) async fn import_text(
    context: &Context,
    name: &str,
    text: &str,
    dry_run: bool,
    pins: &dyn Pins,
) -> CommandResult {
    let plan = file::parse(context, text).map_err(|mistakes| refused(name, &mistakes))?;
    let mistakes = conflicts(context, &plan).await?;
    if !mistakes.is_empty() {
        return Err(refused(name, &mistakes));
    }
    if dry_run {
        print_result(context, &plan, &[], true);
        return Ok(Outcome::Done);
    }
    context.keys.public_key().await?;
    let secrets = secrets(&plan, pins).map_err(|mistakes| refused(name, &mistakes))?;
    let cards = write(context, &plan, &secrets).await?;
    print_result(context, &plan, &cards, false);
    Ok(Outcome::Done)
}

fn refused(name: &str, mistakes: &[Mistake]) -> CommandError {
    let mut mistakes = mistakes.to_vec();
    mistakes.sort();
    let lines: Vec<String> = mistakes
        .iter()
        .map(|mistake| match mistake.line {
            Some(line) => format!("  line {line}: {}", mistake.message),
            None => format!("  {}", mistake.message),
        })
        .collect();
    CommandError::usage(format!(
        "Didn't import {name}. Nothing was changed.\n{}",
        lines.join("\n")
    ))
}

/// Finds conflicts between the file and the store.
async fn conflicts(context: &Context, plan: &Plan) -> Result<Vec<Mistake>, CommandError> {
    let mut mistakes = Vec::new();
    let mut mistake = |line, message| {
        mistakes.push(Mistake {
            line: Some(line),
            message,
        })
    };
    for (line, library) in &plan.libraries {
        if context.store.library(&library.id).await?.is_some() {
            mistake(
                *line,
                format!(
                    "the library “{}” already exists. Delete its [[library]] here; cards can still name it.",
                    library.id
                ),
            );
        }
    }
    for (line, family) in &plan.families {
        if context.store.family(&family.id).await?.is_some() {
            mistake(
                *line,
                format!(
                    "the family “{}” already exists. Delete its [[family]] here; cards can still name it.",
                    family.id
                ),
            );
        }
    }
    let in_file = |id: &FamilyId| plan.families.iter().any(|(_, family)| family.id == *id);
    let library_in_file =
        |id: &LibraryId| plan.libraries.iter().any(|(_, library)| library.id == *id);
    for card in &plan.cards {
        if !in_file(&card.family) && context.store.family(&card.family).await?.is_none() {
            let known = context.store.families().await?;
            let ids = known.iter().map(|family| &family.id);
            let ids = ids.chain(plan.families.iter().map(|(_, family)| &family.id));
            let meant = did_you_mean(card.family.as_str(), ids.map(FamilyId::as_str));
            mistake(
                card.line,
                format!("there is no family “{}”.{meant}", card.family),
            );
        }
        if !library_in_file(&card.library) && context.store.library(&card.library).await?.is_none()
        {
            let known = context.store.libraries().await?;
            let ids = known.iter().map(|library| &library.id);
            let ids = ids.chain(plan.libraries.iter().map(|(_, library)| &library.id));
            let meant = did_you_mean(card.library.as_str(), ids.map(LibraryId::as_str));
            mistake(
                card.line,
                format!("there is no library “{}”.{meant}", card.library),
            );
        }
    }
    for message in duplicate_cards(context, plan).await? {
        mistakes.push(message);
    }
    Ok(mistakes)
}

async fn duplicate_cards(context: &Context, plan: &Plan) -> Result<Vec<Mistake>, CommandError> {
    let mut mistakes = Vec::new();
    if plan.cards.is_empty() {
        return Ok(mistakes);
    }
    let key = context.keys.fingerprint_key().await?;
    let mut seen = BTreeSet::new();
    for family in plan
        .cards
        .iter()
        .map(|card| &card.family)
        .collect::<BTreeSet<_>>()
    {
        for record in context.store.family_cards(family).await? {
            seen.insert((family.clone(), record.card.library, record.card.fingerprint));
        }
    }
    for card in &plan.cards {
        let fingerprint = key.fingerprint(&card.library, &card.number);
        if !seen.insert((card.family.clone(), card.library.clone(), fingerprint)) {
            mistakes.push(Mistake {
                line: Some(card.line),
                message: format!(
                    "the family {} already has a card with this number at {}. Delete this [[card]].",
                    card.family, card.library
                ),
            });
        }
    }
    Ok(mistakes)
}

/// Collects the PINs, first from the environment, so that mistakes are found before anyone types a PIN.
fn secrets(plan: &Plan, pins: &dyn Pins) -> Result<Vec<CardSecret>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut found: Vec<Option<SecretString>> = Vec::new();
    for card in &plan.cards {
        let pin = card
            .pin_env
            .as_deref()
            .map(|name| pin_from_environment(card, name, pins));
        match pin.transpose() {
            Ok(pin) => found.push(pin),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    plan.cards
        .iter()
        .zip(found)
        .map(|(card, pin)| {
            let pin = match pin {
                Some(pin) => pin,
                None => ask::pin_from_terminal(
                    &format!("PIN for {} at {} (not shown): ", card.patron, card.library),
                    "Name the environment variable that holds it with “pin_env”.",
                )
                .map_err(|error| {
                    vec![Mistake {
                        line: Some(card.line),
                        message: error.to_string(),
                    }]
                })?,
            };
            Ok(CardSecret {
                number: card.number.clone(),
                pin,
            })
        })
        .collect()
}

fn pin_from_environment(
    card: &PlannedCard,
    name: &str,
    pins: &dyn Pins,
) -> Result<SecretString, Mistake> {
    let pin = pins.read_environment(name).ok_or_else(|| Mistake {
        line: Some(card.line),
        message: format!("the environment variable {name}, which should hold the PIN, isn't set."),
    })?;
    validate_pin(&pin).map_err(|error| Mistake {
        line: Some(card.line),
        message: format!("the environment variable {name}: {error}"),
    })
}

/// The entries written so far, to roll back if the rest fails.
#[derive(Default)]
struct Written {
    libraries: Vec<LibraryId>,
    families: Vec<FamilyId>,
    cards: Vec<CardId>,
}

async fn write(
    context: &Context,
    plan: &Plan,
    secrets: &[CardSecret],
) -> Result<Vec<CardId>, CommandError> {
    let mut written = Written::default();
    match write_all(context, plan, secrets, &mut written).await {
        Ok(()) => Ok(written.cards),
        Err(error) => {
            roll_back(context, &written).await;
            Err(error)
        }
    }
}

async fn write_all(
    context: &Context,
    plan: &Plan,
    secrets: &[CardSecret],
    written: &mut Written,
) -> Result<(), CommandError> {
    for (_, library) in &plan.libraries {
        context.store.add_library(library).await?;
        written.libraries.push(library.id.clone());
    }
    for (_, family) in &plan.families {
        context.store.add_family(family).await?;
        written.families.push(family.id.clone());
    }
    for (planned, secret) in plan.cards.iter().zip(secrets) {
        let (family, library) = (&planned.family, &planned.library);
        let card = store_card(context, family, library, planned.patron.clone(), secret).await?;
        written.cards.push(card.id);
    }
    Ok(())
}

/// Removes the written entries; errors are ignored, because the first error matters more.
async fn roll_back(context: &Context, written: &Written) {
    for card in &written.cards {
        let _ = context.store.remove_card(*card).await;
    }
    for family in &written.families {
        let _ = context.store.remove_family(family).await;
    }
    for library in &written.libraries {
        let _ = context.store.remove_library(library).await;
    }
}

fn print_result(context: &Context, plan: &Plan, cards: &[CardId], dry_run: bool) {
    context.output.print_document(&ImportDocument {
        dry_run,
        libraries: plan
            .libraries
            .iter()
            .map(|(_, library)| library.id.clone())
            .collect(),
        families: plan
            .families
            .iter()
            .map(|(_, family)| family.id.clone())
            .collect(),
        cards: plan
            .cards
            .iter()
            .enumerate()
            .map(|(index, planned)| Imported {
                card: cards.get(index).copied(),
                family: &planned.family,
                library: &planned.library,
                patron: &planned.patron,
            })
            .collect(),
    });
    let what = format!(
        "{}, {} and {}",
        count(plan.libraries.len(), "library", "libraries"),
        count(plan.families.len(), "family", "families"),
        count(plan.cards.len(), "card", "cards")
    );
    if dry_run {
        context.output.print_text(format!(
            "The file is valid. It would add {what}. Nothing was changed."
        ));
    } else {
        context
            .output
            .print_text(format!("Added {what}. “{HIPPO} check-cards” checks them."));
    }
}
