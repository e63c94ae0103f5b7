//! `hippo family`: who gets one notice a day.

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use chrono_tz::Tz;
use clap::{Args, Subcommand, ValueEnum};
use hippo_core::family::schedule::ScheduleHistory;
use hippo_core::family::{Delivery, EmailAddress, Family, Preferences, ProofOfLife};
use hippo_core::ids::FamilyId;
use rust_decimal::Decimal;

use crate::args::{time_of_day, timezone};
use crate::ask::confirm;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::output::table::{Cell, Table, Tone, fixed, words};
use crate::output::time::moment;

/// When the day's notice goes out, unless a family wants another time.
pub(crate) const NOTICE_TIME: NaiveTime = match NaiveTime::from_hms_opt(6, 30, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// What to do with families.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  hippo family add conrad --name \"The Conrads\" \\
      --to pat@example.org --to sam@example.org
  hippo family edit conrad --time 07:00")]
pub(crate) enum Command {
    Add(Add),
    /// List the families.
    #[command(after_help = "Example:\n  hippo family list --json")]
    List,
    Edit(Edit),
    Pause(Pause),
    Remove(Remove),
    /// Send a family's notices to one more address.
    #[command(after_help = "Example:\n  hippo family add-recipient conrad sam@example.org")]
    AddRecipient(Recipient),
    /// Send a family's notices to one address less.
    #[command(after_help = "Example:\n  hippo family remove-recipient conrad sam@example.org")]
    RemoveRecipient(Recipient),
    /// Write again to an address whose mail came back for good, or who complained.
    #[command(after_help = "Example:\n  hippo family allow-recipient conrad sam@example.org")]
    AllowRecipient(Recipient),
}

/// What a family can want; what is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub(crate) struct Wishes {
    /// The family's time zone; by default your own.
    #[arg(long, value_parser = timezone, value_name = "ZONE")]
    pub(crate) timezone: Option<Tz>,
    /// The local time of day at which the notice goes out; by default 06:30.
    #[arg(long, value_parser = time_of_day, value_name = "HH:MM")]
    pub(crate) time: Option<NaiveTime>,
    /// Loans due within so many days are to be taken back; by default 3.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=60), allow_negative_numbers = true)]
    pub(crate) due_within_days: Option<u16>,
    /// Tell of fines of this much or more, or never; by default 5.00.
    #[arg(long, value_name = "AMOUNT|never", value_parser = fines_threshold, allow_negative_numbers = true)]
    pub(crate) fines_threshold: Option<Threshold>,
    /// Write every day, although there is nothing to say.
    #[arg(long, group = "proof")]
    pub(crate) daily: bool,
    /// Write on this day of the week, although there is nothing to say.
    #[arg(long, group = "proof", value_name = "WEEKDAY", value_parser = weekday)]
    pub(crate) weekly: Option<Weekday>,
    /// Write only when there is something to say; the default.
    #[arg(long, group = "proof")]
    pub(crate) only_when_needed: bool,
    /// What to do when nobody can know whether a mail left: rather none than two, or rather two.
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) delivery: Option<DeliveryChoice>,
}

/// From which amount on fines are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threshold(pub(crate) Option<Decimal>);

/// What to do when nobody can know whether a mail left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeliveryChoice {
    /// Rather no mail than two.
    AtMostOnce,
    /// Rather two mails than none.
    AtLeastOnce,
}

impl From<DeliveryChoice> for Delivery {
    fn from(choice: DeliveryChoice) -> Self {
        match choice {
            DeliveryChoice::AtMostOnce => Self::AtMostOnce,
            DeliveryChoice::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

/// An amount, or `never`.
pub(crate) fn fines_threshold(text: &str) -> Result<Threshold, String> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(Threshold(None));
    }
    text.parse::<Decimal>()
        .ok()
        .filter(|amount| !amount.is_sign_negative())
        .filter(|amount| amount.normalize().scale() <= 2)
        .map(|amount| Threshold(Some(amount)))
        .ok_or_else(|| format!("“{text}” is not an amount; write it like 5.00, or “never”."))
}

/// A day of the week.
pub(crate) fn weekday(text: &str) -> Result<Weekday, String> {
    text.parse()
        .map_err(|_| format!("“{text}” is not a day of the week; write it like monday."))
}

impl Wishes {
    /// Writes into a new family what is wished.
    pub(crate) fn apply_to_new(&self, family: &mut Family) {
        family.timezone = self.timezone.unwrap_or(family.timezone);
        family.notice_time = self.time.unwrap_or(family.notice_time);
        self.apply_preferences(family);
    }

    /// Writes into a family what is wished; its schedule counts from its next local date.
    pub(crate) fn apply(&self, family: &mut Family, now: DateTime<Utc>) {
        let timezone = self.timezone.unwrap_or(family.timezone);
        let time = self.time.unwrap_or(family.notice_time);
        family.reschedule(timezone, time, now);
        self.apply_preferences(family);
    }

    fn apply_preferences(&self, family: &mut Family) {
        let preferences = &mut family.preferences;
        if let Some(days) = self.due_within_days {
            preferences.due_within_days = days;
        }
        if let Some(Threshold(threshold)) = self.fines_threshold {
            preferences.fines_threshold = threshold;
        }
        if let Some(delivery) = self.delivery {
            preferences.delivery = delivery.into();
        }
        match (self.daily, self.weekly, self.only_when_needed) {
            (true, ..) => preferences.proof_of_life = ProofOfLife::Daily,
            (_, Some(day), _) => preferences.proof_of_life = ProofOfLife::Weekly(day),
            (.., true) => preferences.proof_of_life = ProofOfLife::Never,
            _ => {}
        }
    }
}

/// Add a family.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo family add conrad --name \"The Conrads\" --to pat@example.org
  hippo family add lee --name Lee --to lee@example.org \\
      --timezone Europe/Berlin --time 07:00 --weekly monday")]
pub(crate) struct Add {
    /// A short name of your choice: lower-case letters, digits, hyphens.
    id: FamilyId,
    /// What the mail calls them.
    #[arg(long)]
    name: String,
    /// Who gets the mail; may be given several times.
    #[arg(long = "to", value_name = "ADDRESS", required = true)]
    recipients: Vec<EmailAddress>,
    #[command(flatten)]
    wishes: Wishes,
}

/// Change what a family wants.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo family edit conrad --time 07:00 --due-within-days 5
  hippo family edit conrad --fines-threshold never --only-when-needed

Addresses: “hippo family add-recipient” and “hippo family remove-recipient”.")]
pub(crate) struct Edit {
    /// The family.
    id: FamilyId,
    /// What the mail calls them.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    wishes: Wishes,
}

/// Send a family no notices for now.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo family pause conrad
  hippo family pause conrad --resume")]
pub(crate) struct Pause {
    /// The family.
    id: FamilyId,
    /// Send notices again.
    #[arg(long)]
    resume: bool,
}

/// Remove a family with its cards.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo family remove conrad --yes")]
pub(crate) struct Remove {
    /// The family.
    id: FamilyId,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// A family and an address.
#[derive(Debug, Args)]
pub(crate) struct Recipient {
    /// The family.
    id: FamilyId,
    /// The address.
    address: EmailAddress,
}

/// Does what is asked.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    match command {
        Command::Add(add) => add_family(&context, add).await,
        Command::List => list(&context).await,
        Command::Edit(edit) => edit_family(&context, edit).await,
        Command::Pause(pause) => pause_family(&context, pause).await,
        Command::Remove(remove) => remove_family(&context, remove).await,
        Command::AddRecipient(recipient) => add_recipient(&context, recipient).await,
        Command::RemoveRecipient(recipient) => remove_recipient(&context, recipient).await,
        Command::AllowRecipient(recipient) => allow_recipient(&context, recipient).await,
    }
}

/// A new family with everything by default.
pub(crate) fn new_family(
    context: &Context,
    id: FamilyId,
    name: &str,
    recipients: Vec<EmailAddress>,
) -> Result<Family, String> {
    let mut once: Vec<EmailAddress> = Vec::with_capacity(recipients.len());
    for address in recipients {
        if !once.iter().any(|known| is_same(known, &address)) {
            once.push(address);
        }
    }
    Ok(Family {
        id,
        name: sound_name(name)?,
        recipients: once,
        timezone: context.zone(),
        notice_time: NOTICE_TIME,
        preferences: Preferences::default(),
        paused: false,
        created_at: context.now(),
        history: ScheduleHistory::default(),
        stopped: Vec::new(),
    })
}

/// Whether two addresses reach the same person: no server tells letters by their case.
fn is_same(one: &EmailAddress, other: &EmailAddress) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

fn sound_name(name: &str) -> Result<String, String> {
    let name = hippo_core::text::clean(name);
    if name.is_empty() {
        Err("The family's name is empty.".to_owned())
    } else {
        Ok(name)
    }
}

async fn add_family(context: &Context, add: Add) -> CommandResult {
    let mut family =
        new_family(context, add.id, &add.name, add.recipients).map_err(CommandError::Usage)?;
    add.wishes.apply_to_new(&mut family);
    context.store.add_family(&family).await?;
    context.output.document(&family);
    context.output.say(format!(
        "Added the family {} ({}). Its notice goes out at {} ({}){}.{}",
        family.id,
        family.name,
        family.notice_time.format("%H:%M"),
        family.timezone,
        when_words(family.preferences.proof_of_life),
        if family.due_dates(context.now()).is_empty() {
            ""
        } else {
            " That is past for today: the first notice goes out with the next notify-all."
        }
    ));
    Ok(Outcome::Done)
}

fn when_words(proof: ProofOfLife) -> String {
    match proof {
        ProofOfLife::Never => ", when there is something to say".to_owned(),
        ProofOfLife::Daily => " every day".to_owned(),
        ProofOfLife::Weekly(day) => format!(
            ", when there is something to say, and every {} in any case",
            long_name(day)
        ),
    }
}

fn long_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

async fn list(context: &Context) -> CommandResult {
    let families = context.store.families().await?;
    context.output.document(&families);
    if families.is_empty() {
        context
            .output
            .say("There are no families yet; “hippo family add --help” shows how to add one.");
        return Ok(Outcome::Done);
    }
    let mut table = Table::new([
        fixed("ID"),
        words("NAME"),
        words("TO"),
        fixed("AT"),
        words("ZONE"),
        fixed("WRITES"),
        fixed(""),
    ]);
    for family in &families {
        let recipients: Vec<String> = family
            .recipients
            .iter()
            .map(|address| match family.is_stopped(address) {
                true => format!("{address} (stopped)"),
                false => address.to_string(),
            })
            .collect();
        table.row([
            family.id.as_str().into(),
            family.name.as_str().into(),
            recipients.join(", ").into(),
            family.notice_time.format("%H:%M").to_string().into(),
            family.timezone.name().into(),
            proof_words(family.preferences.proof_of_life).into(),
            Cell::new(if family.paused { "paused" } else { "" }, Tone::Warning),
        ]);
    }
    context.output.table(&table);
    Ok(Outcome::Done)
}

fn proof_words(proof: ProofOfLife) -> String {
    match proof {
        ProofOfLife::Never => "when needed".to_owned(),
        ProofOfLife::Daily => "daily".to_owned(),
        ProofOfLife::Weekly(day) => format!("at least every {}", long_name(day)),
    }
}

async fn edit_family(context: &Context, edit: Edit) -> CommandResult {
    let before = context.family(&edit.id).await?;
    let mut family = before.clone();
    if let Some(name) = &edit.name {
        family.name = sound_name(name).map_err(CommandError::Usage)?;
    }
    edit.wishes.apply(&mut family, context.now());
    if family == before {
        if edit.name.is_none() && edit.wishes == Wishes::default() {
            return Err(CommandError::Usage(
                "Say what to change; “hippo family edit --help” lists it.".to_owned(),
            ));
        }
        context.output.document(&family);
        context
            .output
            .say(format!("The family {} is so already.", family.id));
        return Ok(Outcome::Done);
    }
    let what = "Changed the family";
    let next = family.next_due(context.now());
    match next.filter(|_| {
        !family.paused && family.next_due(context.now()) != before.next_due(context.now())
    }) {
        // A schedule counts from the next local date: today's notice keeps its time.
        Some(next) => {
            let next = moment(next, context.now(), family.timezone);
            let when = format!("The next notice is due at {next} ({}).", family.timezone);
            save_and_say(context, &family, what, &when).await
        }
        None => save(context, &family, what).await,
    }
}

async fn pause_family(context: &Context, pause: Pause) -> CommandResult {
    let mut family = context.family(&pause.id).await?;
    family.set_paused(!pause.resume, context.now());
    let what = if pause.resume {
        "Notes go out again to the family"
    } else {
        "No notices go out for now to the family"
    };
    save(context, &family, what).await
}

async fn remove_family(context: &Context, remove: Remove) -> CommandResult {
    let family = context.family(&remove.id).await?;
    let cards = context.store.cards_of(&family.id).await?.len();
    let question = format!(
        "Remove the family {} with {}?",
        family.id,
        count(cards, "card", "cards")
    );
    if !confirm(&question, remove.yes)? {
        context.output.say("Nothing was changed.");
        return Ok(Outcome::Done);
    }
    context.store.remove_family(&family.id).await?;
    context
        .output
        .document(&serde_json::json!({ "removed": family.id }));
    context.output.say(format!(
        "Removed the family {} with {}.",
        family.id,
        count(cards, "card", "cards")
    ));
    Ok(Outcome::Done)
}

async fn add_recipient(context: &Context, recipient: Recipient) -> CommandResult {
    let mut family = context.family(&recipient.id).await?;
    if family
        .recipients
        .iter()
        .any(|known| is_same(known, &recipient.address))
    {
        return Err(CommandError::Usage(format!(
            "The family {} has that address already; nothing was changed.",
            family.id
        )));
    }
    // First: written to the list and then not allowed, it would get nothing.
    let store = &context.store;
    store
        .allow_recipient(&family.id, &recipient.address)
        .await?;
    family.recipients.push(recipient.address);
    save(context, &family, "Added an address to the family").await
}

async fn remove_recipient(context: &Context, recipient: Recipient) -> CommandResult {
    let mut family = context.family(&recipient.id).await?;
    let before = family.recipients.len();
    family
        .recipients
        .retain(|address| !is_same(address, &recipient.address));
    if family.recipients.len() == before {
        return Err(no_such_address(&family.id));
    }
    let what = if family.recipients.is_empty() {
        "Removed the last address, so no notices can go out to the family"
    } else {
        "Removed an address from the family"
    };
    let store = &context.store;
    store.update_family(&family).await?;
    store
        .allow_recipient(&family.id, &recipient.address)
        .await?;
    say_saved(context, &family.id, what, "").await
}

async fn allow_recipient(context: &Context, recipient: Recipient) -> CommandResult {
    let family = context.family(&recipient.id).await?;
    if !family
        .recipients
        .iter()
        .any(|known| is_same(known, &recipient.address))
    {
        return Err(no_such_address(&family.id));
    }
    let store = &context.store;
    if !store
        .allow_recipient(&family.id, &recipient.address)
        .await?
    {
        return Err(CommandError::Usage(format!(
            "Nothing keeps mails from that address of the family {}; “hippo family list” shows which are \
             stopped.",
            family.id
        )));
    }
    say_saved(
        context,
        &family.id,
        "Mails go out again to that address of the family",
        "",
    )
    .await
}

fn no_such_address(family: &FamilyId) -> CommandError {
    CommandError::Usage(format!(
        "The family {family} has no such address; “hippo family list” shows them."
    ))
}

async fn save(context: &Context, family: &Family, what: &str) -> CommandResult {
    save_and_say(context, family, what, "").await
}

async fn save_and_say(context: &Context, family: &Family, what: &str, more: &str) -> CommandResult {
    context.store.update_family(family).await?;
    say_saved(context, &family.id, what, more).await
}

/// Says what was done, and shows the family as it is now.
async fn say_saved(context: &Context, id: &FamilyId, what: &str, more: &str) -> CommandResult {
    context.output.document(&context.family(id).await?);
    context
        .output
        .say(format!("{what} {id}. {more}").trim_end());
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_an_amount_or_never() {
        assert_eq!(fines_threshold("never"), Ok(Threshold(None)));
        assert_eq!(
            fines_threshold("2.50"),
            Ok(Threshold(Some(Decimal::new(250, 2))))
        );
        assert!(fines_threshold("2.500").is_ok());
        assert!(fines_threshold("2.505").is_err());
        assert!(fines_threshold("-1").is_err());
        assert!(fines_threshold("much").is_err());
    }
}
