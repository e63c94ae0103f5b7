//! The words of any login page.

/// Words for a lock after too many attempts, which another attempt would extend.
pub(super) const LOCKED: [&str; 10] = [
    "locked",
    "login attempts",
    "number of attempts",
    "too many attempts",
    "too many failed",
    "too many incorrect",
    "too many invalid",
    "too many login",
    "too many logins",
    "too many unsuccessful",
];

/// Words for what nobody but the patron knows, or types only to log in.
pub(super) const SECRETS: [&str; 8] = [
    "kennwort",
    "passwort",
    "pin",
    "password",
    "user name",
    "username",
    "barcode",
    "card number",
];

/// Words that refuse one of them, and can mean nothing else beside it.
pub(super) const PLAIN_REFUSALS: [&str; 10] = [
    "falsch",
    "ungültig",
    "nicht korrekt",
    "nicht richtig",
    "incorrect",
    "invalid",
    "not valid",
    "wrong",
    "does not match",
    "do not match",
];

/// Words with which a site asks for another PIN.
pub(super) const NEW_PIN: [&str; 9] = [
    "enter a new pin",
    "pin has expired",
    "pin must be changed",
    "must change your pin",
    "password has expired",
    "password must be changed",
    "must change your password",
    "ändern sie ihr passwort",
    "passwort ist abgelaufen",
];

/// What a library may have blocked.
pub(super) const BLOCKABLE: [&str; 7] = [
    "account",
    "card",
    "membership",
    "patron",
    "privilege",
    "privileges",
    "user",
];

/// Words that say so, if they stand beside it.
pub(super) const BLOCKED: [&str; 6] = [
    "barred",
    "blocked",
    "delinquent",
    "expired",
    "frozen",
    "suspended",
];

/// Words for what a person types to log in.
pub(super) const CREDENTIALS: [&str; 36] = [
    "angaben",
    "loginangaben",
    "anmeldedaten",
    "zugangsdaten",
    "benutzernummer",
    "benutzerkennung",
    "benutzername",
    "benutzernamen",
    "ausweisnummer",
    "ausweisnr",
    "lesernummer",
    "kundennummer",
    "kennung",
    "kennwort",
    "passwort",
    "pin",
    "login",
    "log in",
    "logon",
    "log on",
    "logging in",
    "sign in",
    "password",
    "user name",
    "username",
    "user id",
    "barcode",
    "bar code",
    "card number",
    "library card",
    "credentials",
    "patron",
    "borrower",
    "account information",
    "login information",
    "information you submitted",
];

/// Words that refuse them, if they stand beside them.
pub(super) const REFUSALS: [&str; 27] = [
    "falsch",
    "falsche",
    "falscher",
    "falsches",
    "ungültig",
    "ungültige",
    "ungültiger",
    "ungültiges",
    "nicht gültig",
    "nicht korrekt",
    "nicht richtig",
    "nicht bekannt",
    "unbekannt",
    "stimmt nicht",
    "stimmen nicht",
    "stimmen ihre",
    "fehlversuche",
    "incorrect",
    "invalid",
    "not valid",
    "not correct",
    "wrong",
    "does not match",
    "do not match",
    "could not be found",
    "unsuccessful",
    "failed",
];

/// Words for an outage, whatever the site.
pub(super) const OUTAGES: [&str; 12] = [
    "try again later",
    "an error occurred",
    "an error has occurred",
    "später erneut",
    "später noch einmal",
    "technischer fehler",
    "technisches problem",
    "derzeit nicht",
    "nicht erreichbar",
    "nicht verfügbar",
    "wartungsarbeiten",
    "datensicherung",
];

/// Words about the request itself, which no number or PIN could mend.
pub(super) const OF_THE_REQUEST: [&str; 16] = [
    "sitzung",
    "anmeldezeitraum",
    "session",
    "formular",
    "form has",
    "form was",
    "timed out",
    "token",
    "anfrage",
    "anfragen",
    "request",
    "requests",
    "postback",
    "csrf",
    "cookie",
    "cookies",
];
