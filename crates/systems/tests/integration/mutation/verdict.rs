//! Whether a mutant's account may be believed.

use hippo_core::account::{Account, Hold, HoldState, Loan};

/// What a mutant's account says that the original does not; `None` where it is the same, or less is
/// known.
///
/// Ids are left out: where a page loses the site's own, a stable hash takes its place, and the worst
/// that comes of it is a mark “new”. So are the library's words to the patron, which nothing counts,
/// notes, which hold whatever else stands beside an entry, and the kind of item, for which a site has
/// a code besides its words. Of a title or a reason, the end may be missing: a subtitle, a volume.
pub(crate) fn lie(original: &Account, mutant: &Account) -> Option<&'static str> {
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
    if !is_less(original.fines.as_ref(), mutant.fines.as_ref()) {
        return Some("other fines");
    }
    if !is_less(original.card_expires.as_ref(), mutant.card_expires.as_ref()) {
        return Some("another expiry");
    }
    None
}

/// Whether each entry has one of its own that it may be.
fn is_matched<T>(known: &[T], found: &[T], is_same: fn(&T, &T) -> bool) -> bool {
    let mut left: Vec<&T> = known.iter().collect();
    found.iter().all(|entry| {
        let place = left.iter().position(|known| is_same(known, entry));
        place.map(|place| left.remove(place)).is_some()
    })
}

/// The same, or not known any more.
fn is_less<T: PartialEq>(known: Option<&T>, found: Option<&T>) -> bool {
    found.is_none() || found == known
}

/// Whether these are the same words, or the first of them.
fn is_begun(known: &str, found: &str) -> bool {
    let rest = known.strip_prefix(found);
    !found.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
}

fn is_same_loan(known: &Loan, found: &Loan) -> bool {
    is_begun(&known.title, &found.title)
        && known.due == found.due
        && known.digital == found.digital
        && is_less(known.author.as_ref(), found.author.as_ref())
        && is_less(known.renewals.as_ref(), found.renewals.as_ref())
        && is_less(known.renewable.as_ref(), found.renewable.as_ref())
        && found.renewable_reason.as_ref().is_none_or(|found| {
            let known = known.renewable_reason.as_ref();
            known.is_some_and(|known| is_begun(known, found))
        })
        && is_less(known.url.as_ref(), found.url.as_ref())
}

fn is_same_hold(known: &Hold, found: &Hold) -> bool {
    // “Other” is the state of which the page does not say enough.
    let is_state = known.state == found.state || found.state == HoldState::Other;
    is_state
        && is_begun(&known.title, &found.title)
        && known.digital == found.digital
        && is_less(known.author.as_ref(), found.author.as_ref())
        && is_less(known.position.as_ref(), found.position.as_ref())
        && is_less(known.queue_length.as_ref(), found.queue_length.as_ref())
        && is_less(known.pickup_by.as_ref(), found.pickup_by.as_ref())
        && is_less(
            known.suspended_until.as_ref(),
            found.suspended_until.as_ref(),
        )
        && is_less(known.expires.as_ref(), found.expires.as_ref())
        && is_less(known.pickup_branch.as_ref(), found.pickup_branch.as_ref())
        && is_less(known.url.as_ref(), found.url.as_ref())
}
