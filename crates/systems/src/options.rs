//! The options of a library's entry: those of its system, and those that every library may have.

use hippo_core::card::{CardSecret, normalize_card_number};
use hippo_core::library::{CURRENCY_OPTION, Library};

use crate::system::System;

/// The option for sending a card number with its separators.
const NUMBER_SEPARATORS: &str = "number-separators";

/// Its values: with the spaces and hyphens, or without.
const KEEP: &str = "keep";
const DROP: &str = "drop";

/// The options that every library may have: name and meaning.
pub const COMMON_OPTIONS: [(&str, &str); 2] = [
    (
        NUMBER_SEPARATORS,
        "“keep” sends the card number with its spaces and hyphens; “drop” removes them",
    ),
    (
        CURRENCY_OPTION,
        "the currency of fines where the site doesn't print one: three letters, like CAD",
    ),
];

/// Returns the options that a library of this system may have: name and meaning.
pub fn known_options(
    system: &dyn System,
) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    system.options().iter().copied().chain(COMMON_OPTIONS)
}

/// Checks the value of a common option; the error describes the valid values.
pub fn check_value(name: &str, value: &str) -> Result<(), &'static str> {
    match (name, value) {
        (NUMBER_SEPARATORS, KEEP | DROP) => Ok(()),
        (NUMBER_SEPARATORS, _) => Err("keep or drop"),
        (CURRENCY_OPTION, code) if is_currency_code(code) => Ok(()),
        (CURRENCY_OPTION, _) => Err("a code of three letters, like CAD (ISO 4217)"),
        _ => Ok(()),
    }
}

fn is_currency_code(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Returns the number and PIN as the library's site expects them. The number loses its separators, unless the
/// library's entry or its system keeps them.
pub(crate) fn secret_to_send(
    system: &dyn System,
    library: &Library,
    secret: &CardSecret,
) -> CardSecret {
    let keeps = match library.options.get(NUMBER_SEPARATORS).map(String::as_str) {
        Some(KEEP) => true,
        Some(DROP) => false,
        _ => system.keeps_number_separators(),
    };
    if keeps {
        return secret.clone();
    }
    CardSecret {
        number: normalize_card_number(&secret.number),
        pin: secret.pin.clone(),
    }
}
