//! The words that the pages of several systems share.

use hippo_browser::reading::text_after_words;

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
    "billed", "claim", "claims", "claimed", "lost", "recall", "recalled", "returned", "verloren",
    "verlust", "vermisst", "perdu",
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
    "aucun document emprunté",
];

/// Words for nothing in the place of a list of loans. Others that deny, such as “no”, may tell of an outage.
pub(crate) const NOTHING: &[&str] = &[
    "nothing",
    "no items",
    "no checkouts",
    "nichts",
    "keine ausleihen",
    "keine medien",
    "rien",
    "aucun document",
    "aucun exemplaire",
    "aucun prêt",
    "nada",
    "ningún documento",
    "ningún ejemplar",
    "ningún préstamo",
    "nenhum item",
    "nenhum exemplar",
    "niente",
    "nulla",
    "nessun documento",
    "nessun prestito",
    "niets",
    "geen exemplaren",
    "geen items",
    "geen uitleningen",
    "inget",
    "ingenting",
    "inga lån",
    "intet",
    "ingen lån",
    "ei lainoja",
    "ei ole lainoja",
    "yhtään",
    "mitään",
    "nic",
    "nincs",
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

/// The names of the lists of one system family, in headings and tabs.
pub(crate) const NAMES_OF_LOANS: &[&str] = &[
    "ausleihen",
    "entleihungen",
    "ausgeliehene medien",
    "entliehene medien",
    "loans",
];
pub(crate) const NAMES_OF_ORDERS: &[&str] = &["bestellungen", "bestellte medien", "orders"];
pub(crate) const NAMES_OF_RESERVATIONS: &[&str] = &[
    "vormerkungen",
    "vorbestellungen",
    "vorgemerkte medien",
    "reservations",
];
pub(crate) const NAMES_OF_FEES: &[&str] = &["gebühren", "fees"];
/// The words for an empty list. One site really has `entält`.
pub(crate) const NO_ENTRIES: &[&str] = &[
    "keine daten",
    "enthält keine",
    "entält keine",
    "keine einträge",
    "keine ausleihen",
    "keine bestellungen",
    "keine vormerkungen",
    "keine medien",
    "no data",
    "no entries",
    "contains no",
];

/// The names of lists of loans from other libraries.
pub(crate) const INTER_LIBRARY_LOANS: &[&str] = &[
    "fernleihe",
    "fernleihen",
    "fernleihbestellungen",
    "interlibrary loans",
];
/// Words before a day on which something happened to a loan.
pub(crate) const PAST_DAY_WORDS: &[&str] = &["verlängert am", "entliehen am", "ausgeliehen am"];

/// The least digits of an item's number in groups, and the most letters in front of them.
const MIN_DIGITS_IN_GROUPS: usize = 3;
const MAX_LETTERS: usize = 4;

/// Whether a text before a slash is a number with a few capitals in front of it: `M 55 123456`, `ILL:00012345`.
pub(crate) fn is_number_in_groups(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let mut letters = text.split(|c: char| !c.is_alphabetic());
    digits >= MIN_DIGITS_IN_GROUPS
        && letters.all(|word| word.len() <= MAX_LETTERS && !word.contains(char::is_lowercase))
}

/// Parts of words about an overdue loan.
const OVERDUE: [&str; 4] = ["überschreitung", "überfällig", "gemahnt", "mahnung"];

/// Whether a line says that a loan is overdue.
pub(crate) fn is_reminder(line: &str) -> bool {
    let lower = line.to_lowercase();
    OVERDUE.iter().any(|stem| lower.contains(stem))
}

/// Whether a line is a sentence about the loan, and no name.
pub(crate) fn is_remark(line: &str) -> bool {
    const STEMS: [&str; 5] = [
        "verlänger",
        "leihfrist",
        "vorgemerkt",
        "vormerk",
        "fernleihe",
    ];
    let lower = line.to_lowercase();
    STEMS
        .iter()
        .chain(&OVERDUE)
        .any(|stem| lower.contains(stem))
}

/// Words for a card that is blocked or expired, beside a login form.
pub(crate) const CARD_BLOCKED: &[&str] = &["gesperrt", "abgelaufen", "blocked", "expired"];

/// Words that say that somebody else waits for a loan.
const WANTED_BY_ANOTHER: &[&str] = &[
    "von einem anderen benutzer vorgemerkt",
    "anderweitig vorbestellt",
    "requested by another user",
];

/// Words for “not”, beside those for a renewal.
const NOT: &[&str] = &["nicht", "kein", "keine", "not", "cannot", "can't"];
/// Words before “not” that refer to the past, with “renewed”, or to a condition.
const NOT_YET: &[&str] = &["noch nicht verlängert", "not yet renewed"];
const CONDITIONS: &[&str] = &["sofern", "wenn", "falls", "solange", "unless", "if"];
/// Words for the most renewals, and for having had them.
const LIMITS: &[&str] = &["maximale anzahl", "max. anzahl", "limit", "höchstzahl"];
const REACHED: &[&str] = &["erreicht", "überschritten", "reached", "exceeded"];

/// All words that tell whether a loan can be renewed.
pub(super) const OF_RENEWAL: [&[&str]; 6] =
    [NOT, NOT_YET, CONDITIONS, LIMITS, REACHED, WANTED_BY_ANOTHER];

/// Whether the words about a loan say that it can't be renewed, in one clause.
pub(crate) fn forbids_renewal(words: &str) -> bool {
    let lower = words.to_lowercase();
    let has = |clause: &str, words: &[&str]| text_after_words(clause, words).is_some();
    clauses(&lower).into_iter().any(|clause| {
        let is_about_renewal = clause.contains("verlänger") || clause.contains("renew");
        let is_negated = has(clause, NOT) && !has(clause, NOT_YET);
        let is_at_limit = has(clause, LIMITS) && has(clause, REACHED);
        let is_wanted = has(clause, WANTED_BY_ANOTHER) && !has(clause, NOT);
        let is_condition = has(clause, CONDITIONS);
        !is_condition && (is_wanted || (is_about_renewal && (is_negated || is_at_limit)))
    })
}

/// Splits sentences and their clauses. The points of a date or an abbreviation end none.
fn clauses(text: &str) -> Vec<&str> {
    let mut clauses = Vec::new();
    let (mut start, mut previous) = (0, ' ');
    for (at, sign) in text.char_indices() {
        let is_within = sign == '.' && previous.is_ascii_digit();
        let is_abbreviation =
            sign == '.' && text.get(..at).is_some_and(|text| text.ends_with("max"));
        if matches!(sign, ',' | ';' | ':' | '(' | ')' | '.' | '!') && !is_within && !is_abbreviation
        {
            clauses.extend(text.get(start..at));
            start = at + sign.len_utf8();
        }
        previous = sign;
    }
    clauses.extend(text.get(start..));
    clauses
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
    #[case("Nicht vor dem 05.12.2026 verlängerbar", true)]
    #[case("Keine weitere Verlängerung möglich, Medium wurde vorgemerkt", true)]
    #[case("Max. Anzahl Verlängerungen erreicht", true)]
    #[case("Renewal limit reached", true)]
    #[case(
        "Titel wurde anderweitig vorbestellt: Fälligkeitsdatum aktualisiert",
        true
    )]
    #[case(
        "Wird automatisch verlängert (sofern er nicht anderweitig vorbestellt wird)",
        false
    )]
    #[case("Verlängerbar, nicht vorgemerkt", false)]
    #[case("Medium ist nicht vorgemerkt, Verlängerung möglich", false)]
    #[case("Verlängerung möglich, noch nicht verlängert", false)]
    #[case("Renewal possible (limit 3)", false)]
    #[case("Wird verlängert, wenn die Verlängerung nicht gesperrt ist", false)]
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
