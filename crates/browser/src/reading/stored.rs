//! Prepares an account to be stored.

use hippo_core::account::{Account, Hold, Loan};
use hippo_core::text::{MAX_STORED_CHARS, cut};

use super::hash::{make_distinct, stable_id};

/// The longest id in bytes. Real ones have some 40.
const MAX_ID_BYTES: usize = 256;

/// The longest URL in bytes, as browsers accept.
const MAX_URL_BYTES: usize = 2_048;

/// Makes the ids of each list distinct, and cuts the texts of an account to their stored lengths. A too long id becomes
/// its hash.
pub fn prepare_to_store(account: &mut Account) {
    make_distinct(account.loans.iter_mut().flatten().map(|loan| &mut loan.id));
    make_distinct(account.holds.iter_mut().flatten().map(|hold| &mut hold.id));
    for loan in account.loans.iter_mut().flatten() {
        cut_loan(loan);
    }
    for hold in account.holds.iter_mut().flatten() {
        cut_hold(hold);
    }
}

fn cut_loan(loan: &mut Loan) {
    cut_id(&mut loan.id);
    cut_text(&mut loan.title);
    let Loan {
        author,
        renewable_reason,
        format,
        note,
        ..
    } = loan;
    for text in [author, renewable_reason, format, note]
        .into_iter()
        .flatten()
    {
        cut_text(text);
    }
    drop_long_url(&mut loan.url);
}

fn cut_hold(hold: &mut Hold) {
    cut_id(&mut hold.id);
    cut_text(&mut hold.title);
    let Hold {
        author,
        pickup_branch,
        note,
        ..
    } = hold;
    for text in [author, pickup_branch, note].into_iter().flatten() {
        cut_text(text);
    }
    drop_long_url(&mut hold.url);
}

fn cut_id(id: &mut String) {
    if id.len() > MAX_ID_BYTES {
        *id = stable_id(&[id]);
    }
}

fn cut_text(text: &mut String) {
    if text.len() > MAX_STORED_CHARS {
        *text = cut(text, MAX_STORED_CHARS);
    }
}

fn drop_long_url(url: &mut Option<String>) {
    if url.as_ref().is_some_and(|url| url.len() > MAX_URL_BYTES) {
        *url = None;
    }
}
