//! How a command ends: the exit codes, and errors that say what to do next.

use hippo_core::ids::InvalidId;
use hippo_core::jobs::JobError;
use hippo_core::seal::SealError;
use hippo_core::store::StoreError;
use serde::Serialize;

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All went well.
    Done,
    /// Done, but a card or a mail failed, or a person stopped it.
    SomeFailed,
}

impl Outcome {
    /// [`Outcome::SomeFailed`] if so.
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

/// Why a command did not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    /// The command was called wrongly: an unknown or doubled id, a malformed value.
    #[error("{0}")]
    Usage(String),
    /// The configuration, the key or the store cannot be used, or the answer cannot be printed.
    #[error("{0}")]
    Unusable(String),
}

/// What a command answers.
pub(crate) type CommandResult = Result<Outcome, CommandError>;

impl CommandError {
    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Unusable(_) => 3,
        }
    }

    /// The error as `--json` prints it on standard error.
    pub(crate) fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            error: Body<'a>,
        }
        #[derive(Serialize)]
        struct Body<'a> {
            kind: &'a str,
            message: &'a str,
        }
        let (kind, message) = match self {
            Self::Usage(message) => ("usage", message),
            Self::Unusable(message) => ("unusable", message),
        };
        serde_json::to_string(&Document {
            error: Body { kind, message },
        })
        .unwrap_or_default()
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::AlreadyExists(_)
            | StoreError::NotFound(_)
            | StoreError::InUse(_)
            | StoreError::TooLarge(_) => Self::Usage(error.to_string()),
            StoreError::Unavailable(_) | StoreError::Unusable(_) => {
                Self::Unusable(error.to_string())
            }
        }
    }
}

impl From<SealError> for CommandError {
    fn from(error: SealError) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<JobError> for CommandError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Store(error) => error.into(),
            JobError::Seal(error) => error.into(),
            JobError::Render(_) | JobError::Queue(_) | JobError::Panicked => {
                Self::Unusable(error.to_string())
            }
        }
    }
}

impl From<InvalidId> for CommandError {
    fn from(error: InvalidId) -> Self {
        Self::Usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_can_mend_by_typing_is_wrong_usage_and_the_rest_is_not() {
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
    fn an_error_in_json_names_its_kind() {
        let error = CommandError::Usage("No.".into());
        assert_eq!(
            error.to_json(),
            r#"{"error":{"kind":"usage","message":"No."}}"#
        );
    }
}
