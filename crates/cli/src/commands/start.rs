//! Jobs of a stack on AWS, started by a person.

use hippo_core::run::{Job, RunKey};
use serde_json::{Value, json};

use crate::aws::Stack;
use crate::commands::check_cards::left_out::{left_out, sentence};
use crate::commands::check_cards::{CheckCards, ScopeChoice};
use crate::commands::notify_all::NotifyAll;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;

/// Starts the deployed `check-cards`.
pub(crate) async fn check_cards(
    context: &Context,
    stack: &Stack,
    asked: &CheckCards,
) -> CommandResult {
    if asked.concurrency.is_some() || asked.no_pause {
        return Err(CommandError::Usage(
            "On AWS the queue decides how many libraries are visited at a time, and the stack's parameters how \
             long the pauses are; leave --concurrency and --no-pause out."
                .to_owned(),
        ));
    }
    let scope = match asked.scope {
        ScopeChoice::All => "all",
        ScopeChoice::Failed => "failed",
    };
    let key = asked
        .schedule
        .key(Job::CheckCards, scope, None, context.now())?;
    let event = |key: &RunKey| {
        json!({
            "label": key.label, "scheduled_time": key.scheduled_time, "scope": scope,
            "library": asked.library, "family": asked.family,
        })
    };
    let mut answer = start(stack, key, asked.schedule.is_schedule(), &event).await?;
    let left_out = match answer.get("run").and_then(Value::as_str).map(str::parse) {
        Some(Ok(run)) => left_out(context, &context.store.work_items(&run).await?).await?,
        _ => Vec::new(),
    };
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("left_out".to_owned(), json!(left_out));
    }
    context.output.document(&answer);
    if say_not_begun(context, &answer) {
        return Ok(Outcome::Done);
    }
    let number = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
    let cards = usize::try_from(number("cards")).unwrap_or(usize::MAX);
    let visits = usize::try_from(number("visits")).unwrap_or(usize::MAX);
    if asked.schedule.is_quiet() {
        return Ok(Outcome::Done);
    }
    if cards == 0 {
        context.output.say("There is no card to check.");
    } else {
        context.output.say(format!(
            "{} to check, in {}; they go on without this command. “hippo status” shows what they find.",
            count(cards, "card", "cards"),
            count(visits, "visit", "visits"),
        ));
    }
    if let Some(sentence) = sentence(&left_out) {
        context.output.say(sentence);
    }
    Ok(Outcome::Done)
}

/// Starts the deployed `notify-all`.
pub(crate) async fn notify_all(
    context: &Context,
    stack: &Stack,
    asked: &NotifyAll,
) -> CommandResult {
    if asked.at_once == Some(true) {
        return Err(CommandError::Usage(
            "On AWS a notice that the mail service refused for now waits out its half hour; leave at_once out of the \
             input."
                .to_owned(),
        ));
    }
    if asked.date.is_some() {
        return Err(CommandError::Usage(
            "On AWS each family is told at its own time; --date is for --dry-run there.".to_owned(),
        ));
    }
    let key = asked
        .schedule
        .key(Job::NotifyAll, "tick", None, context.now())?;
    let event = |key: &RunKey| {
        json!({
            "label": key.label, "scheduled_time": key.scheduled_time, "scope": "all",
            "library": null, "family": asked.family,
        })
    };
    let answer = start(stack, key, asked.schedule.is_schedule(), &event).await?;
    context.output.document(&answer);
    if say_not_begun(context, &answer) || asked.schedule.is_quiet() {
        return Ok(Outcome::Done);
    }
    let notices = answer
        .get("notices")
        .and_then(Value::as_u64)
        .and_then(|notices| usize::try_from(notices).ok())
        .unwrap_or_default();
    context.output.say(match notices {
        0 => "No notice is due now; “hippo status” says when the next one is.".to_owned(),
        notices => format!(
            "{} to send; that goes on without this command. “hippo status” shows how far it is.",
            count(notices, "notice", "notices")
        ),
    });
    Ok(Outcome::Done)
}

async fn start(
    stack: &Stack,
    mut key: RunKey,
    is_schedule: bool,
    event: &(dyn Fn(&RunKey) -> Value + Sync),
) -> Result<Value, CommandError> {
    loop {
        let answer = stack.start(key.job, &event(&key)).await?;
        let ran_already = answer.get("not_begun") == Some(&Value::from("already_ran"));
        // A person who asks twice within a second means two runs.
        if !ran_already || is_schedule {
            return Ok(answer);
        }
        key.scheduled_time += chrono::Duration::milliseconds(1);
    }
}

/// Says why no run was begun, if so; that is no failure.
fn say_not_begun(context: &Context, answer: &Value) -> bool {
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let Some(why) = text("not_begun") else {
        return false;
    };
    let run = text("run").unwrap_or_default();
    context.output.say(if why == "already_ran" {
        format!("The run {run} is on record already; nothing was begun.")
    } else {
        format!("The run {run} is still going; nothing was begun.")
    });
    true
}
