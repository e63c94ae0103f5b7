//! Reading an account, and what an account promises whatever its pages said.

use std::collections::HashSet;

use chrono::{Datelike, NaiveDate};
use hippo_browser::reading::MAX_MESSAGES;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::text::clean;

use hippo_systems::offline_reader;
use url::Url;

use crate::BETWEEN_PAGES;

/// The card's number, as in the first inputs.
const NUMBER: &str = "25000000000007";

/// Reads an input as the saved pages of one account, once as the card's own and once as anybody's.
pub fn read(name: &str, data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let pages: Vec<SavedPage> = text
        .split(BETWEEN_PAGES)
        .enumerate()
        .map(|(place, body)| SavedPage {
            name: format!("page {place}"),
            body: body.to_owned(),
        })
        .collect();
    let reader = offline_reader(name).expect("a target is named as its system");
    let base_url = Url::parse("http://127.0.0.1").expect("a URL");
    let number = NUMBER.into();
    for card_number in [Some(&number), None] {
        let context = ReadContext {
            base_url: &base_url,
            date_format: match name {
                "sierra" => Some("%m-%d-%y"),
                "enterprise" => Some("%-m/%-d/%y"),
                "koha" => Some("%m/%d/%Y"),
                _ => None,
            },
            timezone: chrono_tz::America::Toronto,
            card_number,
        };
        match reader.read(&pages, &context) {
            Ok(account) => {
                must_keep_its_word(&account, text.len());
                // Whose it is only ever makes a failure of it.
                break;
            }
            Err(failure) => must_be_fit_for_a_log(&failure),
        }
    }
}

fn must_keep_its_word(account: &Account, bytes: usize) {
    let loans = account.loans.as_deref().unwrap_or_default();
    let holds = account.holds.as_deref().unwrap_or_default();
    must_be_distinct("loans", loans.iter().map(|loan| loan.id.as_str()));
    must_be_distinct("holds", holds.iter().map(|hold| hold.id.as_str()));
    for loan in loans {
        assert!(!loan.title.is_empty(), "a loan without a title");
        must_be_a_day(loan.due);
        must_be_a_link(loan.url.as_deref());
        must_be_clean([
            Some(&loan.id),
            Some(&loan.title),
            loan.author.as_ref(),
            loan.renewable_reason.as_ref(),
            loan.format.as_ref(),
            loan.note.as_ref(),
        ]);
    }
    for hold in holds {
        assert!(!hold.title.is_empty(), "a hold without a title");
        must_be_a_day(hold.pickup_by);
        must_be_a_day(hold.suspended_until);
        must_be_a_day(hold.expires);
        must_be_a_link(hold.url.as_deref());
        must_be_clean([
            Some(&hold.id),
            Some(&hold.title),
            hold.author.as_ref(),
            hold.pickup_branch.as_ref(),
            hold.note.as_ref(),
        ]);
    }
    must_be_a_day(account.card_expires);
    must_be_clean(account.messages.iter().map(Some));
    must_be_clean([account.currency.as_ref()]);
    assert!(account.messages.len() <= MAX_MESSAGES, "many messages");

    // A site's total and what was read agree, or it is a failure.
    let agrees = |declared: Option<u32>, read: Option<usize>| match (declared, read) {
        (Some(declared), Some(read)) => declared as usize == read,
        _ => true,
    };
    assert!(
        agrees(
            account.declared.loans,
            account.loans.as_ref().map(|_| loans.len())
        ),
        "another total of loans"
    );
    assert!(
        agrees(
            account.declared.holds,
            account.holds.as_ref().map(|_| holds.len())
        ),
        "another total of holds"
    );

    let stored = serde_json::to_string(account).expect("every account can be stored");
    let again: Account = serde_json::from_str(&stored).expect("what was stored can be read");
    assert!(again == *account, "another account comes back from a store");
    assert!(
        stored.len() <= 10_000 + 50 * bytes,
        "an account that outgrows its pages: {} of {bytes} bytes",
        stored.len()
    );
}

fn must_be_distinct<'a>(what: &str, ids: impl Iterator<Item = &'a str>) {
    let mut seen = HashSet::new();
    for id in ids {
        assert!(!id.is_empty(), "{what}: an empty id");
        assert!(seen.insert(id), "{what}: one id twice");
    }
}

fn must_be_a_day(day: Option<NaiveDate>) {
    assert!(
        day.is_none_or(|day| (1970..=2199).contains(&day.year())),
        "a day of another age"
    );
}

fn must_be_a_link(url: Option<&str>) {
    if let Some(url) = url {
        let url = Url::parse(url).expect("a link is a URL");
        assert!(matches!(url.scheme(), "http" | "https"), "no web page");
    }
}

fn must_be_clean<'a>(words: impl IntoIterator<Item = Option<&'a String>>) {
    for words in words.into_iter().flatten() {
        assert!(
            !words.is_empty() && clean(words) == *words,
            "words that are not clean: {words:?}"
        );
    }
}

/// A failure goes to logs and mails: it is one short line, without the card's number.
fn must_be_fit_for_a_log(failure: &Failure) {
    let detail = &failure.detail;
    assert!(!detail.contains(NUMBER), "the card's number in a failure");
    assert!(
        detail.len() <= 1_000 && !detail.contains(char::is_control),
        "a failure that is no line: {detail:?}"
    );
}
