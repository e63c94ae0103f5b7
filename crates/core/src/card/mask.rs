//! Masks the card's own number and PIN where a page prints them.

mod context;
mod span;

use secrecy::{ExposeSecret as _, SecretString};

use self::context::{Field, Labels};
use self::span::Span;
use super::CardSecret;
use super::number::{is_hyphen, normalize_card_number};
use crate::account::{Account, Hold, Loan};
use crate::failure::Failure;

/// Replaces a number or PIN.
const MASK: &str = "••••";

/// How many characters at the end of a number stay visible, so that a person recognises the card.
const VISIBLE_TAIL: usize = 4;

/// A shorter number is masked completely.
const MIN_CHARS_FOR_TAIL: usize = 8;

/// A shorter secret may occur by chance: four digits can be a year or a count.
const MIN_DISTINCTIVE_CHARS: usize = 6;

/// Masks one card's number and PIN in the texts of its pages.
///
/// Both are masked as whole tokens only, never inside a longer word or run of digits. The number is
/// found however it is printed (`2 1234 5678`, `21234-5678`), unless its groups have the shape of a
/// date. Its last four characters stay unless they are the PIN's; nothing of a PIN stays.
///
/// A secret is *distinctive* if it has six characters or more, and one of them is a digit or a sign
/// that words don't have. It is masked everywhere. Any other secret may occur by chance. It is
/// masked only
///
/// - where the text calls it so (`PIN: 2026`, `2026 is your PIN`) or it is beside the number;
/// - if it is four or five digits, also where it is alone in the library's own sentences (messages,
///   notes, reasons, failures; not titles: `1984` is a book).
///
/// *Alone* means that it isn't part of a date, an amount, a time or a longer number, and isn't a
/// year from 1900 to 2099, a count or an address (`4711 items`, `9 of 4711`).
#[derive(Clone)]
pub(crate) struct SecretMask {
    number: Secret,
    pin: Secret,
    number_in_its_place: String,
}

/// A number or PIN to search for.
#[derive(Clone)]
struct Secret {
    /// In lower case; a number without its group separators.
    chars: Vec<char>,
    is_number: bool,
    is_distinctive: bool,
    labels: Labels,
}

impl SecretMask {
    /// The mask of this card's number and PIN.
    pub(crate) fn new(secret: &CardSecret) -> Self {
        let printed = normalize_card_number(&secret.number);
        let number = printed.expose_secret();
        // `Name|number`: the patron's name isn't a secret.
        let number = number.rsplit_once('|').map_or(number, |(_, number)| number);
        let number = Secret::number(number);
        let pin = Secret::pin(&secret.pin);
        let tail = number.chars.len().saturating_sub(VISIBLE_TAIL);
        let tail: String = number.chars.iter().skip(tail).collect();
        let pin_text: String = pin.chars.iter().collect();
        let tells_pin = tail.contains(&pin_text) || pin_text.contains(&tail);
        let is_shown = number.chars.len() >= MIN_CHARS_FOR_TAIL && !tells_pin;
        let tail = if is_shown { tail } else { String::new() };
        Self {
            number,
            pin,
            number_in_its_place: format!("{MASK}{tail}"),
        }
    }

    /// Masks all texts of an account; an address that holds a secret is dropped.
    pub(crate) fn mask_account(&self, account: &mut Account) {
        for loan in account.loans.iter_mut().flatten() {
            let Loan {
                id,
                title,
                author,
                renewable_reason,
                format,
                note,
                url,
                ..
            } = loan;
            self.mask_texts(
                Field::Name,
                [Some(id), Some(title), author.as_mut(), format.as_mut()],
            );
            self.mask_texts(Field::Sentence, [renewable_reason.as_mut(), note.as_mut()]);
            url.take_if(|url| self.mask(url, Field::Name).is_some());
        }
        for hold in account.holds.iter_mut().flatten() {
            let Hold {
                id,
                title,
                author,
                pickup_branch,
                note,
                url,
                ..
            } = hold;
            self.mask_texts(
                Field::Name,
                [
                    Some(id),
                    Some(title),
                    author.as_mut(),
                    pickup_branch.as_mut(),
                ],
            );
            self.mask_texts(Field::Sentence, [note.as_mut()]);
            url.take_if(|url| self.mask(url, Field::Name).is_some());
        }
        self.mask_texts(Field::Sentence, account.messages.iter_mut().map(Some));
    }

    /// Masks a failure's detail.
    pub(crate) fn mask_failure(&self, failure: &mut Failure) {
        self.mask_texts(Field::Sentence, [Some(&mut failure.detail)]);
    }

    fn mask_texts<'a>(
        &self,
        field: Field,
        texts: impl IntoIterator<Item = Option<&'a mut String>>,
    ) {
        for text in texts.into_iter().flatten() {
            if let Some(masked) = self.mask(text, field) {
                *text = masked;
            }
        }
    }

    /// The text with the secrets masked; `None`: nothing to mask.
    fn mask(&self, text: &str, field: Field) -> Option<String> {
        let chars: Vec<char> = text.chars().collect();
        let numbers = self.number.find(&chars, field, &[]);
        let mut pins = self.pin.find(&chars, field, &numbers);
        pins.retain(|pin| {
            !numbers
                .iter()
                .any(|number| pin.from < number.to && number.from < pin.to)
        });
        let number = numbers
            .into_iter()
            .map(|span| (span, self.number_in_its_place.as_str()));
        let mut found: Vec<_> = number
            .chain(pins.into_iter().map(|span| (span, MASK)))
            .collect();
        if found.is_empty() {
            return None;
        }
        found.sort_by_key(|(span, _)| span.from);
        let mut masked = String::with_capacity(text.len());
        let mut at = 0;
        for (span, mask) in found {
            masked.extend(chars.get(at..span.from).unwrap_or_default());
            masked.push_str(mask);
            at = span.to;
        }
        masked.extend(chars.get(at..).unwrap_or_default());
        Some(masked)
    }
}

impl Secret {
    fn number(number: &str) -> Self {
        let is_separator = |c: &char| c.is_whitespace() || is_hyphen(*c);
        let chars = lower_case(number).into_iter().filter(|c| !is_separator(c));
        Self {
            is_distinctive: is_distinctive(number),
            chars: chars.collect(),
            is_number: true,
            labels: Labels::Number,
        }
    }

    fn pin(pin: &SecretString) -> Self {
        // White space in page texts is folded already.
        let pin = crate::text::clean(pin.expose_secret());
        Self {
            is_distinctive: is_distinctive(&pin),
            chars: lower_case(&pin),
            is_number: false,
            labels: Labels::Pin,
        }
    }

    /// Finds the spans to mask. `beside` are the number's spans.
    fn find(&self, text: &[char], field: Field, beside: &[Span]) -> Vec<Span> {
        let mut found = Vec::new();
        let mut from = 0;
        while from < text.len() {
            match self.end_of_match(text, from) {
                Some(to) if self.is_meant(text, Span { from, to }, field, beside) => {
                    found.push(Span { from, to });
                    from = to;
                }
                _ => from += 1,
            }
        }
        found
    }

    /// Finds the end of the token that begins at `from`, if the whole token is this secret.
    fn end_of_match(&self, text: &[char], from: usize) -> Option<usize> {
        let (first, last) = (self.chars.first()?, self.chars.last()?);
        let before = from.checked_sub(1).and_then(|before| text.get(before));
        if first.is_alphanumeric() && before.is_some_and(|c| c.is_alphanumeric()) {
            return None;
        }
        let mut at = from;
        for (index, wanted) in self.chars.iter().enumerate() {
            let mut c = *text.get(at)?;
            let may_separate = self.is_number && index > 0 && (c.is_whitespace() || is_hyphen(c));
            if may_separate {
                at += 1;
                c = *text.get(at)?;
            }
            if !c.to_lowercase().eq(wanted.to_lowercase()) {
                return None;
            }
            at += 1;
        }
        let is_whole =
            !last.is_alphanumeric() || !text.get(at).is_some_and(|c| c.is_alphanumeric());
        is_whole.then_some(at)
    }

    /// Whether the token is the secret, and doesn't just look like it.
    fn is_meant(&self, text: &[char], span: Span, field: Field, beside: &[Span]) -> bool {
        if context::is_called(text, span, self.labels) || context::is_beside(text, span, beside) {
            return true;
        }
        if self.is_distinctive {
            return !context::has_shape_of_date(text.get(span.from..span.to).unwrap_or_default());
        }
        let is_number = self.chars.iter().all(char::is_ascii_digit);
        is_number
            && self.chars.len() >= VISIBLE_TAIL
            && field == Field::Sentence
            && context::is_alone(text, span)
    }
}

fn lower_case(text: &str) -> Vec<char> {
    text.trim().chars().flat_map(char::to_lowercase).collect()
}

/// Whether a secret is not a word and too long to appear by chance.
fn is_distinctive(secret: &str) -> bool {
    let is_of_words = |c: char| {
        c.is_alphabetic() || c.is_whitespace() || is_hyphen(c) || matches!(c, '\'' | '’' | '.')
    };
    secret.chars().filter(|c| !c.is_whitespace()).count() >= MIN_DISTINCTIVE_CHARS
        && !secret.chars().all(is_of_words)
}

#[cfg(test)]
mod tests;
