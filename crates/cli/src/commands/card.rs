//! `hippo card`: cards and their PINs.

mod pause;
mod record;

use clap::{Args, Subcommand};
use hippo_core::audit::Change;
use hippo_core::card::{Card, CardSecret, Fingerprint};
use hippo_core::card_secrets::{CardSecretError, CardSecretPorts};
use hippo_core::failure::FailureKind;
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::library::Library;
use hippo_core::seal::{LoginOrigins, SealContext};
use secrecy::SecretString;
use uuid::Uuid;

use crate::ask::{self, confirm, validate_number};
use crate::audit::record_change;
use crate::card_view::{self, CardView};
use crate::check_one_card::{check_card, check_changed_card, show_unchecked};
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, ErrorKind, Outcome};
use crate::output::table::{Table, fixed, numbers, words};
use crate::suggested::HIPPO;
use crate::values::{CardName, card_name};

/// The subcommands of `hippo card`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  hippo card add --family conrad --library wpl --patron Pat \\
      --number 21000000004711
  hippo card list")]
pub(crate) enum Command {
    Add(Add),
    List(List),
    Check(Check),
    Record(record::RecordArgs),
    SetPin(SetPin),
    Retry(Retry),
    Pause(pause::Pause),
    Resume(pause::Resume),
    Remove(Remove),
}

/// Add a card and check it. Asks for its PIN.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo card add --family conrad --library wpl --patron Pat \\
      --number 21000000004711
  hippo card add --family conrad --library wpl --patron Pat \\
      --number 21000000004711 --pin-stdin <pin-file

The PIN comes from a prompt that doesn't show it, or from standard input. It's never an argument,
because others could see it.")]
pub(crate) struct Add {
    /// The family that gets its notices.
    #[arg(long)]
    family: FamilyId,
    /// The library.
    #[arg(long)]
    library: LibraryId,
    /// The patron's name in emails.
    #[arg(long, value_name = "NAME")]
    patron: String,
    /// The number on the card, or the user name. We ask for it if you leave it out.
    #[arg(long)]
    number: Option<String>,
    /// Read the PIN from the first line of standard input.
    #[arg(long)]
    pin_stdin: bool,
    /// Don't log in now.
    #[arg(long)]
    no_check: bool,
}

/// List the cards.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo card list --family conrad")]
pub(crate) struct List {
    /// Only this family's cards.
    #[arg(long)]
    family: Option<FamilyId>,
}

/// Check one card now.
///
/// It isn't a run of check-cards, and no other card is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo card check 01KAK3V6ZB9V0S7YQJ4M2N8R5T

Exit code 1: the card could not be checked.")]
pub(crate) struct Check {
    /// The card: its id, or its last four characters or more.
    #[arg(value_parser = card_name, value_name = "ID")]
    id: CardName,
}

/// Set a card's PIN and check the card.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo card set-pin 01KAK3V6ZB9V0S7YQJ4M2N8R5T")]
pub(crate) struct SetPin {
    /// The card: its id, or its last four characters or more.
    #[arg(value_parser = card_name, value_name = "ID")]
    id: CardName,
    /// The number, if it changed too or can't be read here, as on AWS.
    #[arg(long)]
    number: Option<String>,
    /// Read the PIN from the first line of standard input.
    #[arg(long)]
    pin_stdin: bool,
    /// Don't log in now.
    #[arg(long)]
    no_check: bool,
}

/// Allow another login after the library rejected the card, and check it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo card retry 01KAK3V6ZB9V0S7YQJ4M2N8R5T")]
pub(crate) struct Retry {
    /// The card: its id, or its last four characters or more.
    #[arg(value_parser = card_name, value_name = "ID")]
    id: CardName,
    /// Don't log in now; wait for the next check.
    #[arg(long)]
    no_check: bool,
}

/// Remove a card.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo card remove 01KAK3V6ZB9V0S7YQJ4M2N8R5T --yes")]
pub(crate) struct Remove {
    /// The card: its id, or its last four characters or more.
    #[arg(value_parser = card_name, value_name = "ID")]
    id: CardName,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
}

/// Runs the subcommand.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    match command {
        Command::Add(add) => add_card(&context, add).await,
        Command::List(args) => list(&context, args).await,
        Command::Check(args) => check(&context, &args).await,
        Command::Record(args) => record::record_card(&context, &args).await,
        Command::SetPin(set) => set_pin(&context, set).await,
        Command::Retry(retry) => retry_card(&context, retry).await,
        Command::Pause(pause) => pause::pause_card(&context, pause).await,
        Command::Resume(resume) => pause::resume_card(&context, resume).await,
        Command::Remove(remove) => remove_card(&context, remove).await,
    }
}

/// Cleans a patron's name.
pub(crate) fn clean_patron_name(name: &str) -> Result<String, String> {
    let name = hippo_core::text::clean(name);
    if name.is_empty() {
        Err("The patron's name is empty.".to_owned())
    } else {
        Ok(name)
    }
}

/// Seals a number and PIN and adds the card.
pub(crate) async fn store_card(
    context: &Context,
    family: &FamilyId,
    library: &LibraryId,
    patron: String,
    secret: &CardSecret,
) -> Result<Card, CommandError> {
    let _lock = context.deployment.lock_secrets()?;
    let card = Card {
        id: CardId::generate(),
        family: family.clone(),
        library: library.clone(),
        patron,
        fingerprint: Fingerprint(String::new()),
        secret_id: Uuid::new_v4(),
        pause: None,
        created_at: context.now(),
    };
    let added = secret_ports(context).add_card(card, secret).await;
    let added = added.map_err(|error| refuse(error, family, library))?;
    let change = Change::CardAdded { card: added.id };
    record_change(context, Some(family), change).await;
    Ok(added)
}

fn secret_ports(context: &Context) -> CardSecretPorts<'_> {
    CardSecretPorts {
        cards: &*context.store,
        libraries: &*context.store,
        secrets: &*context.store,
        keys: &*context.keys,
    }
}

fn refuse(error: CardSecretError, family: &FamilyId, library: &LibraryId) -> CommandError {
    match error {
        CardSecretError::DuplicateNumber => duplicate(family, library),
        CardSecretError::Store(error) => error.into(),
        error @ CardSecretError::ChangedMeanwhile => {
            CommandError::from_source(ErrorKind::Usage, error)
                .advice("Nothing was changed. If your PIN is the newer one, set it again.")
        }
        error @ CardSecretError::StillRefused(_) => {
            CommandError::from_source(ErrorKind::Unusable, error)
                .try_command(format!("{HIPPO} card retry"))
        }
        CardSecretError::Seal(error) => error.into(),
    }
}

async fn add_card(context: &Context, add: Add) -> CommandResult {
    // Find every mistake before asking for the PIN.
    context.family(&add.family).await?;
    let library = context.library(&add.library).await?;
    let patron = clean_patron_name(&add.patron).map_err(CommandError::usage)?;
    context.keys.public_key().await?;
    let number = match &add.number {
        Some(number) => validate_number(number)?,
        None => ask::number()?,
    };
    refuse_duplicate(context, &add.family, &library.id, &number).await?;
    let pin = ask::pin(&pin_prompt(&patron, &library), add.pin_stdin)?;
    let secret = CardSecret { number, pin };
    let card = store_card(context, &add.family, &library.id, patron, &secret).await?;
    drop(secret);
    context.output.print_text(format!(
        "Added the card {} of {} at {}.",
        card.id, card.patron, library.name
    ));
    if add.no_check {
        return Ok(show_unchecked(context, card.id));
    }
    check_changed_card(context, &card, &library).await
}

async fn refuse_duplicate(
    context: &Context,
    family: &FamilyId,
    library: &LibraryId,
    number: &SecretString,
) -> Result<(), CommandError> {
    let fingerprint = secret_ports(context).fingerprint(library, number).await?;
    let cards = context.store.family_cards(family).await?;
    let is_same = |card: &Card| card.library == *library && card.fingerprint == fingerprint;
    if cards.iter().any(|record| is_same(&record.card)) {
        return Err(duplicate(family, library));
    }
    Ok(())
}

fn duplicate(family: &FamilyId, library: &LibraryId) -> CommandError {
    CommandError::usage(format!(
        "The family {family} already has a card with that number at {library}. Nothing was changed."
    ))
    .try_command(format!("{HIPPO} card list --family {family}"))
}

fn pin_prompt(patron: &str, library: &Library) -> String {
    format!("PIN for {patron} at {} (not shown): ", library.name)
}

async fn list(context: &Context, args: List) -> CommandResult {
    let libraries = context.libraries().await?;
    let mut cards: Vec<CardView> = Vec::new();
    for family in context.families(args.family.as_ref()).await? {
        cards.extend(card_view::load_cards(context, &family, &libraries).await?);
    }
    context.output.print_document(&cards);
    if cards.is_empty() {
        context
            .output
            .print_text("There are no cards yet. “hippo card add --help” shows how to add one.");
        return Ok(Outcome::Done);
    }
    let mut table = Table::new([
        fixed("ID"),
        words("FAMILY"),
        words("PATRON"),
        words("LIBRARY"),
        fixed("CHECKED").dispensable(),
        numbers("OUT"),
        fixed("STATE"),
    ]);
    let now = context.now();
    for card in &cards {
        let [out, _, _] = card
            .account
            .as_ref()
            .map_or_else(card_view::unknown_cells, |account| {
                account.cells(now.date_naive())
            });
        table.row([
            card.id.to_string().into(),
            card.family.as_str().into(),
            card.patron.as_str().into(),
            card.library_name.as_str().into(),
            card.checked_cell(now),
            out,
            card.problem_cell(),
        ]);
    }
    context.output.print_table(&table);
    for card in &cards {
        if let Some(sentence) = card.pause_sentence() {
            context.output.print_text(sentence);
        }
    }
    Ok(Outcome::Done)
}

async fn check(context: &Context, args: &Check) -> CommandResult {
    let card = context.card(&args.id).await?.card;
    let library = context.library(&card.library).await?;
    check_card(context, &card, &library, None).await
}

async fn set_pin(context: &Context, set: SetPin) -> CommandResult {
    let record = context.card(&set.id).await?;
    let library = context.library(&record.card.library).await?;
    let number = match set.number.as_deref() {
        Some(number) => validate_number(number)?,
        None => present_number(context, &record.card, &library).await?,
    };
    let failure = record.state.explaining_failure();
    if failure.is_some_and(|(_, failure)| failure.kind == FailureKind::SealedForOtherHosts) {
        context.output.print_message(format!(
            "This library's hosts have changed. We'll send the PIN to {}.",
            LoginOrigins::from_library(&library)
        ));
    }
    let pin = ask::pin(&pin_prompt(&record.card.patron, &library), set.pin_stdin)?;
    replace_secret(context, &record.card, CardSecret { number, pin }).await?;
    let id = record.card.id;
    let change = Change::PinSet { card: id };
    record_change(context, Some(&record.card.family), change).await;
    context
        .output
        .print_text(format!("Set the PIN of the card {id}."));
    if set.no_check {
        return Ok(show_unchecked(context, id));
    }
    check_changed_card(context, &record.card, &library).await
}

async fn replace_secret(
    context: &Context,
    card: &Card,
    secret: CardSecret,
) -> Result<(), CommandError> {
    let _lock = context.deployment.lock_secrets()?;
    let replaced = secret_ports(context)
        .replace_secret(card, Uuid::new_v4(), &secret)
        .await;
    replaced.map_err(|error| refuse(error, &card.family, &card.library))
}

/// Reads the card's number from its envelope, or asks for it and compares the fingerprint.
async fn present_number(
    context: &Context,
    card: &Card,
    library: &Library,
) -> Result<SecretString, CommandError> {
    if context.deployment.holds_private_key() {
        let secrets = context.store.secrets(&[card.id]).await?;
        if let Some((_, sealed)) = secrets.into_iter().next() {
            let keys = context.keys.private_keys().await?;
            if let Ok(secret) = keys.open(&SealContext::new(card.id, library), &sealed) {
                return Ok(secret.number);
            }
        }
    }
    context
        .output
        .print_message("We can't read the card's number here. Enter it again.");
    let number = ask::number()?;
    let ports = secret_ports(context);
    if ports.fingerprint(&card.library, &number).await? == card.fingerprint {
        Ok(number)
    } else {
        Err(CommandError::usage(format!(
            "That isn't the number of the card {}. Nothing was changed. If the number is new, give it with --number.",
            card.id
        )))
    }
}

async fn retry_card(context: &Context, retry: Retry) -> CommandResult {
    let record = context.card(&retry.id).await?;
    let library = context.library(&record.card.library).await?;
    let id = record.card.id;
    context.store.allow_retry(id).await?;
    if retry.no_check {
        context
            .output
            .print_text(format!("We'll try the card {id} with the next check."));
        return Ok(show_unchecked(context, id));
    }
    check_changed_card(context, &record.card, &library).await
}

async fn remove_card(context: &Context, remove: Remove) -> CommandResult {
    let card = context.card(&remove.id).await?.card;
    let question = format!(
        "Remove the card {} of {} at {}?",
        card.id, card.patron, card.library
    );
    if !confirm(&question, remove.yes)? {
        context.output.print_text("Nothing was changed.");
        return Ok(Outcome::Done);
    }
    context.store.remove_card(card.id).await?;
    let change = Change::CardRemoved { card: card.id };
    record_change(context, Some(&card.family), change).await;
    context
        .output
        .print_document(&serde_json::json!({ "removed": card.id }));
    context.output.print_text(format!(
        "Removed the card {} of {} at {}.",
        card.id, card.patron, card.library
    ));
    Ok(Outcome::Done)
}
