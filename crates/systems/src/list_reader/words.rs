//! The words that the pages of several systems share.

/// Words for the day on which a loan is due: above its column, or before it in a line. Longer ones come first.
pub(crate) const DUE_WORDS: &[&str] = &[
    "due date",
    "due",
    "loan period",
    "leihfristende",
    "leihfrist bis",
    "leihfrist",
    "rückgabedatum",
    "rückgabe bis",
    "rückgabe",
    "fälligkeitsdatum",
    "fällig am",
    "fällig",
    "ausgeliehen bis",
    "entliehen bis",
    "ausleihe bis",
];

/// Words before the last day to pick a hold up.
pub(crate) const PICKUP_BY_WORDS: &[&str] = &[
    "available until",
    "available for pickup until",
    "available for pickup by",
    "abholbereit bis",
    "abholbar bis",
    "bereit bis",
    "bereitgestellt bis",
    "abzuholen bis",
    "abholen bis",
    "abholfrist",
];

/// Words before the day on which a request lapses.
pub(crate) const EXPIRES_WORDS: &[&str] = &[
    "expires",
    "ablaufdatum",
    "gültig bis",
    "läuft ab am",
    "vorgemerkt bis",
];

/// Words for the branch where a hold is picked up.
pub(crate) const PICKUP_BRANCH_WORDS: &[&str] = &[
    "pickup location",
    "pick up location",
    "pickup library",
    "pick up library",
    "abholort",
    "abholung in bibliothek",
    "bibliothek für die abholung",
    "abholbibliothek",
    "abholstelle",
    "ausgabeort",
    "ausgabestelle",
];

/// Words before the card's last day.
pub(crate) const CARD_EXPIRES_WORDS: &[&str] = &["ausweis gültig bis", "gültig bis", "valid until"];

/// Words before the card's number.
pub(crate) const CARD_NUMBER_WORDS: &[&str] = &[
    "benutzernummer",
    "kundennummer",
    "ausweisnummer",
    "user number",
];

/// Words for an event of a loan, whose day isn't its due date.
pub(crate) const LOAN_EVENTS: &[&str] = &[
    "billed", "claim", "claims", "claimed", "lost", "recall", "recalled", "returned",
];

/// The words between a place in a queue and its length.
pub(crate) const OF_WORDS: &[&str] = &["of", "de", "sur", "von", "van", "di", "av"];

/// Sentences of an account without loans.
pub(crate) const NO_LOANS: &[&str] = &[
    "keine medien ausgeliehen",
    "keine medien entliehen",
    "keine ausgeliehenen medien",
    "keine entliehenen medien",
    "keine ausleihen",
    "keine entleihungen",
    "nichts ausgeliehen",
    "nichts von uns ausgeliehen",
    "medien entliehen: 0",
    "0 medien entliehen",
    "do not have any items checked out",
    "not have any items checked out",
    "not have any items out",
    "no items checked out",
    "no items out",
    "no items are checked out",
    "no items currently checked out",
    "0 items checked out",
    "checked out: 0",
    "items out: 0",
    "no checkouts",
];

/// Sentences of an account without holds, on a page that may say the same of nothing else.
pub(crate) const NO_REQUESTS: &[&str] = &[
    "no requests",
    "no hold requests",
    "no holds",
    "no current requests",
    "no current hold requests",
    "no outstanding requests",
    "no outstanding hold requests",
    "not have any requests",
    "not have any hold requests",
    "not have any holds",
];

/// Sentences of an account without holds.
pub(crate) const NO_HOLDS: &[&str] = &[
    "keine vorbestellungen",
    "keine vormerkungen",
    "keine reservierungen",
    "keine offenen magazinbestellungen",
    "keine offenen fernleihanfragen",
    "keine medien vorbestellt",
    "keine medien vorgemerkt",
    "nichts vorbestellt",
    "nichts vorgemerkt",
    "0 medien vorbestellt",
    "not have any holds",
    "not have any storage retrieval requests",
    "not have any interlibrary loan requests",
    "you have no holds",
];

/// Words for a card that is blocked or expired, beside a login form.
pub(crate) const CARD_BLOCKED: &[&str] = &["gesperrt", "abgelaufen", "blocked", "expired"];

/// Sentences that say that somebody else waits for a loan.
pub(crate) const WANTED_BY_ANOTHER: &[&str] = &[
    "von einem anderen benutzer vorgemerkt",
    "requested by another user",
];

/// Whether the words about a loan say that it can't be renewed.
pub(crate) fn forbids_renewal(words: &str) -> bool {
    let lower = words.to_lowercase();
    let has = |part: &&str| lower.contains(*part);
    let is_about_renewal = ["verlänger", "renew"].iter().any(has);
    let refuses = ["nicht", "maximale anzahl", "cannot", "limit"];
    let is_wanted = || WANTED_BY_ANOTHER.iter().any(has);
    (is_about_renewal && refuses.iter().any(has)) || is_wanted()
}

/// Whether a kind of item is a digital one: `eMedium`, `E-Book`.
pub(crate) fn is_digital_kind(kind: &str) -> bool {
    let is_electronic = |word: &str| {
        let mut letters = word.chars();
        let begins = letters.next() == Some('e') && letters.next().is_some_and(char::is_uppercase);
        begins || word.eq_ignore_ascii_case("e-book")
    };
    kind.split([' ', ',', '/', '(', ')']).any(is_electronic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Diese Ausleihfrist kann nicht verlängert werden", true)]
    #[case("Maximale Anzahl Verlängerungen für diese Ausleihe erreicht", true)]
    #[case("Die maximale Anzahl an Verlängerungen ist erreicht.", true)]
    #[case("Dieses Medium wurde von einem anderen Benutzer vorgemerkt", true)]
    #[case("This item cannot be renewed", true)]
    #[case("Eine Verlängerung ist möglich.", false)]
    #[case("Nicht vorgemerkt", false)]
    fn renewal_is_forbidden_by_its_own_words(#[case] words: &str, #[case] expected: bool) {
        assert_eq!(forbids_renewal(words), expected);
    }

    #[rstest]
    #[case("eBook", true)]
    #[case("E-Book", true)]
    #[case("Datei / eAudio", true)]
    #[case("Buch", false)]
    #[case("Emil", false)]
    #[case("erzählung", false)]
    fn digital_kind_begins_with_a_small_e(#[case] kind: &str, #[case] expected: bool) {
        assert_eq!(is_digital_kind(kind), expected);
    }
}
