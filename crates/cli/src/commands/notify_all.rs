//! `hippo notify-all`: sends every notice that is due.

use std::collections::BTreeMap;
use std::sync::Mutex;

use chrono::{Duration, NaiveDate};
use clap::Args;
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::compose::{Composers, compose_notice};
use hippo_core::jobs::notify::run::{self as job, Progress};
use hippo_core::jobs::notify::send::{MailResult, NotifyPorts, nobody_reachable};
use hippo_core::library::Library;
use hippo_core::mail::Mailer;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::run::ledger::RunPlan;
use hippo_core::run::{Job, Run, RunOutcome, Trigger};
use hippo_core::store::RunStart;
use serde::Serialize;

use crate::args::date;
use crate::commands::check_cards::{Schedule, say_not_begun};
use crate::commands::start;
use crate::context::{Context, Globals, Place};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::following::Following;
use crate::output::progress::Progress as Bar;
use crate::output::table::{Cell, Table, Tone, fixed, words};
use crate::output::{count, time};
use crate::stop::Stop;

/// How long runs and notices are kept.
const KEPT: Duration = Duration::days(35);

/// Send every notice that is due.
///
/// Started every quarter of an hour it sends each family at most one notice a day, at the family's own
/// time. Started twice at once, or again after a crash, it sends no second one.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo notify-all
  hippo notify-all --dry-run                      # what each would be told now
  hippo notify-all --dry-run --date 2026-11-20    # in the words of another day

Exit code 1: a mail could not be sent.")]
pub(crate) struct NotifyAll {
    /// Print what each family would be told; send and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The families' local date; today whatever the time of day. A past one only with --dry-run.
    #[arg(long, value_parser = date)]
    pub(crate) date: Option<NaiveDate>,
    /// Only this family's notice.
    #[arg(long)]
    pub(crate) family: Option<FamilyId>,
    /// Whether to send also what waits since the mail server refused it for now; by default where a
    /// person asks.
    #[arg(skip)]
    pub(crate) at_once: Option<bool>,
    #[command(flatten)]
    pub(crate) schedule: Schedule,
}

/// What a sending that was broken off leaves behind.
const AFTER_SECOND: &str =
    "A mail that was under way may or may not have left: “hippo status” names it.";

/// What sending needs beside the store.
struct Sending<'a> {
    context: &'a Context,
    composers: Composers,
    mailer: Box<dyn Mailer>,
    libraries: BTreeMap<LibraryId, Library>,
}

impl<'a> Sending<'a> {
    async fn new(context: &'a Context) -> Result<Self, CommandError> {
        Ok(Self {
            composers: Composers::default(),
            mailer: context.mailer()?,
            libraries: context.libraries().await?,
            context,
        })
    }

    fn ports(&'a self) -> NotifyPorts<'a> {
        let store = &*self.context.store;
        NotifyPorts {
            families: store,
            accounts: store,
            outbox: store,
            alerts: store,
            composers: &self.composers,
            mailer: &*self.mailer,
            clock: &*self.context.clock,
            libraries: &self.libraries,
            operator_contact: self.context.contact(),
        }
    }
}

/// Sends what is due, or says what would be sent.
pub(crate) async fn run(asked: NotifyAll, globals: &Globals) -> CommandResult {
    notify_all(&globals.open().await?, asked).await
}

/// Sends what is due, or says what would be sent, in an opened home.
pub(crate) async fn notify_all(context: &Context, asked: NotifyAll) -> CommandResult {
    let families = context.families(asked.family.as_ref()).await?;
    if let Some(date) = asked.date {
        check_date(context, &families, date, asked.dry_run)?;
    }
    if asked.dry_run {
        dry_run(context, &families, asked.date).await
    } else if let Place::Aws(stack) = &context.place {
        start::notify_all(context, stack, &asked).await
    } else {
        send(context, asked).await
    }
}

fn check_date(
    context: &Context,
    families: &[Family],
    date: NaiveDate,
    dry_run: bool,
) -> Result<(), CommandError> {
    let now = context.now();
    for family in families.iter().filter(|family| !family.paused) {
        let today = local_date(now, family.timezone);
        if date > today {
            return Err(CommandError::Usage(format!(
                "{date} has not come yet for the family {}, where it is {today}.",
                family.id
            )));
        }
        if date < today && !dry_run {
            return Err(CommandError::Usage(format!(
                "{date} is past for the family {}, where it is {today}: no notice is sent for a past day. \
                 With --dry-run you see what it would have said.",
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
    /// To how many it would go.
    recipients: usize,
    /// To how many it would not, since mails to them came back or were complained about.
    stopped: usize,
    /// Why the notice would be FAILED, if it would.
    fails: Option<&'static str>,
    recorded: Option<MailState>,
    /// Nothing goes out for this day any more: it is past, or its notice is settled.
    is_over: bool,
}

/// The date of the notice that would leave now: yesterday’s, where it leaves after midnight.
async fn next_to_leave(
    context: &Context,
    family: &Family,
    today: NaiveDate,
) -> Result<NaiveDate, CommandError> {
    for date in family.due_dates(context.now()) {
        let recorded = context
            .store
            .mail(&MailKey::daily(family.id.clone(), date))
            .await?;
        if date < today && recorded.is_none_or(|record| !record.state.is_final()) {
            return Ok(date);
        }
    }
    Ok(today)
}

async fn dry_run(context: &Context, families: &[Family], date: Option<NaiveDate>) -> CommandResult {
    let sending = Sending::new(context).await?;
    let mut shown = Vec::new();
    for family in families.iter().filter(|family| !family.paused) {
        let today = local_date(context.now(), family.timezone);
        let date = match date {
            Some(date) => date,
            None => next_to_leave(context, family, today).await?,
        };
        let has_passed = date < today && family.has_passed(date, context.now());
        // The words of the day on which it leaves; of one that leaves no more, those of its own.
        let says_today = if has_passed { date } else { today };
        let Some(loaded) = context.store.load_family(&family.id).await? else {
            continue;
        };
        let input = sending.ports().compose_input(&loaded, date, says_today);
        let composed = compose_notice(&input).await?;
        let recorded = context
            .store
            .mail(&MailKey::daily(family.id.clone(), date))
            .await?;
        let is_over = has_passed || recorded.as_ref().is_some_and(OutboxRecord::is_over);
        let recorded = recorded.map(|record| record.state);
        shown.push(DryRun {
            kind: MailKind::DAILY,
            family: family.id.clone(),
            date,
            recipients: family.reachable_recipients().len(),
            stopped: family.stopped_recipients().len(),
            fails: composed
                .mail
                .as_ref()
                .and_then(|_| nobody_reachable(family)),
            is_over,
            recorded,
            subject: composed.mail.as_ref().map(|mail| mail.subject.clone()),
            text: composed.mail.map(|mail| mail.text),
        });
    }
    context.output.document(&shown);
    for notice in &shown {
        say_dry_run(context, notice);
    }
    if shown.is_empty() {
        context.output.say("There is no family to tell.");
    }
    Ok(Outcome::Done)
}

fn say_dry_run(context: &Context, notice: &DryRun) {
    let recorded = notice
        .recorded
        .map(|state| format!(" (its notice is {} on record)", state.as_str()))
        .unwrap_or_default();
    let head = format!("== {}, {}{recorded}", notice.family, notice.date);
    match (&notice.subject, &notice.text) {
        (Some(subject), Some(text)) => {
            let to = match notice.fails {
                _ if notice.is_over => {
                    "to nobody: nothing more goes out for this day. What it would say:".to_owned()
                }
                Some(why) => format!("to nobody: this notice would be FAILED. {why}"),
                None => format!("to {}", addresses(notice.recipients, notice.stopped)),
            };
            context.output.say(format!(
                "{head}, {to}\nSubject: {subject}\n\n{}\n",
                text.trim_end()
            ));
        }
        _ => context.output.say(format!("{head}\nNothing to say.\n")),
    }
}

#[derive(Serialize)]
struct Document<'a> {
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

async fn send(context: &Context, asked: NotifyAll) -> CommandResult {
    let sending = Sending::new(context).await?;
    let input = NotifyAllInput {
        date: asked.date,
        family: asked.family.clone(),
        at_once: asked
            .at_once
            .unwrap_or_else(|| !asked.schedule.is_schedule()),
    };
    let stop = Stop::listen("the mails that were begun are being finished", AFTER_SECOND);
    let settled: Mutex<Vec<NoticeView>> = Mutex::default();
    let result = {
        let bar = Bar::new("notices");
        let progress = |progress: Progress<'_>| match progress {
            Progress::Planned(notices) => bar.planned(notices),
            Progress::Settled(result) => {
                bar.one_done();
                if let Ok(mut settled) = settled.lock() {
                    settled.push(NoticeView::from(result));
                }
            }
        };
        start(&sending, &asked, &input, &stop, &progress).await?
    };
    if result.is_ok() {
        // Not where the run did not begin: its clock may be in doubt.
        context.store.forget_before(context.now() - KEPT).await?;
    }
    let mut settled = settled.into_inner().unwrap_or_default();
    settled.sort_by(|a, b| (&a.family, a.date).cmp(&(&b.family, b.date)));
    match result {
        Ok(run) => show(context, &asked, &run, &settled).await,
        Err(not_begun) => Ok(say_not_begun(context, &asked.schedule, &not_begun)),
    }
}

async fn start(
    sending: &Sending<'_>,
    asked: &NotifyAll,
    input: &NotifyAllInput,
    stop: &Stop,
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<Result<Run, RunStart>, CommandError> {
    let context = sending.context;
    let is_schedule = asked.schedule.is_schedule();
    let jobs = &context.here()?.config.jobs;
    let mut key = asked
        .schedule
        .key(Job::NotifyAll, "all", Some(jobs), context.now())?;
    let following = Following::new(context, is_schedule)?;
    let mail = following.mail();
    let after = following.after(mail.as_ref());
    let rules = jobs.rules(key.job, &key.label);
    loop {
        let plan = RunPlan {
            key: key.clone(),
            trigger: if is_schedule {
                Trigger::Schedule
            } else {
                Trigger::Person
            },
            input: serde_json::to_value(input).unwrap_or_default(),
            // Two at once are safe: each notice is claimed by one of them.
            allow_overlap: true,
            rules: rules.clone(),
            after: Some(&after),
        };
        let result = job::notify_all(
            &sending.ports(),
            &*context.store,
            plan,
            input,
            stop,
            progress,
        )
        .await?;
        match result {
            // A person who asks twice within a second means two runs.
            Err(RunStart::AlreadyRan(_)) if !is_schedule => {
                key.scheduled_time += Duration::milliseconds(1);
            }
            result => return Ok(result),
        }
    }
}

async fn show(
    context: &Context,
    asked: &NotifyAll,
    run: &Run,
    settled: &[NoticeView],
) -> CommandResult {
    context.output.document(&Document {
        run,
        notices: settled,
    });
    let outcome =
        Outcome::failed_if(run.counts.failures() > 0 || run.outcome == RunOutcome::Interrupted);
    if context.output.json || (asked.schedule.is_quiet() && outcome == Outcome::Done) {
        return Ok(outcome);
    }
    if settled.is_empty() {
        if !say_what_is_on_record(context, asked).await? {
            context
                .output
                .say("No notice is due now; “hippo status” says when the next one is.");
        }
    } else {
        let mut table = Table::new([
            words("FAMILY"),
            fixed("DATE"),
            fixed("STATE"),
            words("SUBJECT"),
        ]);
        for notice in settled {
            table.row([
                notice.family.as_str().into(),
                notice.date.to_string().into(),
                state_cell(notice.state),
                notice
                    .subject
                    .as_deref()
                    .unwrap_or_else(|| without_subject(notice.state))
                    .into(),
            ]);
        }
        context.output.table(&table);
        for notice in settled {
            if let Some(reason) = &notice.reason {
                context.output.say(format!(
                    "{}, {}: {}",
                    notice.family,
                    notice.date,
                    hippo_core::text::clean(reason)
                ));
            }
        }
        let sent = usize::try_from(run.counts.done).unwrap_or(usize::MAX);
        context.output.say(format!(
            "{} went to {} in {}.",
            count(sent, "notice", "notices"),
            context.mail_destination(),
            time::duration(run.duration(context.now()))
        ));
    }
    Ok(outcome)
}

/// What stands in the place of a subject where no mail was made.
fn without_subject(state: MailState) -> &'static str {
    match state {
        MailState::Skipped => "nothing to say",
        MailState::Missed => "its day passed without it",
        MailState::GaveUp => "nobody can tell whether it was sent",
        MailState::Failed => "it could not be sent",
        MailState::Sent => "it was sent before",
        MailState::Newer => "a newer version of hippo has it",
        MailState::Pending | MailState::Claimed => "not sent yet",
        MailState::Sending | MailState::Unknown => "being sent, or lost",
    }
}

/// Says why nothing was sent for a day that was asked for: its notice is settled. Whether there was
/// anything to say.
async fn say_what_is_on_record(context: &Context, asked: &NotifyAll) -> Result<bool, CommandError> {
    if asked.date.is_none() && asked.family.is_none() {
        return Ok(false);
    }
    let mut has_said = false;
    for family in context.families(asked.family.as_ref()).await? {
        let today = local_date(context.now(), family.timezone);
        let date = asked.date.unwrap_or(today);
        let Some(record) = context
            .store
            .mail(&MailKey::daily(family.id.clone(), date))
            .await?
        else {
            continue;
        };
        if record.state.is_final() {
            let reason = record.reason.as_deref().map(hippo_core::text::clean);
            context.output.say(format!(
                "The notice of {} for {date} is {} since {}; nothing more happens for this day. {}",
                family.id,
                record.state.as_str(),
                time::moment(record.changed_at, context.now(), context.zone()),
                reason.unwrap_or_default()
            ).trim_end());
            has_said = true;
        }
    }
    Ok(has_said)
}

/// `2 addresses (1 more is stopped)`.
pub(crate) fn addresses(reachable: usize, stopped: usize) -> String {
    let reachable = count(reachable, "address", "addresses");
    match stopped {
        0 => reachable,
        1 => format!("{reachable} (1 more is stopped)"),
        stopped => format!("{reachable} ({stopped} more are stopped)"),
    }
}

/// A notice's state, in its colour.
pub(crate) fn state_cell(state: MailState) -> Cell {
    let tone = match state {
        MailState::Sent => Tone::Good,
        MailState::Skipped => Tone::Faint,
        MailState::Pending | MailState::Claimed => Tone::Plain,
        MailState::Sending | MailState::Unknown | MailState::Newer => Tone::Warning,
        MailState::Failed | MailState::GaveUp | MailState::Missed => Tone::Bad,
    };
    Cell::new(state.as_str(), tone)
}
