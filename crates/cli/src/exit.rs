//! Exit codes, and errors with hints.

use std::error::Error;
use std::fmt;

use hippo_core::ids::InvalidId;
use hippo_core::jobs::JobError;
use hippo_core::seal::SealError;
use hippo_core::store::StoreError;
use hippo_core::transfer::TransferError;
use serde::Serialize;

use crate::suggested::HIPPO;

/// The result of a command that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything went well.
    Done,
    /// The command finished, but a card or an email failed, or a person stopped it.
    SomeFailed,
}

impl Outcome {
    /// [`Outcome::SomeFailed`] if `failed`.
    pub(crate) fn failed_if(failed: bool) -> Self {
        if failed { Self::SomeFailed } else { Self::Done }
    }

    /// The process's exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeFailed => 1,
        }
    }
}

/// Who can fix an error, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    /// The command was called wrongly: an unknown or duplicate id, a malformed value.
    Usage,
    /// The configuration, the key or the store can't be used, or the output can't be written.
    Unusable,
}

/// A hint how to fix an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hint {
    /// A command line to copy.
    Command(String),
    /// A suggested name.
    DidYouMean(String),
    /// A sentence.
    Advice(String),
}

/// An error that ended a command.
#[derive(Debug)]
pub(crate) struct CommandError {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hints: Vec<Hint>,
}

/// The result of every command.
pub(crate) type CommandResult = Result<Outcome, CommandError>;

impl CommandError {
    /// Creates an error that a person fixes by typing something else.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Creates an error of the configuration, the key, the store or the machine.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unusable, message)
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            hints: Vec::new(),
        }
    }

    /// Creates an error with the message of `source`.
    pub(crate) fn from_source(kind: ErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Box::new(source)),
            ..Self::new(kind, String::new())
        }
    }

    /// Sets the cause, which is printed after the message.
    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a command line that helps.
    pub(crate) fn try_command(self, command: impl Into<String>) -> Self {
        self.with_hint(Hint::Command(command.into()))
    }

    /// Suggests a name, if there is one.
    pub(crate) fn did_you_mean(self, name: Option<impl fmt::Display>) -> Self {
        match name {
            Some(name) => self.with_hint(Hint::DidYouMean(name.to_string())),
            None => self,
        }
    }

    /// Adds a sentence that says what to do.
    pub(crate) fn advice(self, sentence: impl Into<String>) -> Self {
        self.with_hint(Hint::Advice(sentence.into()))
    }

    fn with_hint(mut self, hint: Hint) -> Self {
        self.hints.push(hint);
        self
    }

    /// Prefixes the message with a sentence of context.
    pub(crate) fn with_context(mut self, context: &str) -> Self {
        let sentence = self.sentence();
        self.message = format!("{context} {sentence}");
        self.source = None;
        self
    }

    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        match self.kind {
            ErrorKind::Usage => 2,
            ErrorKind::Unusable => 3,
        }
    }

    /// The message and its cause, as one or more sentences.
    fn sentence(&self) -> String {
        let message = self.message.trim_end_matches('.');
        match &self.source {
            Some(source) if message.is_empty() => source.to_string(),
            Some(source) => {
                let source = source.to_string();
                format!("{message}: {}.", source.trim_end_matches('.'))
            }
            None => self.message.clone(),
        }
    }

    /// Renders the error as `--json` prints it on standard error.
    pub(crate) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct ErrorDocument {
            error: ErrorBody,
        }
        #[derive(Serialize)]
        struct ErrorBody {
            kind: ErrorKind,
            message: String,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            hints: Vec<String>,
        }
        let hints = self.hints.iter().map(|hint| match hint {
            Hint::Command(text) | Hint::DidYouMean(text) | Hint::Advice(text) => text.clone(),
        });
        serde_json::to_string(&ErrorDocument {
            error: ErrorBody {
                kind: self.kind,
                message: self.sentence(),
                hints: hints.collect(),
            },
        })
        .unwrap_or_default()
    }
}

impl fmt::Display for CommandError {
    /// The sentences, then each command line on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())?;
        for hint in &self.hints {
            match hint {
                Hint::DidYouMean(name) => write!(f, " Did you mean “{name}”?")?,
                Hint::Advice(sentence) => write!(f, " {sentence}")?,
                Hint::Command(_) => {}
            }
        }
        for hint in &self.hints {
            if let Hint::Command(command) = hint {
                write!(f, "\n  → {command}")?;
            }
        }
        Ok(())
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source: &(dyn Error + 'static) = self.source.as_deref()?;
        Some(source)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::AlreadyExists(_)
            | StoreError::NotFound(_)
            | StoreError::InUse(_)
            | StoreError::TooLarge(_) => ErrorKind::Usage,
            StoreError::Unavailable(_) | StoreError::Unusable(_) => ErrorKind::Unusable,
        };
        Self::from_source(kind, error)
    }
}

impl From<SealError> for CommandError {
    fn from(error: SealError) -> Self {
        let lacks_key = matches!(error, SealError::NoKey(_));
        let error = Self::from_source(ErrorKind::Unusable, error);
        if lacks_key {
            error.advice(format!("To initialise it: “{HIPPO} init”."))
        } else {
            error
        }
    }
}

impl From<JobError> for CommandError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Store(error) => error.into(),
            JobError::Seal(error) => error.into(),
            JobError::Render(_)
            | JobError::Queue(_)
            | JobError::Panicked
            | JobError::TimedOut
            | JobError::Failed(_) => Self::from_source(ErrorKind::Unusable, error),
        }
    }
}

impl From<TransferError> for CommandError {
    fn from(error: TransferError) -> Self {
        let kind = match error {
            TransferError::Store(error) => return error.into(),
            TransferError::SealedForAnotherKey { .. }
            | TransferError::Card { .. }
            | TransferError::NoLibrary { .. }
            | TransferError::NoSecret { .. } => ErrorKind::Unusable,
            TransferError::NotATransfer
            | TransferError::Newer { .. }
            | TransferError::CutOff { .. }
            | TransferError::Malformed { .. }
            | TransferError::Unsound(_)
            | TransferError::OtherHosts(_) => ErrorKind::Usage,
        };
        Self::from_source(kind, error)
    }
}

impl From<InvalidId> for CommandError {
    fn from(error: InvalidId) -> Self {
        Self::from_source(ErrorKind::Usage, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_errors_exit_2_and_environment_errors_exit_3() {
        let wrong = CommandError::from(StoreError::NotFound("family x".into()));
        assert_eq!(
            (wrong.code(), wrong.to_string()),
            (2, "There is no family x.".into())
        );
        assert_eq!(
            CommandError::from(StoreError::Unusable("newer".into())).code(),
            3
        );
        assert_eq!(CommandError::from(SealError::SealedForOtherHosts).code(), 3);
    }

    #[test]
    fn hints_follow_the_message_on_their_own_lines() {
        let error = CommandError::usage("There is no family “conrd”.")
            .try_command("hippo family list")
            .did_you_mean(Some("conrad"));
        assert_eq!(
            error.to_string(),
            "There is no family “conrd”. Did you mean “conrad”?\n  → hippo family list"
        );
        assert_eq!(
            error.to_json(),
            r#"{"error":{"kind":"usage","message":"There is no family “conrd”.","hints":["hippo family list","conrad"]}}"#
        );
    }

    #[test]
    fn cause_follows_the_message_and_stays_the_source() {
        let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = CommandError::unusable("Can't read config.toml.").caused_by(cause);
        assert_eq!(
            error.to_string(),
            "Can't read config.toml: entity not found."
        );
        assert!(error.source().is_some());
    }
}
