//! What a library's entry may say beside its address: the options of its system, and those of all.

use hippo_core::card::{CardSecret, without_separators};
use hippo_core::library::Library;

use crate::System;

/// The option of all libraries that says how a printed number is sent.
const NUMBER_SEPARATORS: &str = "number-separators";

/// Its values: the number with its spaces and hyphens, or without.
const KEEP: &str = "keep";
const DROP: &str = "drop";

/// The options that every library may have, whatever its system: name, and what it means.
pub const COMMON_OPTIONS: [(&str, &str); 1] = [(
    NUMBER_SEPARATORS,
    "“keep” where the site wants a card's number with its spaces and hyphens, “drop” where it does not",
)];

/// All options that a library of this system may have: name, and what each means.
pub fn known_options(
    system: &dyn System,
) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
    system.options().iter().copied().chain(COMMON_OPTIONS)
}

/// Checks the value of an option that all libraries may have; the error is the values that it may have.
pub fn check_value(name: &str, value: &str) -> Result<(), [&'static str; 2]> {
    match (name, value) {
        (NUMBER_SEPARATORS, KEEP | DROP) => Ok(()),
        (NUMBER_SEPARATORS, _) => Err([KEEP, DROP]),
        _ => Ok(()),
    }
}

/// The number and PIN as the library's site wants them: the number without what separates its groups,
/// unless the library's entry or its system says otherwise.
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
        number: without_separators(&secret.number),
        pin: secret.pin.clone(),
    }
}
