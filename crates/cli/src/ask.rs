//! Prompts: a card number, a PIN, a confirmation.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use hippo_core::card::{InvalidSecretInput, parse_secret_input};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroize as _;

use crate::exit::CommandError;
use crate::text_input::decode_text;

/// Reads a PIN from a prompt without echo, or from the first line of standard input.
pub(crate) fn pin(prompt: &str, from_stdin: bool) -> Result<SecretString, CommandError> {
    if from_stdin {
        return validate_pin(&line_from_stdin()?);
    }
    pin_from_terminal(prompt, "Give it on standard input with --pin-stdin.")
}

/// Reads a PIN from a prompt without echo; without a terminal, the error advises the alternative.
pub(crate) fn pin_from_terminal(
    prompt: &str,
    otherwise: &str,
) -> Result<SecretString, CommandError> {
    require_terminal("the PIN", otherwise)?;
    let typed = rpassword::prompt_password(prompt)
        .map_err(|error| CommandError::usage("Can't read the PIN.").caused_by(error))?;
    validate_pin(&SecretString::from(typed))
}

/// Trims and validates a PIN; spaces inside are kept.
pub(crate) fn validate_pin(pin: &SecretString) -> Result<SecretString, CommandError> {
    parse_secret_input(pin.expose_secret()).map_err(|error| {
        CommandError::usage(match error {
            InvalidSecretInput::Empty => "The PIN is empty. Nothing was changed.",
            InvalidSecretInput::Unusable => {
                "The PIN is too long or holds characters that can't be typed. Nothing was changed."
            }
        })
    })
}

/// Trims and validates a card number; spaces inside are kept.
pub(crate) fn validate_number(number: &str) -> Result<SecretString, CommandError> {
    parse_secret_input(number).map_err(|error| {
        CommandError::usage(match error {
            InvalidSecretInput::Empty => "The card number is empty.",
            InvalidSecretInput::Unusable => {
                "The card number is too long or holds characters that can't be typed."
            }
        })
    })
}

/// Reads a card number from a prompt.
pub(crate) fn number() -> Result<SecretString, CommandError> {
    require_terminal("the card number", "Give it with --number.")?;
    let mut line = line("Card number: ")?;
    let number = validate_number(&line);
    line.zeroize();
    number
}

/// Asks for confirmation, unless `yes` gives it already.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<bool, CommandError> {
    if yes {
        return Ok(true);
    }
    require_terminal("confirmation", "Use --yes.")?;
    let answer = line(&format!("{question} [y/N] "))?;
    let is = |word: &str| answer.trim().eq_ignore_ascii_case(word);
    Ok(is("y") || is("yes"))
}

fn require_terminal(what: &str, otherwise: &str) -> Result<(), CommandError> {
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
    // Even without its prompt, the question can be answered.
    let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| CommandError::usage("Can't read the answer.").caused_by(error))?;
    Ok(line)
}

fn line_from_stdin() -> Result<SecretString, CommandError> {
    // The full capacity, because growing would leave a copy of the PIN in memory.
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
            "Can't read the PIN from standard input: {reason}. Nothing was changed."
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
    fn invalid_pin_is_refused_and_not_printed(#[case] pin: &str) {
        let error = validate_pin(&SecretString::from(pin)).unwrap_err();
        assert_eq!(error.code(), 2);
        assert!(!error.to_string().contains("12"));
    }

    #[test]
    fn pin_and_number_are_trimmed_of_invisible_characters() {
        let pin = validate_pin(&SecretString::from("\u{feff} 1  2-3\u{a0}\u{200b}\r\n")).unwrap();
        assert_eq!(pin.expose_secret(), "1  2-3");
        let number = validate_number("\u{feff}\u{200b} 21 00\u{a0}\n").unwrap();
        assert_eq!(number.expose_secret(), "21 00");
        assert!(validate_number("  ").is_err());
    }
}
