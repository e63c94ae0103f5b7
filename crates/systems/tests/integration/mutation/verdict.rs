//! Compares a mutant's account with the original.

use hippo_core::account::{Account, Hold, HoldState, Loan};

/// Names what the mutant's account states and the original doesn't; `None` if it is the same, or if
/// less is known.
///
/// Ids are ignored: if a page loses the site's own id, a stable hash replaces it, and at worst an item
/// is marked as new. The library's messages, notes and the kind of item are ignored too: nothing
/// confirms them. The end of a title or a reason may be missing: a subtitle, a volume.
pub(crate) fn find_difference(original: &Account, mutant: &Account) -> Option<&'static str> {
    if let Some(loans) = &mutant.loans {
        let known = original.loans.as_deref().unwrap_or_default();
        match loans.len().cmp(&known.len()) {
            std::cmp::Ordering::Less => return Some("fewer loans"),
            std::cmp::Ordering::Greater => return Some("more loans"),
            std::cmp::Ordering::Equal => {}
        }
        if !is_matched(known, loans, is_same_loan) {
            return Some("other loans");
        }
    }
    if let Some(holds) = &mutant.holds {
        let known = original.holds.as_deref().unwrap_or_default();
        match holds.len().cmp(&known.len()) {
            std::cmp::Ordering::Less => return Some("fewer holds"),
            std::cmp::Ordering::Greater => return Some("more holds"),
            std::cmp::Ordering::Equal => {}
        }
        if !is_matched(known, holds, is_same_hold) {
            return Some("other holds");
        }
    }
    if !is_same_or_unknown(original.fines.as_ref(), mutant.fines.as_ref()) {
        return Some("other fines");
    }
    if !is_same_or_unknown(original.card_expires.as_ref(), mutant.card_expires.as_ref()) {
        return Some("another expiry");
    }
    None
}

/// Whether each entry matches a different known one.
fn is_matched<T>(known: &[T], found: &[T], is_same: fn(&T, &T) -> bool) -> bool {
    let mut left: Vec<&T> = known.iter().collect();
    found.iter().all(|entry| {
        let index = left.iter().position(|known| is_same(known, entry));
        index.map(|index| left.remove(index)).is_some()
    })
}

/// Whether the value is the same or unknown.
fn is_same_or_unknown<T: PartialEq>(known: Option<&T>, found: Option<&T>) -> bool {
    found.is_none() || found == known
}

/// Whether the text is the same or its beginning.
fn is_beginning_of(known: &str, found: &str) -> bool {
    let rest = known.strip_prefix(found);
    !found.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
}

fn is_same_loan(known: &Loan, found: &Loan) -> bool {
    is_beginning_of(&known.title, &found.title)
        && known.due == found.due
        && known.digital == found.digital
        && is_same_or_unknown(known.author.as_ref(), found.author.as_ref())
        && is_same_or_unknown(known.renewals.as_ref(), found.renewals.as_ref())
        && is_same_or_unknown(known.renewable.as_ref(), found.renewable.as_ref())
        && found.renewable_reason.as_ref().is_none_or(|found| {
            let known = known.renewable_reason.as_ref();
            known.is_some_and(|known| is_beginning_of(known, found))
        })
        && is_same_or_unknown(known.url.as_ref(), found.url.as_ref())
}

fn is_same_hold(known: &Hold, found: &Hold) -> bool {
    // “Other” is used if the page lost the state.
    let is_state = known.state == found.state || found.state == HoldState::Other;
    is_state
        && is_beginning_of(&known.title, &found.title)
        && known.digital == found.digital
        && is_same_or_unknown(known.author.as_ref(), found.author.as_ref())
        && is_same_or_unknown(known.position.as_ref(), found.position.as_ref())
        && is_same_or_unknown(known.queue_length.as_ref(), found.queue_length.as_ref())
        && is_same_or_unknown(known.pickup_by.as_ref(), found.pickup_by.as_ref())
        && is_same_or_unknown(
            known.suspended_until.as_ref(),
            found.suspended_until.as_ref(),
        )
        && is_same_or_unknown(known.expires.as_ref(), found.expires.as_ref())
        && is_same_or_unknown(known.pickup_branch.as_ref(), found.pickup_branch.as_ref())
        && is_same_or_unknown(known.url.as_ref(), found.url.as_ref())
}
