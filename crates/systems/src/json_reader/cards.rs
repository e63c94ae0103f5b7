//! Finds the account's own card among those that its pages show.

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::is_another_card;
use hippo_core::failure::Failure;

use super::description::CardsDescription;
use super::value::JsonObject;

/// A card, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ShownCard {
    number: Option<String>,
    pub(super) expires: Option<NaiveDate>,
}

/// Reads the user's cards, or all cards if the page marks none as theirs; if some are of this library, only those.
pub(super) fn read_cards(
    description: &CardsDescription,
    state: JsonObject<'_>,
) -> Result<Vec<ShownCard>, Failure> {
    let mut cards = Vec::new();
    for id in state.texts(description.user_card_ids)?.unwrap_or_default() {
        cards.extend(state.object_at(description.cards, &id)?);
    }
    if cards.is_empty() {
        let all = state.objects(description.cards)?.unwrap_or_default();
        cards = all.into_iter().map(|(_, card)| card).collect();
    }
    let mut at_this_library = Vec::new();
    if let Some(library) = state.text(description.library)? {
        for card in &cards {
            if card.text(description.card_library)?.as_ref() == Some(&library) {
                at_this_library.push(*card);
            }
        }
    }
    let cards = match at_this_library.is_empty() {
        true => cards,
        false => at_this_library,
    };
    let shown = cards.into_iter().map(|card| {
        Ok(ShownCard {
            number: card.words(description.number)?,
            expires: card.date(description.expires)?,
        })
    });
    shown.collect()
}

/// Returns the card of this account; `page_changed` if the page names another one.
///
/// The card's number and the one on the page are compared only if both are numbers: a patron may log in by a user name,
/// and a site may mask all but the last digits. One may have a prefix that the other lacks. If none can be compared, an
/// only card is taken, and several give `None`.
pub(super) fn find_own_card<'a>(
    cards: &'a [ShownCard],
    context: &ReadContext<'_>,
) -> Result<Option<&'a ShownCard>, Failure> {
    let mut has_other_number = false;
    if let Some(number) = context.card_number {
        for card in cards {
            let shown = card.number.as_deref();
            match shown.and_then(|shown| is_another_card(shown, number)) {
                Some(false) => return Ok(Some(card)),
                Some(true) => has_other_number = true,
                None => {}
            }
        }
    }
    if has_other_number {
        return Err(Failure::page_changed("the account belongs to another card"));
    }
    Ok(cards.first().filter(|_| cards.len() == 1))
}
