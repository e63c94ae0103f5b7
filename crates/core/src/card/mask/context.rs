//! Decides from the text around it whether a token is the card's number or PIN.

use super::span::Span;
use crate::card::number::is_hyphen;

/// The kind of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// A title, an author or a branch: its own numbers aren't PINs.
    Name,
    /// The library's own words to the patron, or a failure's.
    Sentence,
}

/// The words that introduce a secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    Number,
    Pin,
}

impl Labels {
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Number => &[
                "number",
                "no",
                "card",
                "barcode",
                "username",
                "user",
                "login",
                "account",
                "id",
                "nummer",
                "nr",
                "ausweis",
                "ausweisnummer",
                "benutzer",
                "benutzername",
                "benutzernummer",
                "karte",
                "kartennummer",
                "numéro",
                "carte",
                "utilisateur",
                "número",
                "tarjeta",
                "usuario",
                "kort",
                "kaart",
                "kaartnummer",
            ],
            Self::Pin => &[
                "pin",
                "pins",
                "pincode",
                "nip",
                "password",
                "passcode",
                "passphrase",
                "passwort",
                "kennwort",
                "geheimzahl",
                "passe",
                "contraseña",
                "clave",
                "senha",
                "wachtwoord",
                "lösenord",
                "passord",
                "adgangskode",
                "salasana",
                "hasło",
            ],
        }
    }
}

/// Words that may be between a label and its secret: `Your PIN is now 4711`.
const FILLERS: [&str; 26] = [
    "is", "was", "are", "now", "new", "your", "the", "as", "code", "number", "no", "to", "ist",
    "war", "lautet", "ihr", "ihre", "est", "votre", "le", "la", "es", "su", "är", "er", "mot",
];

/// How many fillers may be between a label and its secret.
const MAX_FILLERS: usize = 3;

/// Four digits in this range are a year, unless the text says otherwise.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2099;

/// Whether one of these labels is before or after the token.
pub(super) fn is_called(text: &[char], span: Span, labels: Labels) -> bool {
    let is_label = |mut words: Box<dyn Iterator<Item = String> + '_>| {
        for _ in 0..=MAX_FILLERS {
            let Some(word) = words.next() else {
                return false;
            };
            if labels.words().contains(&word.as_str()) {
                return true;
            }
            if !FILLERS.contains(&word.as_str()) {
                return false;
            }
        }
        false
    };
    is_label(Box::new(words_before(text, span.from)))
        || is_label(Box::new(words_after(text, span.to)))
}

/// The words before a position, nearest first, up to the end of a sentence.
fn words_before(text: &[char], end: usize) -> impl Iterator<Item = String> + '_ {
    let mut before = text.get(..end).unwrap_or_default();
    std::iter::from_fn(move || {
        let at = before.iter().rposition(|c| c.is_alphanumeric())?;
        let between = before.get(at + 1..)?;
        if between.iter().any(ends_sentence) {
            return None;
        }
        let from = before.get(..at)?.iter().rposition(|c| !c.is_alphanumeric());
        let from = from.map_or(0, |other| other + 1);
        let word = lower_case(before.get(from..=at)?);
        before = before.get(..from)?;
        Some(word)
    })
}

/// The words after a position, up to the end of a sentence.
fn words_after(text: &[char], start: usize) -> impl Iterator<Item = String> + '_ {
    let mut after = text.get(start..).unwrap_or_default();
    std::iter::from_fn(move || {
        let at = after.iter().position(|c| c.is_alphanumeric())?;
        // A colon or comma ends the search too. A label after one rarely names the token before it:
        // `29…, 4711: PIN` is rare, `in 2026: PIN changed` is not.
        if after
            .get(..at)?
            .iter()
            .any(|c| ends_sentence(c) || *c == ':' || *c == ',')
        {
            return None;
        }
        let rest = after.get(at..)?;
        let length = rest
            .iter()
            .position(|c| !c.is_alphanumeric())
            .unwrap_or(rest.len());
        let word = lower_case(rest.get(..length)?);
        after = rest.get(length..)?;
        Some(word)
    })
}

fn ends_sentence(c: &char) -> bool {
    matches!(c, '.' | '!' | '?' | ';')
}

fn lower_case(word: &[char]) -> String {
    word.iter().flat_map(|c| c.to_lowercase()).collect()
}

/// Whether only punctuation separates the token from one of these.
pub(super) fn is_beside(text: &[char], span: Span, others: &[Span]) -> bool {
    others.iter().any(|other| {
        let between = if other.to <= span.from {
            text.get(other.to..span.from)
        } else {
            text.get(span.to..other.from)
        };
        between.is_some_and(|between| between.iter().all(|c| !c.is_alphanumeric()))
    })
}

/// Whether the groups of a printed number have the shape of a date: `2026-11-21`, `21-11-2026`, `21 11 26`.
pub(super) fn has_shape_of_date(token: &[char]) -> bool {
    let mut groups = token
        .split(|c| c.is_whitespace() || is_hyphen(*c))
        .map(<[char]>::len);
    let shape = [groups.next(), groups.next(), groups.next(), groups.next()];
    let is_digits = token
        .iter()
        .all(|c| c.is_ascii_digit() || c.is_whitespace() || is_hyphen(*c));
    is_digits
        && matches!(
            shape,
            [Some(4), Some(1..=2), Some(1..=2), None]
                | [Some(1..=2), Some(1..=2), Some(2 | 4), None]
        )
}

/// Whether a token of digits is neither a year nor part of a date, an amount, a time, a longer
/// number, an address or a count.
pub(super) fn is_alone(text: &[char], span: Span) -> bool {
    let before = text.get(..span.from).unwrap_or_default();
    let after = text.get(span.to..).unwrap_or_default();
    let token: String = text
        .get(span.from..span.to)
        .unwrap_or_default()
        .iter()
        .collect();
    let is_year = token.len() == 4 && token.parse().is_ok_and(|year| YEARS.contains(&year));
    // Both sides are read from the token outwards.
    let mut backwards = before.iter().rev();
    let (first, second) = (backwards.next(), backwards.next());
    let goes_on = |sign: Option<&char>, next: Option<&char>| {
        let is_link = |c: &char| {
            c.is_whitespace() || is_hyphen(*c) || matches!(c, '.' | ',' | ':' | '/' | '\'' | '’')
        };
        sign.is_some_and(is_link) && next.is_some_and(char::is_ascii_digit)
    };
    let is_of_amount = |sign: Option<&char>, next: Option<&char>| {
        let nearest = sign.filter(|c| !c.is_whitespace()).or(next);
        nearest.is_some_and(|c| is_currency_sign(*c))
            || sign.is_some_and(|c| matches!(c, '%' | '+'))
    };
    !(is_year
        || goes_on(first, second)
        || goes_on(after.first(), after.get(1))
        || is_of_amount(first, second)
        || is_of_amount(after.first(), after.get(1))
        || is_currency_code(
            &words_before(text, span.from).next().unwrap_or_default(),
            before,
        )
        || is_followed_by_word(after)
        || is_end_of_count(text, span.from))
}

fn is_currency_sign(c: char) -> bool {
    matches!(
        c,
        '$' | '¢' | '£' | '¤' | '¥' | '฿' | '\u{20a0}'..='\u{20cf}'
    )
}

/// `EUR 4711`: three capital letters right before the token.
fn is_currency_code(word: &str, before: &[char]) -> bool {
    let written: Vec<&char> = before
        .iter()
        .rev()
        .skip_while(|c| c.is_whitespace())
        .take(3)
        .collect();
    word.chars().count() == 3
        && written.len() == 3
        && written.into_iter().all(|c| c.is_ascii_uppercase())
}

/// `4711 items`, `4711 Main Street`, `4711 EUR`.
fn is_followed_by_word(after: &[char]) -> bool {
    after.first().is_some_and(|c| c.is_whitespace())
        && after.get(1).is_some_and(|c| c.is_alphabetic())
}

/// `9 of 4711`: a number, a word, the token.
fn is_end_of_count(text: &[char], from: usize) -> bool {
    let mut words = words_before(text, from);
    let has_letters = words
        .next()
        .is_some_and(|word| word.chars().all(char::is_alphabetic));
    has_letters
        && words
            .next()
            .is_some_and(|word| word.chars().all(|c| c.is_ascii_digit()))
}
