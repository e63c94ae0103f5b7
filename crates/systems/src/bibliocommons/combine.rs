//! Combines pages into one account: a list is complete by the site's own counts, or unknown.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hippo_browser::ReadContext;
use hippo_browser::reading::{Messages, is_another_card, prepare_to_store};
use hippo_core::account::{Account, Hold, Loan};
use hippo_core::failure::Failure;

use super::pages::{AccountPage, ListPage, Scope, ShownCard};
use super::totals::{HOLD_STATES, Totals};

/// Combines the pages, in any order, into one account.
pub(super) fn combine(
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
        match &user {
            Some(user) if *user != page.user => {
                return Err(Failure::page_changed("the pages belong to two accounts"));
            }
            _ => user = Some(page.user),
        }
        totals.add(&page.totals)?;
        for card in page.cards {
            if seen_cards.insert(card.clone()) {
                cards.push(card);
            }
        }
        messages.extend(page.messages.iter().map(String::as_str));
        loans.extend(page.loans);
        holds.extend(page.holds);
    }
    let card = own_card(&cards, context)?;
    account.card_expires = card.and_then(|card| card.expires);
    account.fines = totals.fines;
    account.messages = messages.into_vec();
    account.declared.loans = totals.loans.or_else(|| stated_count(&loans));
    account.declared.holds = totals.holds.as_ref().map(|holds| holds.all);
    account.loans = all_loans(loans, account.declared.loans)?;
    account.holds = all_holds(holds, &totals)?;
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
    let only = match cards {
        [only] => Some(only),
        _ => None,
    };
    let Some(number) = context.card_number else {
        return Ok(only);
    };
    let mut another = false;
    for card in cards {
        let barcode = card.barcode.as_deref();
        match barcode.and_then(|barcode| is_another_card(barcode, number)) {
            Some(false) => return Ok(Some(card)),
            Some(true) => another = true,
            None => {}
        }
    }
    if another {
        return Err(Failure::page_changed("the account belongs to another card"));
    }
    Ok(only)
}

/// Returns the count that the complete list states for itself.
fn stated_count<T>(list_pages: &[ListPage<T>]) -> Option<u32> {
    list_pages
        .iter()
        .find(|list_page| matches!(list_page.scope, Scope::All | Scope::Unknown))
        .map(|list_page| list_page.count)
}

fn all_loans(
    list_pages: Vec<ListPage<Loan>>,
    total: Option<u32>,
) -> Result<Option<Vec<Loan>>, Failure> {
    let Some(total) = total else { return Ok(None) };
    let is_all = |scope: &Scope| matches!(scope, Scope::All | Scope::Unknown);
    for list_page in list_pages
        .iter()
        .filter(|list_page| is_all(&list_page.scope))
    {
        require_same_count(list_page, total, "loans")?;
    }
    let complete = complete_lists(&list_pages).iter().any(is_all);
    let mut ids = HashSet::new();
    let loans: Vec<Loan> = list_pages
        .into_iter()
        .flat_map(|list_page| list_page.rows)
        .map(|(_, loan)| loan)
        .filter(|loan| ids.insert(loan.id.clone()))
        .collect();
    Ok(is_whole_list(loans.len(), total, complete, "loans")?.then_some(loans))
}

/// Combines the holds, which are counted by state: each state has its own pages and its own total.
fn all_holds(
    list_pages: Vec<ListPage<Hold>>,
    totals: &Totals,
) -> Result<Option<Vec<Hold>>, Failure> {
    let complete = complete_lists(&list_pages);
    let mut counted: BTreeMap<String, u32> = BTreeMap::new();
    let mut ids = HashSet::new();
    let mut holds = Vec::new();
    for list_page in list_pages {
        if let Some(totals) = &totals.holds {
            match &list_page.scope {
                Scope::All => require_same_count(&list_page, totals.all, "holds")?,
                Scope::State(state) => {
                    require_same_count(&list_page, totals.count_in(state), "holds of a state")?
                }
                Scope::Unknown => {}
            }
        }
        for (status, hold) in list_page.rows {
            let state = match &list_page.scope {
                Scope::State(state) => state.clone(),
                Scope::All | Scope::Unknown => status,
            };
            if ids.insert(hold.id.clone()) {
                let count = counted.entry(state).or_insert(0);
                *count = count.saturating_add(1);
                holds.push(hold);
            }
        }
    }
    let all_given = complete.contains(&Scope::All);
    let given = |state: &str| all_given || complete.contains(&Scope::State(state.to_owned()));
    let Some(totals) = &totals.holds else {
        // Without totals, the pages of every state are needed.
        return Ok(HOLD_STATES
            .iter()
            .all(|state| given(state))
            .then_some(holds));
    };
    let mut is_whole = true;
    let states: BTreeSet<&String> = totals.by_state.keys().chain(counted.keys()).collect();
    for state in states {
        let rows = counted.get(state).copied().unwrap_or(0);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        is_whole &= is_whole_list(
            rows,
            totals.count_in(state),
            given(state),
            "holds of a state",
        )?;
    }
    Ok(is_whole.then_some(holds))
}

/// Returns the lists whose pages were all given.
fn complete_lists<T>(list_pages: &[ListPage<T>]) -> BTreeSet<Scope> {
    let mut pages_by_list: BTreeMap<&Scope, (u32, BTreeSet<u32>)> = BTreeMap::new();
    for list_page in list_pages {
        let (pages, numbers) = pages_by_list.entry(&list_page.scope).or_default();
        *pages = (*pages).max(list_page.pages);
        numbers.insert(list_page.page);
    }
    pages_by_list
        .into_iter()
        .filter(|(_, (pages, numbers))| {
            // An empty list has no pages, but is still shown.
            (1..=(*pages).max(1)).all(|page| numbers.contains(&page))
        })
        .map(|(scope, _)| scope.clone())
        .collect()
}

fn require_same_count<T>(list_page: &ListPage<T>, total: u32, what: &str) -> Result<(), Failure> {
    if list_page.count == total {
        return Ok(());
    }
    Err(Failure::page_changed(format!(
        "the site's total is {total} {what}, its list has {}",
        list_page.count
    )))
}

/// Whether the rows are complete; fails if there are too many, or too few in a complete list.
fn is_whole_list(rows: usize, total: u32, complete: bool, what: &str) -> Result<bool, Failure> {
    let total = usize::try_from(total).unwrap_or(usize::MAX);
    if rows > total || (rows < total && complete) {
        return Err(Failure::page_changed(format!(
            "the site says {total} {what}, but {rows} were read"
        )));
    }
    Ok(rows == total)
}
