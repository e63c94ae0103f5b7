//! Runs the command that a schedule declares for its failed runs.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use hippo_core::alerts::Alert;
use hippo_core::alerts::notifier::{DeliveryFailed, Notifier};
use hippo_core::run::{RunKey, RunOutcome};

/// The time limit of one command.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The time between two checks whether the command has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Runs a command for each failed run, with the run in its environment.
pub(crate) struct FailureCommand {
    command: String,
    home: PathBuf,
    timeout: Duration,
}

impl FailureCommand {
    /// Runs this shell command; a `hippo` in it works on `home`.
    pub(crate) fn new(command: &str, home: PathBuf) -> Self {
        Self {
            command: command.to_owned(),
            home,
            timeout: TIMEOUT,
        }
    }

    async fn run(&self, run: &RunKey, outcome: &str) -> Result<(), DeliveryFailed> {
        let failed =
            |reason: String| DeliveryFailed(format!("the command of “{}” {reason}", run.label));
        let child = shell(&self.command)
            .env("HIPPO_HOME", &self.home)
            .env("HIPPO_TARGET", "local")
            .env("HIPPO_JOB", run.job.as_str())
            .env("HIPPO_LABEL", run.label.as_str())
            .env("HIPPO_OUTCOME", outcome)
            .env("HIPPO_RUN_ID", run.to_string())
            .stdin(Stdio::null())
            // Standard output may be a document of ours.
            .stdout(Stdio::from(std::io::stderr()))
            .spawn();
        let mut child = child.map_err(|error| failed(format!("couldn't be started: {error}")))?;
        let waited = tokio::time::timeout(self.timeout, wait(&mut child)).await;
        match waited {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(failed(format!("failed ({status})"))),
            Ok(Err(error)) => Err(failed(format!("was lost: {error}"))),
            Err(_) => {
                kill_group(&mut child);
                let seconds = self.timeout.as_secs();
                Err(failed(format!(
                    "took longer than {seconds} s and was ended"
                )))
            }
        }
    }
}

#[async_trait]
impl Notifier for FailureCommand {
    async fn notify(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed> {
        let mut result = Ok(());
        for (run, outcome) in alerts.iter().filter_map(Alert::failed_run) {
            let outcome = match outcome {
                RunOutcome::Lost => "lost",
                _ => "failed",
            };
            // One that fails doesn't stop the next.
            result = result.and(self.run(run, outcome).await);
        }
        result
    }
}

async fn wait(child: &mut Child) -> std::io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The shell with this command, in a process group of its own.
#[cfg(unix)]
fn shell(command: &str) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).process_group(0);
    shell
}

/// The shell with this command.
#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    shell
}

/// Ends the command, with everything that it started where the system has process groups.
fn kill_group(child: &mut Child) {
    #[cfg(unix)]
    {
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    }
    // It may have ended in the meantime.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use hippo_core::alerts::RunFault;

    fn failed(label: &str) -> Alert {
        let run = format!("check-cards/{label}/2026-11-21T10:00:00Z");
        Alert::RunFailed {
            run: run.parse().unwrap(),
            fault: RunFault::Store,
        }
    }

    fn command(text: &str) -> (tempfile::TempDir, FailureCommand) {
        let home = tempfile::tempdir().unwrap();
        let command = FailureCommand::new(text, home.path().to_owned());
        (home, command)
    }

    #[tokio::test]
    async fn failure_command_runs_once_per_failed_run() {
        let (home, command) = command(
            "echo $HIPPO_JOB $HIPPO_LABEL $HIPPO_OUTCOME $HIPPO_RUN_ID >>\"$HIPPO_HOME/out\"",
        );
        let run = "check-cards/b/2026-11-21T10:00:00Z".parse().unwrap();
        let alerts = [failed("a"), Alert::RunLost { run }];
        command.notify(&alerts).await.unwrap();
        assert_eq!(
            std::fs::read_to_string(home.path().join("out")).unwrap(),
            "check-cards a failed check-cards/a/2026-11-21T10:00:00Z\n\
             check-cards b lost check-cards/b/2026-11-21T10:00:00Z\n"
        );
    }

    #[tokio::test]
    async fn failing_command_is_an_error_that_names_the_label() {
        let (_home, command) = command("exit 7");
        let error = command
            .notify(&[failed("a")])
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("“a” failed") && error.contains('7'),
            "{error}"
        );
    }

    #[tokio::test]
    async fn command_that_takes_too_long_is_ended_with_its_children() {
        let (home, mut command) = command("(sleep 2; touch \"$HIPPO_HOME/late\") & wait");
        command.timeout = Duration::from_millis(200);
        let error = command
            .notify(&[failed("a")])
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("took longer"), "{error}");
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert!(!home.path().join("late").exists());
    }
}
