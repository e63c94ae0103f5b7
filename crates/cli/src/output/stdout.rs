//! Standard output: a closed pipe is no failure, any other fault ends the command with an error.

use std::io::{Error, ErrorKind, Write as _};
use std::sync::OnceLock;

/// The first fault of standard output, if there was one.
static FAULT: OnceLock<Fault> = OnceLock::new();

/// What keeps standard output from being written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    /// The reader has gone away (`| head`): nobody misses the rest.
    Closed,
    /// Anything else, in words.
    Failed(String),
}

/// Prints to standard output; the first fault is kept for the end of the command.
pub(crate) fn print(text: &str) {
    // What is lost once is not made whole by a later piece.
    if is_lost() {
        return;
    }
    let mut stdout = std::io::stdout().lock();
    note_fault(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    );
}

/// Keeps the fault of a write to standard output, if it is the first.
pub(crate) fn note_fault(written: Result<(), Error>) {
    if let Err(error) = written {
        // Somebody noted one before: that one counts.
        let _ = FAULT.set(Fault::of(&error));
    }
}

/// Whether nothing more can be printed.
pub(crate) fn is_lost() -> bool {
    FAULT.get().is_some()
}

/// The sentence about what could not be printed; `None`: all was, or nobody was there to read it.
pub(crate) fn failure() -> Option<String> {
    match FAULT.get()? {
        Fault::Closed => None,
        Fault::Failed(reason) => Some(format!(
            "Couldn't write the output: {reason}. What the command did is saved."
        )),
    }
}

impl Fault {
    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(io_words(error)),
        }
    }
}

/// A fault of a file or a stream in words, without the system's number.
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
    fn fault_has_words_of_its_own(#[case] kind: ErrorKind, #[case] expected: &str) {
        let Fault::Failed(words) = Fault::of(&Error::from(kind)) else {
            panic!("{kind}");
        };
        assert!(words.contains(expected), "{words}");
    }

    #[test]
    fn os_error_number_is_dropped() {
        let words = io_words(&Error::from_raw_os_error(5));
        assert!(!words.contains("os error"), "{words}");
        let closed = Error::from(ErrorKind::BrokenPipe);
        assert_eq!(Fault::of(&closed), Fault::Closed);
    }
}
