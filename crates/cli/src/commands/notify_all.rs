//! `hippo notify-all`: sends every notice that is due.

use chrono::NaiveDate;
use clap::Args;
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::dry_run::{DryRunPorts, next_mail_date};
use hippo_core::jobs::notify::picture::MAX_TRIES;
use hippo_core::jobs::notify::send::{MailResult, unreachable_reason};
use hippo_core::jobs::registry::CountWording;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use hippo_core::schedule::Schedule;
use hippo_core::store::{PictureDay, PictureDayState};
use serde::Serialize;

use crate::commands::enqueued_run::follow_run;
use crate::context::{Context, Globals};
use crate::deployment::{NotifyAllAnswer, NotifyAllRequest, RunRequest};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::not_started::show_not_started;
use crate::notice_view::{addresses, state_cell};
use crate::output::table::{Table, fixed, words};
use crate::output::{count, time};
use crate::start_options::{StartOptions, read_checked_input};
use crate::suggested::HIPPO;
use crate::values::date;

/// Send every notice that is due.
///
/// Run it every 15 minutes: each family gets at most one notice a day, at its own time. It's
/// safe to start it twice at once, or again after a crash.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo notify-all
  hippo notify-all --dry-run                      # shows what it would send now
  hippo notify-all --dry-run --date 2026-11-20    # shows another day's notice

On AWS, it shows the progress of the stack's functions until they are done. Ctrl-C only stops watching.

Exit code 1: an email couldn't be sent.")]
pub(crate) struct NotifyAll {
    /// Show each family's notice. Sends and saves nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The families' local date. Today by default, at any time of day; a past date needs --dry-run.
    #[arg(long, value_parser = date)]
    pub(crate) date: Option<NaiveDate>,
    /// Only this family's notice.
    #[arg(long)]
    pub(crate) family: Option<FamilyId>,
    /// Whether to retry notices that the mail server refused; by default only if a person asks.
    #[arg(skip)]
    pub(crate) at_once: Option<bool>,
    /// Whether the input was given as JSON.
    #[arg(skip)]
    pub(crate) has_json_input: bool,
    /// Whether it is a run of `picture-of-the-day`, which sends pictures in place of notices.
    #[arg(skip)]
    pub(crate) sends_pictures: bool,
    #[command(flatten)]
    pub(crate) start: StartOptions,
}

impl NotifyAll {
    /// The job that is run.
    fn job(&self) -> JobName {
        match self.sends_pictures {
            true => JobName::PICTURE_OF_THE_DAY,
            false => JobName::NOTIFY_ALL,
        }
    }

    /// The kind of mail that it sends.
    fn kind(&self) -> MailKind {
        match self.sends_pictures {
            true => MailKind::PICTURE,
            false => MailKind::DAILY,
        }
    }

    /// The sentence to show if nothing is due.
    fn nothing_due(&self) -> String {
        match self.sends_pictures {
            true => format!(
                "No picture is due now. “{HIPPO} family list” shows who gets one, and when."
            ),
            false => format!("No notice is due now. “{HIPPO} status” says when the next one is."),
        }
    }

    /// Sets the input that the label's schedule declares, if no other is given.
    fn complete_from_schedule(&mut self, schedule: Schedule) -> Result<(), CommandError> {
        let is_given = self.has_json_input || self.date.is_some() || self.family.is_some();
        if !is_given {
            let has_at_once = schedule.input.contains_key("at_once");
            let input: NotifyAllInput = read_checked_input(schedule.input)?;
            self.at_once = has_at_once.then_some(input.at_once);
            self.family = input.family;
        }
        Ok(())
    }
}

/// Sends the due notices, or shows them.
pub(crate) async fn run(args: NotifyAll, globals: &Globals) -> CommandResult {
    notify_all(&globals.open().await?, args).await
}

/// Sends the due notices, or shows them, with an open context.
pub(crate) async fn notify_all(context: &Context, mut args: NotifyAll) -> CommandResult {
    let deployment = &*context.deployment;
    if let Some(schedule) = args.start.find_schedule(args.job(), deployment).await? {
        args.complete_from_schedule(schedule)?;
    }
    let families = match &args.family {
        Some(family)
            if args.start.records_mistakes(args.dry_run)
                && context.store.family(family).await?.is_none() =>
        {
            Vec::new()
        }
        family => context.families(family.as_ref()).await?,
    };
    if let Some(date) = args.date {
        check_date(context, &families, date, args.dry_run)?;
    }
    if args.dry_run && args.sends_pictures {
        return picture_dry_run(context, &families, args.date).await;
    }
    if args.dry_run {
        return dry_run(context, &families, args.date).await;
    }
    let key = args.start.run_key(
        args.job(),
        &context.deployment.default_label(args.job()),
        &*context.deployment,
        context.now(),
    )?;
    let request = NotifyAllRequest {
        run: RunRequest {
            key,
            started_by: args.start.started_by(),
            input: NotifyAllInput {
                date: args.date,
                family: args.family.clone(),
                at_once: false,
            },
        },
        at_once: args.at_once,
    };
    match context.deployment.notify_all(request).await? {
        NotifyAllAnswer::Done { run, notices } => {
            let mut notices: Vec<NoticeView> = notices.iter().map(NoticeView::from).collect();
            notices.sort_by(|a, b| (&a.family, a.date).cmp(&(&b.family, b.date)));
            show(context, &args, &run, &notices).await
        }
        NotifyAllAnswer::Recorded { run, notices } if notices > 0 => {
            follow_run(context, &args.start, &run).await
        }
        NotifyAllAnswer::Enqueued { run, notices } | NotifyAllAnswer::Recorded { run, notices } => {
            show_enqueued(context, &args, &run, notices).await
        }
        NotifyAllAnswer::NotStarted(reason) => {
            show_not_started(context, &args.start, &reason).await
        }
    }
}

#[derive(Serialize)]
struct EnqueuedNoticesDocument {
    run: String,
    notices: u64,
}

async fn show_enqueued(
    context: &Context,
    args: &NotifyAll,
    run: &RunKey,
    notices: u64,
) -> CommandResult {
    let CountWording { one, many, .. } = args.job().entry().wording;
    let enqueued = count(usize::try_from(notices).unwrap_or(usize::MAX), one, many);
    if !args.start.no_wait && notices > 0 {
        if !args.start.is_quiet() {
            context.output.print_text(format!("Sending {enqueued}."));
        }
        return follow_run(context, &args.start, run).await;
    }
    context.output.print_document(&EnqueuedNoticesDocument {
        run: run.to_string(),
        notices,
    });
    if !args.start.is_quiet() {
        context.output.print_text(match notices {
            0 => args.nothing_due(),
            _ => format!(
                "Sending {enqueued}. This goes on without the command; “{HIPPO} status” shows how far it is."
            ),
        });
    }
    Ok(Outcome::Done)
}

fn check_date(
    context: &Context,
    families: &[Family],
    date: NaiveDate,
    dry_run: bool,
) -> Result<(), CommandError> {
    let now = context.now();
    for family in families.iter().filter(|family| !family.is_paused_on(date)) {
        let today = local_date(now, family.timezone);
        if date > today {
            return Err(CommandError::usage(format!(
                "{date} hasn't come yet for the family {}, where it's {today}.",
                family.id
            )));
        }
        if date < today && !dry_run {
            return Err(CommandError::usage(format!(
                "{date} is past for the family {}, where it's {today}. We don't send notices for past days. To see it, \
                 add --dry-run.",
                family.id
            )));
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct DryRun {
    kind: MailKind,
    family: FamilyId,
    date: NaiveDate,
    subject: Option<String>,
    text: Option<String>,
    /// The addresses that would get it.
    recipients: usize,
    /// The addresses that wouldn't, because emails to them bounced or were marked as spam.
    stopped: usize,
    /// The addresses that wouldn't, because they unsubscribed.
    unsubscribed: usize,
    /// Why the notice would be FAILED.
    fails: Option<&'static str>,
    recorded: Option<MailState>,
    /// Whether the day is past or its notice is final, so that nothing more is sent.
    is_over: bool,
}

/// How many of the addresses that we could write to unsubscribed from a kind of email.
fn count_unsubscribed(family: &Family, kind: &MailKind) -> usize {
    family.reachable_recipients().len() - family.subscribed_recipients(kind).len()
}

async fn dry_run(context: &Context, families: &[Family], date: Option<NaiveDate>) -> CommandResult {
    let libraries = context.libraries().await?;
    let ports = DryRunPorts {
        accounts: &*context.store,
        outbox: &*context.store,
        libraries: &libraries,
        operator_contact: context.deployment.contact(),
        now: context.now(),
    };
    let mut shown = Vec::new();
    for family in families {
        let date = match date {
            Some(date) => date,
            None => next_mail_date(ports.outbox, &MailKind::DAILY, family, ports.now).await?,
        };
        let Some(notice) = ports.compose(family, date).await? else {
            continue;
        };
        let composed = notice.composed;
        let recorded = notice.recorded.map(|record| record.state);
        shown.push(DryRun {
            kind: MailKind::DAILY,
            family: family.id.clone(),
            date,
            recipients: family.subscribed_recipients(&MailKind::DAILY).len(),
            stopped: family.stopped_recipients().len(),
            unsubscribed: count_unsubscribed(family, &MailKind::DAILY),
            fails: composed
                .mail
                .as_ref()
                .and_then(|_| unreachable_reason(family)),
            is_over: notice.is_over,
            recorded,
            subject: composed.mail.as_ref().map(|mail| mail.subject.clone()),
            text: composed.mail.map(|mail| mail.text),
        });
    }
    context.output.print_document(&shown);
    for notice in &shown {
        print_dry_run(context, notice);
    }
    if shown.is_empty() {
        context.output.print_text("There is no family to send to.");
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct PictureDryRun {
    kind: MailKind,
    family: FamilyId,
    date: NaiveDate,
    /// The addresses that would get it.
    recipients: usize,
    /// The addresses that wouldn't, because emails to them bounced or were marked as spam.
    stopped: usize,
    /// The addresses that wouldn't, because they unsubscribed.
    unsubscribed: usize,
    recorded: Option<MailState>,
    /// Whether the day is past or its mail is final, so that nothing more is sent.
    is_over: bool,
    /// How far the date's picture got.
    picture: Option<PictureDay>,
}

/// Shows the pictures that would be sent. Fetches none: a picture is shown as far as it is stored.
async fn picture_dry_run(
    context: &Context,
    families: &[Family],
    date: Option<NaiveDate>,
) -> CommandResult {
    if let Some(problem) = context.deployment.picture_problem() {
        return Err(problem.into());
    }
    let now = context.now();
    let mut shown = Vec::new();
    for family in families {
        let Some(family) = family.with_schedule_of(&MailKind::PICTURE) else {
            continue;
        };
        let today = local_date(now, family.timezone);
        let date = match date {
            Some(date) => date,
            None => next_mail_date(&*context.store, &MailKind::PICTURE, &family, now).await?,
        };
        if family.is_paused_on(date) {
            continue;
        }
        let key = MailKey::new(MailKind::PICTURE, family.id.clone(), date);
        let recorded = context.store.mail(&key).await?;
        let has_passed = date < today && family.has_passed(date, now);
        shown.push(PictureDryRun {
            kind: MailKind::PICTURE,
            family: family.id.clone(),
            date,
            recipients: family.subscribed_recipients(&MailKind::PICTURE).len(),
            stopped: family.stopped_recipients().len(),
            unsubscribed: count_unsubscribed(&family, &MailKind::PICTURE),
            is_over: has_passed || recorded.as_ref().is_some_and(OutboxRecord::is_over),
            recorded: recorded.map(|record| record.state),
            picture: context.store.picture_day(date).await?,
        });
    }
    context.output.print_document(&shown);
    for one in &shown {
        let recorded = one.recorded;
        let recorded = recorded.map(|state| format!(" (already {})", state.as_str()));
        let to = match one.is_over {
            true => ": there is nothing to send".to_owned(),
            false => format!(
                ", to {}",
                addresses(one.recipients, one.stopped, one.unsubscribed)
            ),
        };
        context.output.print_text(format!(
            "== {}, {}{}{to}\n{}\n",
            one.family,
            one.date,
            recorded.unwrap_or_default(),
            describe_picture(one.picture.as_ref())
        ));
    }
    if shown.is_empty() {
        context
            .output
            .print_text("No family wants the picture of the day.");
    }
    Ok(Outcome::Done)
}

/// How far a date's picture got, in a sentence.
fn describe_picture(day: Option<&PictureDay>) -> String {
    let Some(day) = day else {
        return "The picture hasn't been fetched yet.".to_owned();
    };
    match &day.state {
        PictureDayState::Trying => "The picture is being fetched.".to_owned(),
        PictureDayState::Fetched(picture) => match &picture.title {
            Some(title) => format!("The picture is “{}”.", hippo_core::text::clean(title)),
            None => "The picture has been fetched. It has no title.".to_owned(),
        },
        PictureDayState::NoneToday { .. } => "The source has no new picture.".to_owned(),
        PictureDayState::Failed { failure } => {
            format!(
                "Try {} of {MAX_TRIES} to get the picture failed. {failure}",
                day.tries
            )
        }
    }
}

fn print_dry_run(context: &Context, notice: &DryRun) {
    let recorded = notice
        .recorded
        .map(|state| format!(" (already {})", state.as_str()))
        .unwrap_or_default();
    let head = format!("== {}, {}{recorded}", notice.family, notice.date);
    match (&notice.subject, &notice.text) {
        (Some(subject), Some(text)) => {
            let to = match notice.fails {
                _ if notice.is_over => {
                    "to nobody, because this day's notice is final. It would say:".to_owned()
                }
                Some(why) => format!("to nobody; the notice would be FAILED. {why}"),
                None => format!(
                    "to {}",
                    addresses(notice.recipients, notice.stopped, notice.unsubscribed)
                ),
            };
            context.output.print_text(format!(
                "{head}, {to}\nSubject: {subject}\n\n{}\n",
                text.trim_end()
            ));
        }
        _ => context
            .output
            .print_text(format!("{head}\nNothing to say.\n")),
    }
}

#[derive(Serialize)]
struct NotifyRunDocument<'a> {
    run: &'a Run,
    notices: &'a [NoticeView],
}

#[derive(Serialize)]
struct NoticeView {
    kind: MailKind,
    family: FamilyId,
    date: NaiveDate,
    state: MailState,
    subject: Option<String>,
    reason: Option<String>,
}

impl From<&MailResult> for NoticeView {
    fn from(result: &MailResult) -> Self {
        Self {
            kind: result.kind.clone(),
            family: result.family.clone(),
            date: result.date,
            state: result.state,
            subject: result.subject.clone(),
            reason: result.reason.clone(),
        }
    }
}

async fn show(
    context: &Context,
    args: &NotifyAll,
    run: &Run,
    notices: &[NoticeView],
) -> CommandResult {
    context
        .output
        .print_document(&NotifyRunDocument { run, notices });
    let outcome =
        Outcome::failed_if(run.counts.failures() > 0 || run.outcome == RunOutcome::Interrupted);
    if context.output.json || (args.start.is_quiet() && outcome == Outcome::Done) {
        return Ok(outcome);
    }
    if notices.is_empty() {
        if !show_final_notices(context, args).await? {
            context.output.print_text(args.nothing_due());
        }
    } else {
        let mut table = Table::new([
            words("FAMILY"),
            fixed("DATE"),
            fixed("STATE"),
            words("SUBJECT"),
        ]);
        for notice in notices {
            table.row([
                notice.family.as_str().into(),
                notice.date.to_string().into(),
                state_cell(notice.state),
                notice
                    .subject
                    .as_deref()
                    .unwrap_or_else(|| match (args.sends_pictures, notice.state) {
                        (true, MailState::Skipped) => "no picture",
                        // The reason is printed below the table.
                        (_, MailState::Skipped) if notice.reason.is_some() => "not sent",
                        (_, state) => without_subject(state),
                    })
                    .into(),
            ]);
        }
        context.output.print_table(&table);
        for notice in notices {
            if let Some(reason) = &notice.reason {
                context.output.print_text(format!(
                    "{}, {}: {}",
                    notice.family,
                    notice.date,
                    hippo_core::text::clean(reason)
                ));
            }
        }
        let sent = usize::try_from(run.counts.done).unwrap_or(usize::MAX);
        let CountWording { one, many, .. } = args.job().entry().wording;
        context.output.print_text(format!(
            "Sent {} to {} in {}.",
            count(sent, one, many),
            context.deployment.mail_destination(),
            time::duration(run.duration(context.now()))
        ));
    }
    Ok(outcome)
}

/// Returns the text to show for a notice without a subject.
fn without_subject(state: MailState) -> &'static str {
    match state {
        MailState::Skipped => "nothing to say",
        MailState::Missed => "not sent that day",
        MailState::GaveUp => "we can't tell whether it was sent",
        MailState::Failed => "couldn't be sent",
        MailState::Sent => "sent before",
        MailState::Newer => "a newer version of hippo has it",
        MailState::Pending | MailState::Claimed => "not sent yet",
        MailState::Sending | MailState::Unknown => "being sent, or lost",
    }
}

/// Reports notices that were final before; returns whether there was one.
async fn show_final_notices(context: &Context, args: &NotifyAll) -> Result<bool, CommandError> {
    if args.date.is_none() && args.family.is_none() {
        return Ok(false);
    }
    let mut has_printed = false;
    for family in context.families(args.family.as_ref()).await? {
        let today = local_date(context.now(), family.timezone);
        let date = args.date.unwrap_or(today);
        let Some(record) = context
            .store
            .mail(&MailKey::new(args.kind(), family.id.clone(), date))
            .await?
        else {
            continue;
        };
        if record.state.is_final() {
            let reason = record.reason.as_deref().map(hippo_core::text::clean);
            context.output.print_text(format!(
                "The {} of {} for {date} has been {} since {}. Nothing more happens for this day. {}",
                args.job().entry().wording.one,
                family.id,
                record.state.as_str(),
                time::moment(record.changed_at, context.now(), context.zone()),
                reason.unwrap_or_default()
            ).trim_end());
            has_printed = true;
        }
    }
    Ok(has_printed)
}
