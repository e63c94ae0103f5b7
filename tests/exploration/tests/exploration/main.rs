//! Every interleaving of the real code that sends a notice, with faults anywhere.
//!
//! The code under test (`deliver`, the ticks of `notify-all`, the handler of delivery events) runs
//! unchanged over a store and a mailer that stop at every call ([`scripted_ports`]). The search
//! chooses which worker continues, which call fails, which reply is lost, which worker crashes or
//! sleeps, which mail is rejected after it was accepted, which event is lost, late or doubled, and
//! when a tick comes with a wrong clock ([`world`]). It tries all of that, and visits no state twice
//! ([`search`]).
//!
//! A worker is a function of the replies it got, so it need not be kept alive or copied. Its
//! position is the list of its replies; running the real code once over that list shows its next
//! call ([`positions`]).
//!
//! Data that never changes here (the family, its accounts, the last notice) is returned at once:
//! stopping at such a call is the same as stopping at the call before it.
//!
//! A package of its own, since it is optimised in tests: most of the time goes to its own states.
// Test helpers may panic.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod positions;
mod scripted_ports;
mod search;
mod world;

use std::collections::BTreeSet;

use hippo_core::family::Delivery;
use search::{SearchReport, search};
use world::{Rules, Sabotage};

fn rules(delivery: Delivery, faults: u8) -> Rules {
    Rules {
        delivery,
        deliveries: 3,
        faults,
        greylists: 0,
        wrong_clocks: false,
        unplanned: false,
        kinds: 1,
        spares_second_kind: false,
        sabotage: None,
    }
}

fn print(name: &str, found: &SearchReport) {
    println!(
        "{name}: {} states, {} transitions, {} positions in the code, {} ends in {:.1} s",
        found.states,
        found.transitions,
        found.positions,
        found.ends.values().sum::<usize>(),
        found.seconds,
    );
    for (end, times) in &found.ends {
        println!("  {times:>7} × {end}");
    }
}

#[test]
fn at_most_once_never_sends_twice_and_explains_every_miss() {
    let found = search(rules(Delivery::AtMostOnce, 2));
    print("at most once, two faults", &found);
    found.assert_sound();
    assert!(
        found.states > 10_000,
        "the search is too small to mean much"
    );
    // The search reaches all of these ends.
    for end in [
        "SENT, 1 mail",
        "GAVE_UP, 0 mails",
        "GAVE_UP, 1 mail",
        "FAILED, 0 mails",
        // The mail service accepted the mail, and the event of its rejection was lost.
        "SENT, 0 mails, rejection event lost",
    ] {
        assert!(found.ends.contains_key(end), "{end} was never seen");
    }
}

#[test]
fn at_least_once_sends_twice_only_after_lost_reply_and_event_or_sleep() {
    let found = search(rules(Delivery::AtLeastOnce, 2));
    print("at least once, two faults", &found);
    found.assert_sound();
    for end in [
        "SENT, 1 mail",
        "SENT, 2 mails",
        "FAILED, 0 mails",
        // The record has room for the events of one claim.
        "SENT, 0 mails, one of two claims rejected",
    ] {
        assert!(found.ends.contains_key(end), "{end} was never seen");
    }
}

#[test]
#[ignore = "a million states take half a minute; two faults are searched every time"]
fn three_faults_never_send_twice() {
    let found = search(rules(Delivery::AtMostOnce, 3));
    print("at most once, three faults", &found);
    found.assert_sound();
}

#[test]
fn without_faults_exactly_one_mail_is_sent() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
        let found = search(rules(delivery, 0));
        found.assert_sound();
        let ends: Vec<&String> = found.ends.keys().collect();
        assert_eq!(ends, ["SENT, 1 mail"]);
    }
}

/// Up to five temporary refusals: more than there are retries.
#[test]
fn greylisted_recipient_gets_one_mail_or_an_alert() {
    let found = search(greylisting(Delivery::AtMostOnce, 1));
    print(
        "at most once, one recipient refused for now, one fault",
        &found,
    );
    found.assert_sound();
    assert!(found.states > 1_000, "the search is too small to mean much");
}

#[test]
fn greylisted_recipient_in_doubt_is_never_recorded_as_refused() {
    let found = search(greylisting(Delivery::AtLeastOnce, 2));
    print(
        "at least once, one recipient refused for now, two faults",
        &found,
    );
    found.assert_sound();
    assert!(
        found.ends.contains_key("SENT, 2 mails"),
        "no doubt was seen"
    );
}

/// Two kinds of mail at once: each is sent once, and neither delays the other.
#[test]
fn two_kinds_at_once_never_send_one_twice() {
    for (delivery, unplanned) in [
        (Delivery::AtMostOnce, false),
        (Delivery::AtMostOnce, true),
        (Delivery::AtLeastOnce, false),
    ] {
        let found = search(Rules {
            kinds: 2,
            deliveries: 1,
            unplanned,
            ..rules(delivery, 1)
        });
        print(&format!("{delivery:?}, two kinds, one fault"), &found);
        found.assert_sound();
        assert!(
            found.states > 10_000,
            "the search is too small to mean much"
        );
    }
}

#[test]
fn faults_of_one_kind_never_delay_the_other() {
    let found = search(Rules {
        kinds: 2,
        deliveries: 1,
        spares_second_kind: true,
        ..rules(Delivery::AtMostOnce, 2)
    });
    print("at most once, two faults of the first of two kinds", &found);
    found.assert_sound();
    let ends: BTreeSet<&str> = found
        .ends
        .keys()
        .filter_map(|end| end.split(" | ").nth(1))
        .collect();
    assert_eq!(ends, ["SENT, 1 mail"].into());
    assert!(found.ends.contains_key("GAVE_UP, 0 mails | SENT, 1 mail"));
}

fn greylisting(delivery: Delivery, faults: u8) -> Rules {
    Rules {
        greylists: 5,
        deliveries: 2,
        ..rules(delivery, faults)
    }
}

/// One tick with a clock that is ahead and one with a clock that is behind, at any time.
#[rstest::rstest]
#[case::planned(Delivery::AtMostOnce, false)]
#[case::unplanned_notice(Delivery::AtMostOnce, true)]
#[case::at_least_once(Delivery::AtLeastOnce, false)]
fn tick_by_a_wrong_clock_has_no_effect(#[case] delivery: Delivery, #[case] unplanned: bool) {
    let found = search(Rules {
        wrong_clocks: true,
        unplanned,
        deliveries: 2,
        ..rules(delivery, 1)
    });
    print(&format!("{delivery:?}, wrong clocks, one fault"), &found);
    found.assert_sound();
    assert!(
        found.states > 10_000,
        "the search is too small to mean much"
    );
}

#[test]
fn tick_by_a_wrong_clock_still_leaves_one_mail() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
        let found = search(Rules {
            wrong_clocks: true,
            unplanned: true,
            ..rules(delivery, 0)
        });
        found.assert_sound();
        let ends: Vec<&String> = found.ends.keys().collect();
        assert_eq!(ends, ["SENT, 1 mail"]);
    }
}

#[test]
fn search_finds_a_trusted_wrong_clock() {
    for unplanned in [false, true] {
        let found = search(Rules {
            wrong_clocks: true,
            unplanned,
            sabotage: Some(Sabotage::StoreForgetsTicks),
            ..rules(Delivery::AtMostOnce, 0)
        });
        let violation = found.violation.expect("the search is blind");
        assert!(violation.contains("whose clock is wrong"), "{violation}");
    }
}

#[test]
fn search_finds_a_swallowed_rejection() {
    let found = search(Rules {
        sabotage: Some(Sabotage::RejectionsAreSwallowed),
        ..rules(Delivery::AtMostOnce, 1)
    });
    let violation = found.violation.expect("the search is blind");
    println!("{violation}");
    assert!(violation.contains("SENT, 0 mails"), "{violation}");
}

#[test]
fn search_finds_an_end_without_an_alert() {
    let found = search(Rules {
        sabotage: Some(Sabotage::StoreForgetsAlerts),
        ..rules(Delivery::AtMostOnce, 1)
    });
    let violation = found.violation.expect("the search is blind");
    assert!(violation.contains("tell the operator"), "{violation}");
}

/// The search finds the violation when an outside service breaks a promise.
#[rstest::rstest]
#[case::store_ignores_revisions(Sabotage::StoreIgnoresRevisions, 0)]
#[case::store_forgets_sending(Sabotage::StoreForgetsSending, 1)]
#[case::mailer_retries(Sabotage::MailerTriesTwice, 1)]
#[case::mailer_denies_a_sent_mail(Sabotage::MailerDeniesWhatItTook, 1)]
fn search_finds_a_broken_promise(#[case] sabotage: Sabotage, #[case] faults: u8) {
    let found = search(Rules {
        sabotage: Some(sabotage),
        ..rules(Delivery::AtMostOnce, faults)
    });
    let violation = found.violation.expect("the search is blind");
    println!("{violation}");
    assert!(violation.contains("2 mails"), "{violation}");
}
