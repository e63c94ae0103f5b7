//! Reads an account and asserts what holds for every account.

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

/// The card number of the seed inputs.
const NUMBER: &str = "25000000000007";

/// Reads an input as the saved pages of one account, with the card's number and without it.
pub fn read(name: &str, data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let pages: Vec<SavedPage> = text
        .split(BETWEEN_PAGES)
        .enumerate()
        .map(|(index, body)| SavedPage {
            name: format!("page {index}"),
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
                assert_account_is_valid(&account, text.len());
                // The number only ever turns an account into a failure.
                break;
            }
            Err(failure) => assert_loggable(&failure),
        }
    }
}

fn assert_account_is_valid(account: &Account, bytes: usize) {
    let loans = account.loans.as_deref().unwrap_or_default();
    let holds = account.holds.as_deref().unwrap_or_default();
    assert_distinct("loans", loans.iter().map(|loan| loan.id.as_str()));
    assert_distinct("holds", holds.iter().map(|hold| hold.id.as_str()));
    for loan in loans {
        assert!(!loan.title.is_empty(), "a loan without a title");
        assert_plausible_date(loan.due);
        assert_web_link(loan.url.as_deref());
        assert_clean([
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
        assert_plausible_date(hold.pickup_by);
        assert_plausible_date(hold.suspended_until);
        assert_plausible_date(hold.expires);
        assert_web_link(hold.url.as_deref());
        assert_clean([
            Some(&hold.id),
            Some(&hold.title),
            hold.author.as_ref(),
            hold.pickup_branch.as_ref(),
            hold.note.as_ref(),
        ]);
    }
    assert_plausible_date(account.card_expires);
    assert_clean(account.messages.iter().map(Some));
    assert_clean([account.currency.as_ref()]);
    assert!(account.messages.len() <= MAX_MESSAGES, "many messages");

    // A stated total that differs from the rows must be a failure.
    let is_consistent = |declared: Option<u32>, read: Option<usize>| match (declared, read) {
        (Some(declared), Some(read)) => declared as usize == read,
        _ => true,
    };
    assert!(
        is_consistent(
            account.declared.loans,
            account.loans.as_ref().map(|_| loans.len())
        ),
        "the total of loans differs"
    );
    assert!(
        is_consistent(
            account.declared.holds,
            account.holds.as_ref().map(|_| holds.len())
        ),
        "the total of holds differs"
    );

    let stored = serde_json::to_string(account).expect("every account can be stored");
    let reread: Account = serde_json::from_str(&stored).expect("a stored account can be read");
    assert!(reread == *account, "the account changes when it is stored");
    assert!(
        stored.len() <= 10_000 + 50 * bytes,
        "the account is larger than its pages: {} of {bytes} bytes",
        stored.len()
    );
}

fn assert_distinct<'a>(what: &str, ids: impl Iterator<Item = &'a str>) {
    let mut seen = HashSet::new();
    for id in ids {
        assert!(!id.is_empty(), "{what}: an empty id");
        assert!(seen.insert(id), "{what}: duplicate id");
    }
}

fn assert_plausible_date(day: Option<NaiveDate>) {
    assert!(
        day.is_none_or(|day| (1970..=2199).contains(&day.year())),
        "the date is out of range"
    );
}

fn assert_web_link(url: Option<&str>) {
    if let Some(url) = url {
        let url = Url::parse(url).expect("a link is a URL");
        assert!(
            matches!(url.scheme(), "http" | "https"),
            "the link is not http(s)"
        );
    }
}

fn assert_clean<'a>(words: impl IntoIterator<Item = Option<&'a String>>) {
    for words in words.into_iter().flatten() {
        assert!(
            !words.is_empty() && clean(words) == *words,
            "the text is not clean: {words:?}"
        );
    }
}

/// Asserts that a failure is one short line without the card's number: it goes to logs and mails.
fn assert_loggable(failure: &Failure) {
    let detail = &failure.detail;
    assert!(!detail.contains(NUMBER), "the card's number in a failure");
    assert!(
        detail.len() <= 1_000 && !detail.contains(char::is_control),
        "the failure is not one short line: {detail:?}"
    );
}
