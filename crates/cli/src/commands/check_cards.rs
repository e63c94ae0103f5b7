//! `hippo check-cards`: logs in to every card and remembers what it says.

mod dry_run;
pub(crate) mod left_out;
mod one;

use std::path::PathBuf;
use std::sync::Mutex;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use clap::{Args, ValueEnum};
use hippo_core::clock::local_date;
use hippo_core::ids::{FamilyId, InvalidId, Label, LibraryId};
use hippo_core::jobs::check_cards::run::{self as job, CheckOptions, Progress};
use hippo_core::jobs::check_cards::visit::{CheckedCard, Pace};
use hippo_core::jobs::check_cards::{CheckCardsInput, InputScope};
use hippo_core::run::ledger::RunPlan;
use hippo_core::run::{Job, Run, RunKey, RunOutcome, Trigger};
use hippo_core::store::RunStart;
use serde::Serialize;

use self::left_out::LeftOut;
use crate::args::{CardName, card_name, instant};
use crate::commands::start;
use crate::config::{Jobs, PERSON};
use crate::context::{Context, Globals, Place, Visiting};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::following::Following;
use crate::output::progress::Progress as Bar;
use crate::output::table::{Cell, Table, Tone, fixed, numbers, words};
use crate::output::time::{duration, moment};
use crate::output::{count, note};
use crate::stop::Stop;
use crate::view::{AccountView, again, backing_off, failure_problem, unknown_cells};

/// Log in to every card and remember what it says.
///
/// Cards that are paused, or whose PIN the library refused, are left out.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
  hippo check-cards
  hippo check-cards --scope failed --library wpl
  hippo check-cards --dry-run      # which cards that would be
  hippo check-cards --label all    # from cron: twice within a minute is one run
  hippo check-cards --card 01KAK3V6ZB9V0S7YQJ4M2N8R5T --record session.har

Ctrl-C waits some seconds for the cards that were begun and stops; what was saved stays. Exit code 1: a card could
not be checked, or the run was interrupted.

--record writes what the library's site was asked and answered, as HAR 1.2: every text and value in it
is replaced by a filler, and you see what was kept before you send it to anyone. “hippo read” reads it.")]
pub(crate) struct CheckCards {
    /// Only this family's cards.
    #[arg(long)]
    pub(crate) family: Option<FamilyId>,
    /// Only this library's cards.
    #[arg(long)]
    pub(crate) library: Option<LibraryId>,
    /// Only this card, at once, and no run: its id, or the last four letters of it or more.
    #[arg(
        long,
        value_parser = card_name,
        value_name = "ID",
        conflicts_with_all = [
            "family", "library", "scope", "concurrency", "dry_run", "label", "scheduled_time", "quiet"
        ]
    )]
    pub(crate) card: Option<CardName>,
    /// Write the card's session to a new file, for a bug report; nothing of the patron is in it.
    #[arg(long, value_name = "FILE", requires = "card")]
    pub(crate) record: Option<PathBuf>,
    /// All cards, or those whose newest check failed or that were never checked.
    #[arg(long, value_enum, default_value = "all")]
    pub(crate) scope: ScopeChoice,
    /// How many libraries are visited at a time; by default as the configuration says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) concurrency: Option<u16>,
    /// Print which cards would be checked; log in nowhere and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) schedule: Schedule,
    /// No pauses between cards: for libraries of your own on this machine.
    #[arg(long, hide = true)]
    pub(crate) no_pause: bool,
}

/// Whatever starts a schedule's run is no later than this without a reason.
const START_OF_SCHEDULES: TimeDelta = TimeDelta::minutes(10);

/// In the place of the patron of a card that is gone.
pub(crate) const GONE: &str = "a card that is gone";

/// What a check that was broken off leaves behind.
pub(crate) const AFTER_SECOND: &str = "A card whose login was under way is not tried again today by itself: “hippo status” \
     names it, “hippo card retry” tries it.";

/// What makes a run one of a schedule.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Schedule {
    /// The run is one of a schedule, and this is the schedule's name.
    #[arg(long)]
    pub(crate) label: Option<Label>,
    /// For when the run was scheduled (RFC 3339); by default the last of the label's times in config.toml, or else this
    /// minute. A run is made once for it.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) scheduled_time: Option<DateTime<FixedOffset>>,
    /// Print nothing unless something failed; so it is anyway where a schedule starts the run.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Which cards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeChoice {
    /// All cards.
    #[default]
    All,
    /// Those whose newest check failed or that were never checked.
    Failed,
}

impl Schedule {
    /// Whether a schedule, and not a person, started the run.
    pub(crate) fn is_schedule(&self) -> bool {
        self.label.is_some() || self.scheduled_time.is_some()
    }

    /// Whether to print only failures: cron mails whatever is printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet || self.is_schedule()
    }

    /// What makes the run one: this second, if a person started it; if a schedule did, the time of it that came last,
    /// where its times are known, or else this minute.
    pub(crate) fn key(
        &self,
        job: Job,
        otherwise: &str,
        jobs: Option<&Jobs>,
        now: DateTime<Utc>,
    ) -> Result<RunKey, InvalidId> {
        let label = match (&self.label, self.is_schedule()) {
            (Some(label), _) => label.clone(),
            (None, true) => otherwise.parse()?,
            (None, false) => PERSON.parse()?,
        };
        let second = now.timestamp();
        let minute = DateTime::from_timestamp(second - second.rem_euclid(60), 0).unwrap_or(now);
        let scheduled_time = match self.scheduled_time {
            Some(time) => time.to_utc(),
            None if self.is_schedule() => jobs
                .and_then(|jobs| jobs.rules(job, &label).schedule?.latest(now))
                .unwrap_or(minute),
            None => DateTime::from_timestamp(second, 0).unwrap_or(now),
        };
        Ok(RunKey {
            job,
            label,
            scheduled_time,
        })
    }
}

/// One card, as it was checked.
#[derive(Serialize)]
struct CheckedView {
    card: hippo_core::ids::CardId,
    family: FamilyId,
    library: LibraryId,
    patron: String,
    account: Option<AccountView>,
    failure: Option<hippo_core::failure::Failure>,
}

#[derive(Serialize)]
struct Document<'a> {
    run: &'a Run,
    cards: &'a [CheckedView],
    /// What was asked for and not checked, with the reason.
    left_out: &'a [LeftOut],
}

/// Checks the cards that are asked for.
pub(crate) async fn run(asked: CheckCards, globals: &Globals) -> CommandResult {
    check_cards(&globals.open().await?, asked).await
}

/// Checks the cards that are asked for, in an opened home.
pub(crate) async fn check_cards(context: &Context, asked: CheckCards) -> CommandResult {
    if let Some(card) = &asked.card {
        return one::check(context, card, asked.record.as_deref()).await;
    }
    if let Some(family) = &asked.family {
        context.family(family).await?;
    }
    if let Some(library) = &asked.library {
        context.library(library).await?;
    }
    let input = CheckCardsInput {
        scope: match asked.scope {
            ScopeChoice::All => InputScope::All,
            ScopeChoice::Failed => InputScope::Failed,
        },
        family: asked.family.clone(),
        library: asked.library.clone(),
    };
    if asked.dry_run {
        return dry_run::dry_run(context, &input).await;
    }
    if let Place::Aws(stack) = &context.place {
        return start::check_cards(context, stack, &asked).await;
    }
    context.keys.private_keys().await?;
    let stop = Stop::listen("the cards that were begun are being finished", AFTER_SECOND);
    let checked: Mutex<Vec<CheckedView>> = Mutex::default();
    let result = {
        let bar = Bar::new("cards");
        let progress = |progress: Progress<'_>| match progress {
            Progress::Planned(cards) => bar.planned(cards),
            Progress::Checked(card) => {
                bar.one_done();
                if let Ok(mut checked) = checked.lock() {
                    checked.push(view_of(context, card));
                }
            }
        };
        start(context, &asked, &input, &stop, &progress).await?
    };
    let mut checked = checked.into_inner().unwrap_or_default();
    checked.sort_by(|a, b| {
        (&a.family, &a.patron, &a.library).cmp(&(&b.family, &b.patron, &b.library))
    });
    match result {
        Ok(run) => {
            let left_out =
                left_out::left_out(context, &context.store.work_items(&run.key).await?).await?;
            context.output.document(&Document {
                run: &run,
                cards: &checked,
                left_out: &left_out,
            });
            show(context, &asked, &run, &checked, &left_out).await
        }
        Err(not_begun) => Ok(say_not_begun(context, &asked.schedule, &not_begun)),
    }
}

async fn start(
    context: &Context,
    asked: &CheckCards,
    input: &CheckCardsInput,
    stop: &Stop,
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<Result<Run, RunStart>, CommandError> {
    let visiting = Visiting::new(context)?;
    let options = CheckOptions {
        concurrency: asked
            .concurrency
            .map_or(visiting.concurrency(), usize::from),
        pace: if asked.no_pause {
            Pace::NONE
        } else {
            visiting.pace()
        },
    };
    let otherwise = match asked.scope {
        ScopeChoice::All => "all",
        ScopeChoice::Failed => "failed",
    };
    let jobs = &context.here()?.config.jobs;
    let mut key = asked
        .schedule
        .key(Job::CheckCards, otherwise, Some(jobs), context.now())?;
    let is_schedule = asked.schedule.is_schedule();
    let following = Following::new(context, is_schedule)?;
    let mail = following.mail();
    let after = following.after(mail.as_ref());
    let rules = jobs.rules(key.job, &key.label);
    loop {
        let plan = RunPlan {
            key: key.clone(),
            trigger: match (is_schedule, asked.scope) {
                (false, _) => Trigger::Person,
                (true, ScopeChoice::All) => Trigger::Schedule,
                (true, ScopeChoice::Failed) => Trigger::Retry,
            },
            input: serde_json::to_value(input).unwrap_or_default(),
            // A person need not wait for a run that was killed to be taken for lost; the marks and
            // the gate keep two runs from harming a card or a library.
            allow_overlap: !is_schedule,
            rules: rules.clone(),
            after: Some(&after),
        };
        let result = job::check_cards(
            &visiting.ports(),
            &visiting.ports_of_run(),
            plan,
            input,
            options,
            stop,
            progress,
        )
        .await?;
        match result {
            // A person who asks twice within a second means two runs.
            Err(RunStart::AlreadyRan(_)) if !is_schedule => {
                key.scheduled_time += chrono::Duration::milliseconds(1);
            }
            result => return Ok(result),
        }
    }
}

/// Says why no run was begun; that is no failure.
pub(crate) fn say_not_begun(context: &Context, schedule: &Schedule, reason: &RunStart) -> Outcome {
    let (what, run) = match reason {
        RunStart::AlreadyRan(run) => ("already_ran", run),
        RunStart::StillRunning(run) => ("still_running", run),
        RunStart::NotNow(run) => ("not_now", run),
        // It was started: nobody asks.
        RunStart::Started => return Outcome::Done,
    };
    context
        .output
        .document(&serde_json::json!({ "not_begun": what, "run": run }));
    // A run that was too late, or whose schedule is paused, is on record as that.
    let ran = matches!(reason, RunStart::AlreadyRan(_))
        && !matches!(
            run.outcome,
            RunOutcome::Missed | RunOutcome::SkippedPaused | RunOutcome::SkippedClockInDoubt
        );
    let scheduled = run.key.scheduled_time;
    if ran && schedule.scheduled_time.is_none() && context.now() - scheduled > START_OF_SCHEDULES {
        note(format!(
            "Nothing was done: the label's last time, {}, has its run already. If “{}” is to run now too, add the time to \
             its times in config.toml.",
            moment(scheduled, context.now(), context.zone()),
            run.key.label,
        ));
    }
    if run.outcome == RunOutcome::SkippedClockInDoubt {
        note(format!(
            "Nothing was done: the clock shows {}, which doesn't fit what is on record. If that is right, the next \
             notify-all, a minute or more from now, goes on. If not, set the clock.",
            moment(run.started_at, context.now(), context.zone())
        ));
        return Outcome::SomeFailed;
    }
    if schedule.is_quiet() {
        return Outcome::Done;
    }
    let began = moment(run.started_at, context.now(), context.zone());
    context.output.say(match reason {
        RunStart::StillRunning(_) => format!(
            "Nothing was done: the run {} is still going (it began at {began}).",
            run.key
        ),
        RunStart::NotNow(_) => format!(
            "Nothing was done: the run {} is on record as {}.",
            run.key,
            run.outcome.as_str()
        ),
        _ => format!(
            "Nothing was done: the run {} was made already (it began at {began}).",
            run.key
        ),
    });
    Outcome::Done
}

fn view_of(context: &Context, card: &CheckedCard) -> CheckedView {
    let today = local_date(context.now(), context.zone());
    let outcome = &card.check.outcome;
    CheckedView {
        card: card.card.id,
        family: card.card.family.clone(),
        library: card.card.library.clone(),
        patron: card.card.patron.clone(),
        account: outcome
            .as_ref()
            .ok()
            .map(|account| AccountView::of(account, today)),
        failure: outcome.as_ref().err().cloned(),
    }
}

async fn show(
    context: &Context,
    asked: &CheckCards,
    run: &Run,
    checked: &[CheckedView],
    left_out: &[LeftOut],
) -> CommandResult {
    let outcome =
        Outcome::failed_if(run.counts.failures() > 0 || run.outcome == RunOutcome::Interrupted);
    if context.output.json || (asked.schedule.is_quiet() && outcome == Outcome::Done) {
        return Ok(outcome);
    }
    let today = local_date(context.now(), context.zone());
    if !checked.is_empty() || !left_out.is_empty() {
        context.output.table(&table_of(checked, left_out, today));
    }
    for card in checked {
        if let Some(failure) = &card.failure {
            let alone = backing_off(context, &card.library).await?;
            let problem = failure_problem(failure, card.card, &card.library, alone.as_deref());
            let words = format!("{} at {}: {}", card.patron, card.library, problem.what);
            context.output.say_folded("", &words);
            if let Some(command) = problem.what_to_do.filter(|command| *command != again()) {
                context.output.say_whole(format!("  → {command}"));
            }
        }
    }
    context.output.say(summary(context, run));
    if let Some(sentence) = left_out::sentence(left_out) {
        context.output.say(sentence);
    }
    Ok(outcome)
}

fn table_of(checked: &[CheckedView], left_out: &[LeftOut], today: chrono::NaiveDate) -> Table {
    let mut table = Table::new([
        words("FAMILY"),
        words("PATRON"),
        words("LIBRARY"),
        numbers("OUT"),
        fixed("DUE NEXT"),
        numbers("READY"),
        fixed("OUTCOME"),
    ]);
    for card in checked {
        let [out, due, ready] = card
            .account
            .as_ref()
            .map_or_else(unknown_cells, |account| account.cells(today));
        let outcome = match &card.failure {
            None => Cell::new("ok", Tone::Good),
            Some(failure) => Cell::new(failure.kind.as_str(), Tone::Bad),
        };
        table.row([
            card.family.as_str().into(),
            card.patron.as_str().into(),
            card.library.as_str().into(),
            out,
            due,
            ready,
            outcome,
        ]);
    }
    for card in left_out {
        let nothing = || Cell::new("–", Tone::Faint);
        table.row([
            card.family.as_str().into(),
            card.patron.as_deref().unwrap_or(GONE).into(),
            card.library.as_str().into(),
            nothing(),
            nothing(),
            nothing(),
            Cell::new(
                format!("left out: {}", left_out::reason_words(card.reason)),
                Tone::Faint,
            ),
        ]);
    }
    table
}

fn summary(context: &Context, run: &Run) -> String {
    let counts = &run.counts;
    if counts.planned == 0 {
        return "There is no card to check.".to_owned();
    }
    let planned = count(
        usize::try_from(counts.planned).unwrap_or(usize::MAX),
        "card",
        "cards",
    );
    let took = duration(run.duration(context.now()));
    let tried = counts.done + counts.failures();
    let interrupted = if run.outcome == RunOutcome::Interrupted && tried < counts.planned {
        " It was interrupted; the rest was not tried."
    } else {
        ""
    };
    let failed = match counts.failures() {
        0 => String::new(),
        failures => format!("; {failures} failed"),
    };
    let left_out = match counts.skipped {
        0 => String::new(),
        skipped => format!("; {skipped} left out"),
    };
    format!(
        "Checked {} of {planned} in {took}{failed}{left_out}.{interrupted}",
        counts.done
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T10:00:42.5Z".parse().unwrap()
    }

    #[test]
    fn a_schedule_that_fires_twice_within_a_minute_is_one_run_and_a_person_is_not_a_schedule() {
        let schedule = Schedule {
            label: Some("all".parse().unwrap()),
            ..Schedule::default()
        };
        let key = schedule.key(Job::CheckCards, "all", None, now()).unwrap();
        assert_eq!(key.to_string(), "check-cards/all/2026-11-21T10:00:00Z");
        let person = Schedule::default();
        let key = person.key(Job::CheckCards, "all", None, now()).unwrap();
        assert_eq!(key.to_string(), "check-cards/person/2026-11-21T10:00:42Z");
        assert!(!person.is_schedule());
    }

    #[test]
    fn a_scheduled_time_alone_belongs_to_the_schedule_of_its_scope() {
        let schedule = Schedule {
            scheduled_time: Some("2026-11-21T05:00:00-05:00".parse().unwrap()),
            ..Schedule::default()
        };
        let key = schedule
            .key(Job::CheckCards, "failed", None, now())
            .unwrap();
        assert_eq!(key.to_string(), "check-cards/failed/2026-11-21T10:00:00Z");
    }
}
