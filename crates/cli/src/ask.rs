//! Questions to a person: a number, a PIN, a confirmation.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroize as _;

use crate::exit::CommandError;
use crate::text_input::{cannot_be_typed, decode_text, trim_unseen};

/// The longest number or PIN, in bytes.
const MAX_LENGTH: usize = 256;

/// A PIN: from a prompt without echo, or the first line of standard input. Never from an argument.
pub(crate) fn pin(prompt: &str, from_stdin: bool) -> Result<SecretString, CommandError> {
    if from_stdin {
        return checked_pin(&line_from_stdin()?);
    }
    pin_or(prompt, "Give it on standard input with --pin-stdin.")
}

/// A PIN from a prompt without echo; where there is no terminal, the error says what to do instead.
pub(crate) fn pin_or(prompt: &str, otherwise: &str) -> Result<SecretString, CommandError> {
    must_be_terminal("the PIN", otherwise)?;
    let typed = rpassword::prompt_password(prompt)
        .map_err(|error| CommandError::usage("Can't read the PIN.").caused_by(error))?;
    checked_pin(&SecretString::from(typed))
}

/// A PIN that may be stored: without spaces and what nobody sees around it; the spaces inside are its own.
pub(crate) fn checked_pin(pin: &SecretString) -> Result<SecretString, CommandError> {
    match trim_unseen(pin.expose_secret()) {
        "" => Err(CommandError::usage(
            "The PIN is empty. Nothing was changed.",
        )),
        text if text.len() > MAX_LENGTH || text.contains(cannot_be_typed) => {
            Err(CommandError::usage(
                "The PIN is too long or holds characters that can't be typed. Nothing was changed.",
            ))
        }
        text => Ok(SecretString::from(text)),
    }
}

/// A card number that may be stored, as it is printed: without spaces and what nobody sees around it.
pub(crate) fn checked_number(number: &str) -> Result<SecretString, CommandError> {
    match trim_unseen(number) {
        "" => Err(CommandError::usage("The card number is empty.".to_owned())),
        text if text.len() > MAX_LENGTH || text.contains(cannot_be_typed) => {
            Err(CommandError::usage(
                "The card number is too long or holds characters that can't be typed.",
            ))
        }
        text => Ok(SecretString::from(text)),
    }
}

/// A card number, from a prompt.
pub(crate) fn number() -> Result<SecretString, CommandError> {
    must_be_terminal("the card number", "Give it with --number.")?;
    let mut line = line("Card number: ")?;
    let number = checked_number(&line);
    line.zeroize();
    number
}

/// Asks for a confirmation, unless the person has given it already.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<bool, CommandError> {
    if yes {
        return Ok(true);
    }
    must_be_terminal("confirmation", "Use --yes.")?;
    let answer = line(&format!("{question} [y/N] "))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn must_be_terminal(what: &str, otherwise: &str) -> Result<(), CommandError> {
    if std::io::stdin().is_terminal() {
        Ok(())
    } else {
        Err(CommandError::usage(format!(
            "Can't ask for {what} without a terminal. {otherwise}"
        )))
    }
}

fn line(prompt: &str) -> Result<String, CommandError> {
    let mut stderr = std::io::stderr().lock();
    // A prompt that cannot be shown leaves a question that can still be answered.
    let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CommandError::usage("Can't read the answer.").caused_by(error))?;
    Ok(line)
}

fn line_from_stdin() -> Result<SecretString, CommandError> {
    // Room for all that is taken, so that growing leaves no copy behind in memory.
    let mut line = Vec::with_capacity(4096);
    let read = std::io::Read::take(std::io::stdin().lock(), 4096).read_until(b'\n', &mut line);
    let pin = match read {
        Ok(_) => decode_text(&line)
            .map(SecretString::from)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    line.zeroize();
    pin.map_err(|reason| {
        CommandError::usage(format!(
            "Can't read the PIN on standard input: {reason}. Nothing was changed."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("")]
    #[case("   ")]
    #[case("\u{a0}")]
    #[case("12\u{0}34")]
    #[case("12\n34")]
    #[case("12\u{200b}34")]
    #[case("12\u{feff}34")]
    #[case("12\u{ad}34")]
    #[case("\u{feff}")]
    fn impossible_pin_is_refused_and_not_repeated(#[case] pin: &str) {
        let error = checked_pin(&SecretString::from(pin)).unwrap_err();
        assert_eq!(error.code(), 2);
        assert!(!error.to_string().contains("12"));
    }

    #[test]
    fn pin_and_number_are_trimmed_of_invisible_characters() {
        let pin = checked_pin(&SecretString::from("\u{feff} 1  2-3\u{a0}\u{200b}\r\n")).unwrap();
        assert_eq!(pin.expose_secret(), "1  2-3");
        let number = checked_number("\u{feff}\u{200b} 21 00\u{a0}\n").unwrap();
        assert_eq!(number.expose_secret(), "21 00");
        assert!(checked_number("  ").is_err());
    }
}
