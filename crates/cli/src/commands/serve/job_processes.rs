//! Starts runs from the console: each is this command once more, in a process of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hippo_web::{StartJob, StartJobError, StartRequest};

use crate::home::Home;
use crate::output::stdout::io_words;

/// The processes of the runs that the console started.
pub(super) struct JobProcesses {
    /// This command. Its path is read once: after an upgrade, the system names the file that is gone.
    program: PathBuf,
    home: PathBuf,
    going: Arc<Mutex<Vec<StartRequest>>>,
}

impl JobProcesses {
    pub(super) fn new(home: &Home) -> std::io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            home: home.directory().to_path_buf(),
            going: Arc::default(),
        })
    }

    fn spawn(&self, request: &StartRequest) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .arg("--home")
            .arg(&self.home)
            .args(arguments(request))
            // The run's own log and its record say what happened.
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            // Ctrl-C ends the pages, not the run.
            command.process_group(0);
        }
        command.spawn()
    }
}

#[async_trait]
impl StartJob for JobProcesses {
    async fn start_job(&self, request: &StartRequest) -> Result<(), StartJobError> {
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        // The checks of one card have their own limits, and a PIN that was typed again is to be tried.
        if going.contains(request) && !is_of_one_card(request) {
            return Err(StartJobError::StillRunning);
        }
        let cannot_start = |error: std::io::Error| StartJobError::CannotStart(io_words(&error));
        let mut child = self.spawn(request).map_err(cannot_start)?;
        going.push(request.clone());
        let (request, of_all) = (request.clone(), Arc::clone(&self.going));
        // It isn't joined, so that the pages can end before the run.
        let waiter = std::thread::Builder::new().spawn(move || {
            if let Err(error) = child.wait() {
                tracing::warn!(%error, "Can't tell whether a run has ended.");
            }
            let mut going = of_all.lock().unwrap_or_else(PoisonError::into_inner);
            going.retain(|other| *other != request);
        });
        waiter.map_err(cannot_start)?;
        Ok(())
    }
}

fn is_of_one_card(request: &StartRequest) -> bool {
    match request {
        StartRequest::Job { input, .. } => input.get("card").is_some_and(|card| !card.is_null()),
        StartRequest::Retry { .. } => false,
    }
}

/// The arguments of the command that does what is asked.
fn arguments(request: &StartRequest) -> Vec<String> {
    match request {
        StartRequest::Job { job, input } => {
            let input = serde_json::Value::from(input.clone());
            let words = ["run", job.as_str(), "--input"];
            let words = words.into_iter().map(ToOwned::to_owned);
            words.chain([input.to_string()]).collect()
        }
        StartRequest::Retry { run, only_failed } => {
            let words = ["runs".to_owned(), "retry".to_owned(), run.to_string()];
            let only_failed = only_failed.then(|| "--failed".to_owned());
            words.into_iter().chain(only_failed).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::run::JobName;

    #[test]
    fn request_becomes_the_command_that_a_person_would_type() {
        let mut input = serde_json::Map::new();
        input.insert("scope".to_owned(), "failed".into());
        let job = JobName::CHECK_CARDS;
        assert_eq!(
            arguments(&StartRequest::Job { job, input }),
            ["run", "check-cards", "--input", "{\"scope\":\"failed\"}"]
        );
        let again = |only_failed| {
            arguments(&StartRequest::Retry {
                run: "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap(),
                only_failed,
            })
        };
        let id = "check-cards/all/2026-11-21T10:00:00Z";
        assert_eq!(again(false), ["runs", "retry", id]);
        assert_eq!(again(true), ["runs", "retry", id, "--failed"]);
    }
}
