//! `hippo family`: manages families and their recipients.

mod preferences;
mod recipients;
mod save;
mod sign_out;

use chrono::{NaiveDate, NaiveTime, Weekday};
use clap::{Args, Subcommand};
use hippo_core::audit::Change;
use hippo_core::clock::local_date;
use hippo_core::email_address::EmailAddress;
use hippo_core::family::schedule::{MAX_PAUSE, ScheduleHistory};
use hippo_core::family::{Family, Preferences, SendWhenEmpty};
use hippo_core::former_recipient::end_sign_ins;
use hippo_core::ids::FamilyId;
use hippo_core::outbox::MailKey;

pub(crate) use self::preferences::{PreferenceOptions, fines_threshold, weekday};
use self::recipients::{Recipient, is_same};
use self::save::save_and_print;
use self::sign_out::SignOut;
use crate::ask::confirm;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::next_notice::NextNotice;
use crate::output::count;
use crate::output::table::{Cell, Table, Tone, fixed, sentences, words};
use crate::output::time::{at_moment, day};
use crate::schedule_remarks::show_unknown_names;
use crate::suggested::HIPPO;
use crate::values::date;

/// The default time of day of a notice.
pub(crate) const NOTICE_TIME: NaiveTime = match NaiveTime::from_hms_opt(6, 30, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// The subcommands of `hippo family`.
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
    Resume(Resume),
    Remove(Remove),
    /// Add an address that gets a family's notices.
    #[command(after_help = "Example:\n  hippo family add-recipient conrad sam@example.org")]
    AddRecipient(Recipient),
    /// Remove an address that gets a family's notices.
    #[command(after_help = "Example:\n  hippo family remove-recipient conrad sam@example.org")]
    RemoveRecipient(Recipient),
    /// Send again to an address that bounced, marked an email as spam, or unsubscribed.
    #[command(after_help = "Example:\n  hippo family allow-recipient conrad sam@example.org")]
    AllowRecipient(Recipient),
    /// Sign an address out of the pages everywhere, and unlink its accounts elsewhere.
    #[command(after_help = "\
Example:
  hippo family sign-out pat@example.org

It works for the operator's address, too. To sign in again, that person needs an email.")]
    SignOut(SignOut),
}

/// Add a family.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo family add conrad --name \"The Conrads\" --to pat@example.org
  hippo family add lee --name Lee --to lee@example.org \\
      --timezone Europe/Berlin --time 07:00 --weekly monday")]
pub(crate) struct Add {
    /// A short name of your choice: lower-case letters, digits and hyphens.
    id: FamilyId,
    /// The name in emails.
    #[arg(long)]
    name: String,
    /// Who gets the emails. Repeat it for several addresses.
    #[arg(long = "to", value_name = "ADDRESS", required = true)]
    recipients: Vec<EmailAddress>,
    #[command(flatten)]
    preferences: PreferenceOptions,
}

/// Change a family.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo family edit conrad --time 07:00 --due-within-days 5
  hippo family edit conrad --fines-threshold never --only-when-needed
  hippo family edit conrad --picture --picture-time 07:30

To change addresses: “hippo family add-recipient” and “hippo family remove-recipient”.")]
pub(crate) struct Edit {
    /// The family.
    id: FamilyId,
    /// The name in emails.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    preferences: PreferenceOptions,
}

/// Pause a family's notices.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo family pause conrad
  hippo family pause conrad --until 2026-12-01
  hippo family pause conrad --from 2026-12-20 --until 2027-01-03

To end it: “hippo family resume”.")]
pub(crate) struct Pause {
    /// The family.
    id: FamilyId,
    /// The first day with a notice again, in the family's time zone. By default they stay paused until
    /// you resume them.
    #[arg(long, value_name = "DATE", value_parser = date)]
    until: Option<NaiveDate>,
    /// The first day without a notice. By default today.
    #[arg(long, value_name = "DATE", value_parser = date)]
    from: Option<NaiveDate>,
}

/// Resume a family's notices.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo family resume conrad")]
pub(crate) struct Resume {
    /// The family.
    id: FamilyId,
}

/// Remove a family and its cards.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo family remove conrad --yes")]
pub(crate) struct Remove {
    /// The family.
    id: FamilyId,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
}

/// Runs the subcommand.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    match command {
        Command::Add(add) => add_family(&context, add).await,
        Command::List => list(&context).await,
        Command::Edit(edit) => edit_family(&context, edit).await,
        Command::Pause(pause) => pause_family(&context, pause).await,
        Command::Resume(resume) => resume_family(&context, resume).await,
        Command::Remove(remove) => remove_family(&context, remove).await,
        Command::AddRecipient(recipient) => recipients::add(&context, recipient).await,
        Command::RemoveRecipient(recipient) => recipients::remove(&context, recipient).await,
        Command::AllowRecipient(recipient) => recipients::allow(&context, recipient).await,
        Command::SignOut(sign_out) => sign_out::run(&context, sign_out).await,
    }
}

/// Creates a family with the default preferences.
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
        name: clean_family_name(name)?,
        recipients: once,
        timezone: context.zone(),
        notice_time: NOTICE_TIME,
        preferences: Preferences::default(),
        paused: false,
        paused_since: None,
        paused_until: None,
        created_at: context.now(),
        history: ScheduleHistory::default(),
        stopped: Vec::new(),
        unsubscribed: Vec::new(),
    })
}

fn clean_family_name(name: &str) -> Result<String, String> {
    let name = hippo_core::text::clean(name);
    if name.is_empty() {
        Err("The family's name is empty.".to_owned())
    } else {
        Ok(name)
    }
}

async fn add_family(context: &Context, add: Add) -> CommandResult {
    let mut family =
        new_family(context, add.id, &add.name, add.recipients).map_err(CommandError::usage)?;
    add.preferences.apply_to_new(&mut family);
    context.store.add_family(&family).await?;
    context.output.print_document(&family);
    context.output.print_text(format!(
        "Added the family {} ({}). Its notice goes out at {} ({}){}.{}",
        family.id,
        family.name,
        family.notice_time.format("%H:%M"),
        family.timezone,
        send_policy_sentence(family.preferences.send_when_empty),
        if family.due_dates(context.now()).is_empty() {
            ""
        } else {
            " It's already past that time today, so the first notice goes out on the next run."
        }
    ));
    Ok(Outcome::Done)
}

fn send_policy_sentence(policy: SendWhenEmpty) -> String {
    match policy {
        SendWhenEmpty::Never => " when there is something to say".to_owned(),
        SendWhenEmpty::Daily => " every day".to_owned(),
        SendWhenEmpty::Weekly(day) => format!(
            " when there is something to say, and every {} in any case",
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
    let now = context.now();
    let mut families = context.store.families().await?;
    for family in &mut families {
        family.end_expired_pause(now);
    }
    context.output.print_document(&families);
    if families.is_empty() {
        context.output.print_text(
            "There are no families yet. “hippo family add --help” shows how to add one.",
        );
        return Ok(Outcome::Done);
    }
    let mut columns = vec![
        fixed("ID"),
        words("NAME"),
        sentences("TO"),
        fixed("AT"),
        words("ZONE"),
        fixed("SENDS"),
    ];
    let has_picture = |family: &Family| family.preferences.picture.is_some();
    let with_pictures = families.iter().any(has_picture);
    columns.extend(with_pictures.then(|| fixed("PICTURE")));
    columns.push(fixed(""));
    let mut table = Table::new(columns);
    for family in &families {
        let recipients: Vec<String> = family
            .recipients
            .iter()
            .map(|address| recipients::describe(family, address))
            .collect();
        let mut row: Vec<Cell> = vec![
            family.id.as_str().into(),
            family.name.as_str().into(),
            recipients.join(", ").into(),
            family.notice_time.format("%H:%M").to_string().into(),
            family.timezone.name().into(),
            send_policy_words(family.preferences.send_when_empty).into(),
        ];
        if with_pictures {
            let time = family.preferences.picture.map(|picture| picture.time);
            row.push(
                time.map_or_else(String::new, |time| time.format("%H:%M").to_string())
                    .into(),
            );
        }
        row.push(Cell::new(
            describe_family_pause(context, family),
            Tone::Warning,
        ));
        table.row(row);
    }
    context.output.print_table(&table);
    Ok(Outcome::Done)
}

fn send_policy_words(policy: SendWhenEmpty) -> String {
    match policy {
        SendWhenEmpty::Never => "when needed".to_owned(),
        SendWhenEmpty::Daily => "daily".to_owned(),
        SendWhenEmpty::Weekly(day) => format!("at least every {}", long_name(day)),
    }
}

/// Says whether a family's notices are paused, and until when.
fn describe_family_pause(context: &Context, family: &Family) -> String {
    let now = context.now();
    let today = local_date(now, family.timezone);
    let since = family.next_pause(now).map(|since| day(since, today));
    let until = family.paused_until.map(|until| day(until, today));
    match (family.paused, since, until) {
        (false, ..) => String::new(),
        (true, None, None) => "paused".to_owned(),
        (true, None, Some(until)) => format!("paused, resumes {until}"),
        (true, Some(since), None) => format!("paused from {since}"),
        (true, Some(since), Some(until)) => format!("paused from {since}, resumes {until}"),
    }
}

async fn edit_family(context: &Context, edit: Edit) -> CommandResult {
    let mut before = context.family(&edit.id).await?;
    before.end_expired_pause(context.now());
    let mut family = before.clone();
    if let Some(name) = &edit.name {
        family.name = clean_family_name(name).map_err(CommandError::usage)?;
    }
    edit.preferences.apply(&mut family, context.now());
    if family == before {
        if edit.name.is_none() && edit.preferences == PreferenceOptions::default() {
            return Err(CommandError::usage(
                "Say what to change. “hippo family edit --help” lists the options.",
            ));
        }
        context.output.print_document(&family);
        context.output.print_text(format!(
            "The family {} already has these settings. Nothing was changed.",
            family.id
        ));
        return Ok(Outcome::Done);
    }
    let what = "Changed the family";
    let schedule = |family: &Family| (family.timezone, family.notice_time);
    let picture = picture_sentence(&before, &family);
    if family.paused || schedule(&family) == schedule(&before) {
        return save_and_print(context, &family, Change::SettingsChanged, what, &picture).await;
    }
    let when = when_next(context, &family).await?;
    let more = format!("{when} {picture}");
    save_and_print(
        context,
        &family,
        Change::SettingsChanged,
        what,
        more.trim_end(),
    )
    .await
}

/// Says what changed about the picture of the day; empty if nothing did.
fn picture_sentence(before: &Family, after: &Family) -> String {
    match (before.preferences.picture, after.preferences.picture) {
        (before, after) if before == after => String::new(),
        (_, Some(picture)) => format!(
            "The picture of the day goes out at {} ({}).",
            picture.time.format("%H:%M"),
            after.timezone
        ),
        (_, None) => "It no longer gets the picture of the day.".to_owned(),
    }
}

/// Explains when the next notices go out; a waiting notice keeps its own day's time.
async fn when_next(context: &Context, family: &Family) -> Result<String, CommandError> {
    let next = NextNotice::find(context, family).await?;
    let sentence = next.sentence(context, family);
    Ok(match (&next, family.next_due(context.now())) {
        (NextNotice::Overdue { .. }, Some(after)) => format!(
            "{sentence}. The one after that is due {}.",
            at_moment(after, context.now(), family.timezone)
        ),
        _ => format!("{sentence}."),
    })
}

async fn pause_family(context: &Context, pause: Pause) -> CommandResult {
    let now = context.now();
    let mut family = context.family(&pause.id).await?;
    let today = local_date(now, family.timezone);
    if let Some(until) = pause.until.filter(|until| *until <= today) {
        return Err(CommandError::usage(format!(
            "--until {until} isn't after today, {today}. Give the first day on which {} gets a notice again.",
            family.id
        )));
    }
    if let Some(until) = pause.until.filter(|until| *until - today > MAX_PAUSE) {
        return Err(CommandError::usage(format!(
            "--until {until} is more than two years away. Leave --until out to pause until somebody resumes them."
        )));
    }
    let since = pause.from.unwrap_or(today);
    if family.is_paused_at(now) && since > today {
        return Err(CommandError::usage(format!(
            "The family {} is paused already, so --from {since} would change nothing. To give this pause another end, \
             leave --from out.",
            family.id
        )));
    }
    if since < today || pause.until.is_some_and(|until| until <= since) {
        return Err(CommandError::usage(format!(
            "--from {since} must be today, {today}, or later, and before --until."
        )));
    }
    if since - today > MAX_PAUSE {
        return Err(CommandError::usage(format!(
            "--from {since} is more than two years away."
        )));
    }
    family.pause_from(since, pause.until, now);
    let when = match pause.until {
        None => String::new(),
        Some(_) => when_next(context, &family).await?,
    };
    let begins = match family.next_pause(now) {
        None => String::new(),
        Some(since) => format!("The pause begins {}. ", day(since, today)),
    };
    save_and_print(
        context,
        &family,
        Change::MailsPaused,
        "Paused notices for",
        &format!("{begins}{when}"),
    )
    .await
}

async fn resume_family(context: &Context, resume: Resume) -> CommandResult {
    let now = context.now();
    let mut family = context.family(&resume.id).await?;
    family.end_expired_pause(now);
    if !family.paused {
        context.output.print_document(&family);
        context.output.print_text(format!(
            "The family {} isn't paused. Nothing was changed.",
            family.id
        ));
        return Ok(Outcome::Done);
    }
    family.resume(now);
    let when = when_next(context, &family).await?;
    let when = format!("{when}{}", describe_skipped_notice(context, &family).await?);
    save_and_print(
        context,
        &family,
        Change::MailsResumed,
        "Resumed notices for",
        &when,
    )
    .await
}

/// Says how to send today's notice, if the pause kept it from being sent; empty if not.
async fn describe_skipped_notice(
    context: &Context,
    family: &Family,
) -> Result<String, CommandError> {
    let today = local_date(context.now(), family.timezone);
    let key = MailKey::daily(family.id.clone(), today);
    let record = context.store.mail(&key).await?;
    let is_skipped = record.is_some_and(|record| record.is_skipped_for_paused_family());
    Ok(match is_skipped {
        true => format!(
            " Today's was skipped; “{HIPPO} notices resend {} {today}” sends it.",
            family.id
        ),
        false => String::new(),
    })
}

async fn remove_family(context: &Context, remove: Remove) -> CommandResult {
    let family = context.family(&remove.id).await?;
    let cards = context.store.family_cards(&family.id).await?.len();
    let question = format!(
        "Remove the family {} and {}?",
        family.id,
        count(cards, "card", "cards")
    );
    if !confirm(&question, remove.yes)? {
        context.output.print_text("Nothing was changed.");
        return Ok(Outcome::Done);
    }
    context.store.remove_family(&family.id).await?;
    for recipient in &family.recipients {
        end_sign_ins(&*context.store, &[], recipient).await?;
    }
    context
        .output
        .print_document(&serde_json::json!({ "removed": family.id }));
    context.output.print_text(format!(
        "Removed the family {} and {}.",
        family.id,
        count(cards, "card", "cards")
    ));
    let schedules = context.deployment.saved_schedules().await?;
    show_unknown_names(context, &schedules).await?;
    Ok(Outcome::Done)
}
