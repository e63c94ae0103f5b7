//! Makes one account of several pages.

use std::collections::HashSet;

use hippo_browser::ReadContext;
use hippo_browser::reading::{Messages, is_another_card, prepare_to_store};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use super::description::hold_states;
use super::pages::{AccountPage, ShownCard};
use super::totals::Totals;
use crate::json_reader::{ListPart, ListTotals, join_list_pages};

/// Makes one account of the pages, in any order.
pub(super) fn join_pages(
    pages: Vec<AccountPage>,
    mut account: Account,
    context: &ReadContext<'_>,
) -> Result<Account, Failure> {
    let mut totals = Totals::default();
    let mut user: Option<String> = None;
    let mut cards: Vec<ShownCard> = Vec::new();
    let mut seen_cards = HashSet::new();
    let mut messages = Messages::default();
    let (mut loans, mut holds) = (Vec::new(), Vec::new());
    for page in pages {
        if user.is_some_and(|user| user != page.user) {
            return Err(Failure::page_changed("the pages belong to two accounts"));
        }
        user = Some(page.user);
        totals.add(page.totals)?;
        let new_cards = page.cards.into_iter();
        cards.extend(new_cards.filter(|card| seen_cards.insert(card.clone())));
        messages.extend(page.messages.iter().map(String::as_str));
        loans.extend(page.loans);
        holds.extend(page.holds);
    }
    for page in &mut loans {
        // The pages of loans that are overdue, say, have no totals of their own.
        page.part = match page.part {
            ListPart::State(_) => ListPart::Unknown,
            ListPart::Whole | ListPart::Unknown => ListPart::Whole,
        };
    }
    let whole = loans.iter().find(|page| page.part == ListPart::Whole);
    let all_loans = totals.loans.or_else(|| whole.map(|page| page.count));
    account.card_expires = own_card(&cards, context)?.and_then(|card| card.expires);
    account.fines = totals.fines;
    account.messages = messages.into_vec();
    account.declared.loans = all_loans;
    account.declared.holds = totals.holds.as_ref().map(|holds| holds.all);
    if let Some(all) = all_loans {
        let totals = ListTotals::without_states(all);
        account.loans = join_list_pages(loans, Some(&totals), &[])?;
    }
    account.holds = join_list_pages(holds, totals.holds.as_ref(), &hold_states())?;
    prepare_to_store(&mut account);
    Ok(account)
}

/// Returns the card of this account; `page_changed` if the page names another one.
///
/// The card's number and the barcode on the page are compared only if both are numbers: a patron may
/// log in by a user name, and a site may mask the digits. One may have a prefix that the other lacks. Several
/// cards that can't be compared give `None`.
fn own_card<'a>(
    cards: &'a [ShownCard],
    context: &ReadContext<'_>,
) -> Result<Option<&'a ShownCard>, Failure> {
    let mut another = false;
    if let Some(number) = context.card_number {
        for card in cards {
            let barcode = card.barcode.as_deref();
            match barcode.and_then(|barcode| is_another_card(barcode, number)) {
                Some(false) => return Ok(Some(card)),
                Some(true) => another = true,
                None => {}
            }
        }
    }
    if another {
        return Err(Failure::page_changed("the account belongs to another card"));
    }
    Ok(cards.first().filter(|_| cards.len() == 1))
}
