//! Formats authors: “Wren Aldous” where a site writes “Aldous, Wren”.

/// Words that don't occur in a person's name.
const ORGANISATION_WORDS: [&str; 24] = [
    "and",
    "&",
    "of",
    "the",
    "for",
    "inc",
    "ltd",
    "llc",
    "co",
    "corp",
    "company",
    "corporation",
    "department",
    "dept",
    "university",
    "library",
    "institute",
    "society",
    "association",
    "press",
    "firm",
    "staff",
    "band",
    "orchestra",
];

/// Suffixes that follow a name.
const SUFFIXES: [&str; 7] = ["jr", "sr", "ii", "iii", "iv", "v", "phd"];

/// Inverts “Surname, First”. Anything else stays as it is.
///
/// Dates and roles (“1892-1973, author”) and a fuller form in parentheses are dropped.
pub(crate) fn author_name(author: &str) -> String {
    let names: Vec<String> = author
        .split(';')
        .map(one_name)
        .filter(|name| name.contains(char::is_alphanumeric))
        .collect();
    if names.is_empty() {
        return author.trim().to_owned();
    }
    names.join("; ")
}

fn one_name(author: &str) -> String {
    let author = author.trim();
    let plain = without_parentheses(author);
    let mut parts: Vec<&str> = plain.split(',').map(str::trim).collect();
    while parts.len() > 1 && parts.last().is_some_and(|part| is_date_or_role(part)) {
        parts.pop();
    }
    match parts.as_slice() {
        [only] if plain.contains(',') && !only.is_empty() => (*only).to_owned(),
        [surname, given] if is_surname(surname) && is_given(given) => {
            format!("{} {surname}", without_full_stop(given))
        }
        [surname, given, suffix] if is_surname(surname) && is_given(given) && is_suffix(suffix) => {
            format!("{} {surname} {suffix}", without_full_stop(given))
        }
        _ => author.to_owned(),
    }
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Whether a part is like `1892-1973`, `b. 1950` or `illustrator.`: with digits, or all lower case.
fn is_date_or_role(part: &str) -> bool {
    part.is_empty()
        || part.chars().any(|c| c.is_ascii_digit())
        || part.chars().all(|c| !c.is_alphabetic() || c.is_lowercase())
}

fn is_surname(part: &str) -> bool {
    is_name(part, 3)
}

fn is_given(part: &str) -> bool {
    is_name(part, 4) && part.starts_with(char::is_uppercase) && !is_suffix(part)
}

fn is_name(part: &str, max_words: usize) -> bool {
    let words = part.split_whitespace().count();
    let is_organisation_word = |word: &str| {
        let word = word.trim_end_matches('.').to_lowercase();
        ORGANISATION_WORDS.contains(&word.as_str())
    };
    (1..=max_words).contains(&words)
        && !part.split_whitespace().any(is_organisation_word)
        && !part.chars().any(|c| c.is_ascii_digit())
        && part.chars().any(char::is_uppercase)
}

fn is_suffix(part: &str) -> bool {
    let suffix = part.replace('.', "").to_lowercase();
    SUFFIXES.contains(&suffix.as_str())
}

/// Drops a catalogue's full stop after a name (`Wren.`), but not after initials (`J. R. R.`).
fn without_full_stop(given: &str) -> &str {
    let last = given.split_whitespace().next_back().unwrap_or_default();
    let letters = last.chars().filter(|c| c.is_alphabetic()).count();
    if letters > 2 {
        given.trim_end_matches('.')
    } else {
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Aldous, Wren", "Wren Aldous")]
    #[case("Aldous, Wren.", "Wren Aldous")]
    #[case("Tolkien, J. R. R., 1892-1973, author", "J. R. R. Tolkien")]
    #[case("Tolkien, J. R. R. (John Ronald Reuel), 1892-1973", "J. R. R. Tolkien")]
    #[case("Lee, Harper, author.", "Harper Lee")]
    #[case("King, Martin Luther, Jr., 1929-1968", "Martin Luther King Jr.")]
    #[case("Le Guin, Ursula K.", "Ursula K. Le Guin")]
    #[case("Madonna, 1958-", "Madonna")]
    #[case("Finch, Hugo; Aldous, Wren", "Hugo Finch; Wren Aldous")]
    #[case("Wren Aldous", "Wren Aldous")]
    #[case("Plato", "Plato")]
    #[case("Smith, Jones, and Brown", "Smith, Jones, and Brown")]
    #[case("Acme Books, Inc.", "Acme Books, Inc.")]
    #[case(
        "University of Millbrook, Department",
        "University of Millbrook, Department"
    )]
    #[case("Earth, Wind & Fire", "Earth, Wind & Fire")]
    #[case("村上, 春樹", "村上, 春樹")]
    #[case("", "")]
    #[case(", ", ",")]
    #[case(";", ";")]
    #[case("Finch, Hugo;", "Hugo Finch")]
    fn surname_first_is_inverted_and_other_forms_stay(#[case] site: &str, #[case] mail: &str) {
        assert_eq!(author_name(site), mail);
    }
}
