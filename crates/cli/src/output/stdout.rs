//! Standard output. A closed pipe isn't an error; any other write error ends the command with one.

use std::io::{Error, ErrorKind, Write as _};
use std::sync::OnceLock;

/// The first write error, if there was one.
static FAULT: OnceLock<Fault> = OnceLock::new();

/// Why standard output can't be written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    /// The reader closed the pipe (`| head`).
    Closed,
    /// Another error, in words.
    Failed(String),
}

/// Prints to standard output; the first write error is kept for the end of the command.
pub(crate) fn print(text: &str) {
    // After a write error, the output would have a gap.
    if has_failed() {
        return;
    }
    let mut stdout = std::io::stdout().lock();
    record_fault(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    );
}

/// Keeps the error of a write to standard output, if it is the first.
pub(crate) fn record_fault(written: Result<(), Error>) {
    if let Err(error) = written {
        // An earlier error takes precedence.
        let _ = FAULT.set(Fault::from_error(&error));
    }
}

/// Whether an earlier write failed, so that nothing more is printed.
pub(crate) fn has_failed() -> bool {
    FAULT.get().is_some()
}

/// The message of a write error; `None` if there was none or the reader closed the pipe.
pub(crate) fn failure_message() -> Option<String> {
    match FAULT.get()? {
        Fault::Closed => None,
        Fault::Failed(reason) => Some(format!(
            "Couldn't write the output: {reason}. What the command did is saved."
        )),
    }
}

impl Fault {
    fn from_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(io_words(error)),
        }
    }
}

/// An I/O error in words, without the operating system's error number.
pub(crate) fn io_words(error: &Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => "the disk is full".to_owned(),
        ErrorKind::QuotaExceeded => "your disk quota is used up".to_owned(),
        ErrorKind::ReadOnlyFilesystem => "the disk is read-only".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => {
            let text = error.to_string();
            let words = text.split(" (os error ").next().unwrap_or_default();
            words.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(ErrorKind::StorageFull, "the disk is full")]
    #[case(ErrorKind::ReadOnlyFilesystem, "read-only")]
    #[case(ErrorKind::PermissionDenied, "denied")]
    fn write_error_is_described_in_words(#[case] kind: ErrorKind, #[case] expected: &str) {
        let Fault::Failed(words) = Fault::from_error(&Error::from(kind)) else {
            panic!("{kind}");
        };
        assert!(words.contains(expected), "{words}");
    }

    #[test]
    fn os_error_number_is_dropped() {
        let words = io_words(&Error::from_raw_os_error(5));
        assert!(!words.contains("os error"), "{words}");
        let closed = Error::from(ErrorKind::BrokenPipe);
        assert_eq!(Fault::from_error(&closed), Fault::Closed);
    }
}
