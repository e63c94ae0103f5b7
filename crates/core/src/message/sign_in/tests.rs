use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;

use super::*;
use crate::clock::Clock;
use crate::mail::{Mail, RefusedRecipient, SendOutcome};
use crate::message::testing::{FrozenClock, TestMailer, with_ports};
use crate::sign_in::{SignInAttempt, SignInUse, find_grant};
use crate::store::{AlertStore as _, FamilyStore as _, SignInStore as _};
use crate::testing::contract::sample;
use crate::testing::memory::MemoryStore;

struct World {
    store: MemoryStore,
    mailer: TestMailer,
    browser: Token,
    attempt: SignInAttempt,
}

impl World {
    async fn new() -> Self {
        let store = MemoryStore::default();
        for id in ["conrad", "lee"] {
            store.add_family(&sample::family(id)).await.unwrap();
        }
        let browser = Token::generate().unwrap();
        let attempt = SignInAttempt::begin(&browser, FrozenClock.now());
        store.add_attempt(&attempt).await.unwrap();
        Self {
            store,
            mailer: TestMailer::default(),
            browser,
            attempt,
        }
    }

    async fn request(&self, address: &str) -> Result<MessageOutcome, MessageError> {
        self.request_at(address, &FrozenClock).await
    }

    async fn request_at(
        &self,
        address: &str,
        clock: &dyn Clock,
    ) -> Result<MessageOutcome, MessageError> {
        let request = SignInRequest {
            attempt: self.attempt.id,
            address: address.parse().unwrap(),
        };
        let send = async |ports: MessagePorts<'_>| send_sign_in_mail(&ports, &request).await;
        with_ports(&self.store, &self.mailer, clock, send).await
    }

    fn mails(&self) -> Vec<Mail> {
        self.mailer.mails.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn mail_has_a_link_and_a_code_that_sign_in_to_every_family() {
    let world = World::new().await;
    let outcome = world.request("ZOE@example.org").await.unwrap();
    assert_eq!(outcome, MessageOutcome::Sent);
    let mail = world.mails().pop().unwrap();
    assert_eq!(mail.to, ["zoe@example.org".parse().unwrap()]);
    assert_eq!(mail.tag, None);
    let stored = world
        .store
        .attempt(world.attempt.id)
        .await
        .unwrap()
        .unwrap();
    let now = FrozenClock.now();
    for part in [&mail.text, &mail.html] {
        let start = part.find("sign-in/link?token=").unwrap();
        let token = &part[start + "sign-in/link?token=".len()..];
        let (id, token) = token.split_once('.').unwrap();
        assert_eq!(id.parse::<Uuid>().unwrap(), stored.id);
        let link = Token::from_secret_text(&token[..64]).unwrap();
        let SignInUse::Accepted(_, grant) = stored.use_link(&link, now) else {
            panic!("the link doesn't work");
        };
        assert_eq!(grant.families.len(), 2);
        assert!(!grant.is_operator);
    }
    let (_, code) = mail.text.split_once("asked for it:").unwrap();
    let code: String = code.split_whitespace().take(2).collect();
    let code = SignInCode::from_typed(&code).unwrap();
    let tried = stored.try_code(&world.browser, &code, now);
    assert!(matches!(tried, SignInUse::Accepted(..)));
}

#[tokio::test]
async fn operator_signs_in_without_a_family() {
    let world = World::new().await;
    world.request("operator@example.org").await.unwrap();
    let stored = world
        .store
        .attempt(world.attempt.id)
        .await
        .unwrap()
        .unwrap();
    let grant = stored.granted.unwrap();
    let json = serde_json::to_string(&grant).unwrap();
    assert!(
        json.contains(r#""families":[],"is_operator":true"#),
        "{json}"
    );
}

#[tokio::test]
async fn unknown_or_stopped_address_gets_no_mail() {
    let world = World::new().await;
    let stopped = crate::family::StoppedRecipient {
        address: "abe@example.org".parse().unwrap(),
        since: FrozenClock.now(),
        complained: true,
    };
    for id in ["conrad", "lee"] {
        let id = sample::family_id(id);
        assert!(world.store.stop_recipient(&id, &stopped).await.unwrap());
    }
    for address in ["nobody@example.org", "abe@example.org"] {
        let outcome = world.request(address).await.unwrap();
        assert_eq!(outcome, MessageOutcome::UnknownAddress);
    }
    assert!(world.mails().is_empty());
}

#[tokio::test]
async fn mail_and_linked_account_grant_the_same() {
    let world = World::new().await;
    let stopped = crate::family::StoppedRecipient {
        address: "zoe@example.org".parse().unwrap(),
        since: FrozenClock.now(),
        complained: false,
    };
    let conrad = sample::family_id("conrad");
    assert!(world.store.stop_recipient(&conrad, &stopped).await.unwrap());
    let person = PersonId::from_address(&stopped.address);
    let found = find_grant(&world.store, &[], &person).await.unwrap();
    assert_eq!(found.as_ref().map(|grant| grant.families.len()), Some(2));
    // The other family's mails still reach the address.
    world.request("zoe@example.org").await.unwrap();
    let stored = world.store.attempt(world.attempt.id).await.unwrap();
    let granted = serde_json::to_value(stored.unwrap().granted).unwrap();
    assert_eq!(granted["grant"], serde_json::to_value(found).unwrap());
}

#[tokio::test]
async fn repeated_request_sends_no_second_mail() {
    let world = World::new().await;
    world.request("zoe@example.org").await.unwrap();
    let again = world.request("zoe@example.org").await.unwrap();
    assert_eq!(again, MessageOutcome::TooLate);
    assert_eq!(world.mails().len(), 1);
}

/// The link and the code of a mail.
fn secrets_of(mail: &Mail) -> (Token, SignInCode) {
    let (_, link) = mail.text.split_once("sign-in/link?token=").unwrap();
    let (_, link) = link.split_once('.').unwrap();
    let (_, code) = mail.text.split_once("asked for it:").unwrap();
    let code: String = code.split_whitespace().take(2).collect();
    (
        Token::from_secret_text(&link[..64]).unwrap(),
        SignInCode::from_typed(&code).unwrap(),
    )
}

#[tokio::test]
async fn retried_sign_in_email_has_a_new_link_and_counts_once() {
    let world = World::new().await;
    let reason = || "451 4.7.1".to_owned();
    // The last one comes first.
    *world.mailer.answers.lock().unwrap() = vec![
        SendOutcome::Accepted {
            message_id: "id".to_owned(),
            refused_recipients: vec![RefusedRecipient {
                address: "zoe@example.org".parse().unwrap(),
                is_permanent: false,
                reason: reason(),
            }],
        },
        SendOutcome::NotSent { reason: reason() },
        SendOutcome::Refused {
            reason: reason(),
            is_permanent: false,
        },
    ];
    for tries in 1..=3 {
        let Err(MessageError::TryAgain { reason, until }) = world.request("zoe@example.org").await
        else {
            panic!("the mail was sent");
        };
        assert_eq!(reason, "451 4.7.1");
        assert_eq!(until, FrozenClock.now() + TimeDelta::minutes(11));
        let stored = world.store.attempt(world.attempt.id).await.unwrap();
        assert_eq!(stored.unwrap().granted, None, "{tries}");
    }
    let sent = world.request("zoe@example.org").await.unwrap();
    assert_eq!(sent, MessageOutcome::Sent);
    let mails = world.mails();
    assert_eq!(mails.len(), 4);
    let stored = world.store.attempt(world.attempt.id).await.unwrap();
    let (stored, now) = (stored.unwrap(), FrozenClock.now());
    for (number, mail) in mails.iter().enumerate() {
        let (link, code) = secrets_of(mail);
        let is_last = number == 3;
        let used = stored.use_link(&link, now);
        let tried = stored.try_code(&world.browser, &code, now);
        for tried in [used, tried] {
            assert_eq!(
                matches!(tried, SignInUse::Accepted(..)),
                is_last,
                "{number}"
            );
        }
    }
    let counted = world.store.rate_log(&RateKey::total()).await.unwrap();
    assert_eq!(counted.unwrap().times.len(), 1);
    // The mail service has it, so it's never sent again.
    let again = world.request("zoe@example.org").await.unwrap();
    assert_eq!(again, MessageOutcome::TooLate);
    assert_eq!(world.mails().len(), 4);
}

#[tokio::test]
async fn store_that_fails_before_the_mail_lets_it_be_tried_again() {
    // The permit is written first, then the grant.
    for writes in [0, 1] {
        let world = World::new().await;
        world.store.limit_writes(Some(writes));
        let Err(MessageError::TryAgain { until, .. }) = world.request("zoe@example.org").await
        else {
            panic!("the store is used up");
        };
        assert_eq!(until, FrozenClock.now() + TimeDelta::minutes(11));
        assert!(world.mails().is_empty());
        world.store.limit_writes(None);
        let sent = world.request("zoe@example.org").await.unwrap();
        assert_eq!(sent, MessageOutcome::Sent, "{writes}");
        assert_eq!(world.mails().len(), 1);
    }
}

/// A clock on which a store can be written again after so many pauses.
struct MendingClock<'a> {
    store: &'a MemoryStore,
    pauses_left: Mutex<u32>,
}

#[async_trait]
impl Clock for MendingClock<'_> {
    fn now(&self) -> DateTime<Utc> {
        FrozenClock.now()
    }

    async fn sleep(&self, _: Duration) {
        let mut left = self.pauses_left.lock().unwrap();
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.store.limit_writes(None);
        }
    }
}

#[tokio::test]
async fn grant_of_an_unsent_mail_is_withdrawn_once_the_store_is_back() {
    let world = World::new().await;
    let reason = "451 4.7.1".to_owned();
    *world.mailer.answers.lock().unwrap() = vec![SendOutcome::NotSent { reason }];
    world.store.limit_writes(Some(2));
    let clock = MendingClock {
        store: &world.store,
        pauses_left: Mutex::new(3),
    };
    let error = world
        .request_at("zoe@example.org", &clock)
        .await
        .unwrap_err();
    assert!(matches!(error, MessageError::TryAgain { .. }), "{error:?}");
    let stored = world.store.attempt(world.attempt.id).await.unwrap();
    assert_eq!(stored.unwrap().granted, None);
    let sent = world.request("zoe@example.org").await.unwrap();
    assert_eq!(sent, MessageOutcome::Sent);
}

#[tokio::test]
async fn mail_that_may_have_been_sent_is_not_sent_again() {
    let world = World::new().await;
    let reason = "the line broke".to_owned();
    *world.mailer.answers.lock().unwrap() = vec![SendOutcome::Unknown { reason }];
    let outcome = world.request("zoe@example.org").await.unwrap();
    assert_eq!(outcome, MessageOutcome::InDoubt);
    let outcome = world.request("zoe@example.org").await.unwrap();
    assert_eq!(outcome, MessageOutcome::TooLate);
    let mails = world.mails();
    assert_eq!(mails.len(), 1);
    // If it arrived, its link works.
    let stored = world.store.attempt(world.attempt.id).await.unwrap();
    let (link, _) = secrets_of(&mails[0]);
    let used = stored.unwrap().use_link(&link, FrozenClock.now());
    assert!(matches!(used, SignInUse::Accepted(..)));
}

#[tokio::test]
async fn mail_that_would_leave_too_little_time_is_not_sent() {
    for (age, expected) in [(660, MessageOutcome::Sent), (661, MessageOutcome::TooLate)] {
        let mut world = World::new().await;
        let begun = FrozenClock.now() - TimeDelta::seconds(age);
        world.attempt = SignInAttempt::begin(&world.browser, begun);
        world.store.add_attempt(&world.attempt).await.unwrap();
        let outcome = world.request("zoe@example.org").await.unwrap();
        assert_eq!(outcome, expected, "{age}");
    }
}

#[tokio::test]
async fn code_tried_in_the_meantime_does_not_keep_an_unsent_grant() {
    let world = World::new().await;
    let reason = "451 4.7.1".to_owned();
    *world.mailer.answers.lock().unwrap() = vec![SendOutcome::NotSent { reason }];
    let (id, browser) = (world.attempt.id, world.browser.clone());
    let try_code = move |store: &MemoryStore| {
        let attempt = store.attempt(id).now_or_never().unwrap();
        let attempt = attempt.unwrap().unwrap();
        assert!(attempt.granted.is_some());
        let code = SignInCode::generate().unwrap();
        let SignInUse::Wrong(next) = attempt.try_code(&browser, &code, FrozenClock.now()) else {
            panic!()
        };
        let replaced = store.replace_attempt(attempt.revision, &next);
        assert!(replaced.now_or_never().unwrap().unwrap());
    };
    // The permit and the grant are written before it.
    world.store.run_before_next_write(|store| {
        store.run_before_next_write(|store| store.run_before_next_write(try_code));
    });
    let error = world.request("zoe@example.org").await.unwrap_err();
    assert!(matches!(error, MessageError::TryAgain { .. }));
    let stored = world.store.attempt(id).await.unwrap().unwrap();
    assert_eq!((stored.granted, stored.tries_left), (None, 4));
}

#[tokio::test]
async fn error_of_a_mail_has_no_address() {
    let world = World::new().await;
    *world.mailer.answers.lock().unwrap() = vec![SendOutcome::Refused {
        reason: "550".to_owned(),
        is_permanent: true,
    }];
    let error = world.request("zoe@example.org").await.unwrap_err();
    assert_eq!(error.to_string(), "550");
    let request = SignInRequest {
        attempt: world.attempt.id,
        address: "zoe@example.org".parse().unwrap(),
    };
    assert!(!format!("{request:?} {error:?}").contains("zoe"));
    assert_eq!(world.mails().len(), 1);
}

#[tokio::test]
async fn unknown_addresses_do_not_use_up_the_days_mails() {
    let world = World::new().await;
    let (total, now) = (RateKey::total(), FrozenClock.now());
    for _ in 0..120 {
        let outcome = world.request("nobody@example.org").await.unwrap();
        assert_eq!(outcome, MessageOutcome::UnknownAddress);
    }
    for _ in 0..100 {
        let permit = count_attempt(&world.store, &total, &TOTAL_LIMITS, now).await;
        assert!(permit.unwrap());
    }
    let outcome = world.request("zoe@example.org").await.unwrap();
    assert_eq!(outcome, MessageOutcome::TooMany);
    assert_eq!(world.mails().len(), 0);
    let alerts = world.store.recent_alerts(10).await.unwrap();
    assert!(matches!(alerts[0].alert, Alert::ManySignIns { .. }));
}

#[tokio::test]
async fn link_of_a_lost_race_is_not_mailed() {
    let world = World::new().await;
    let (id, browser) = (world.attempt.id, world.browser.clone());
    world.store.run_before_next_write(move |store| {
        let attempt = store.attempt(id).now_or_never().unwrap();
        let attempt = attempt.unwrap().unwrap();
        let code = SignInCode::generate().unwrap();
        let SignInUse::Wrong(next) = attempt.try_code(&browser, &code, FrozenClock.now()) else {
            panic!()
        };
        let replaced = store.replace_attempt(attempt.revision, &next);
        assert!(replaced.now_or_never().unwrap().unwrap());
    });
    let outcome = world.request("zoe@example.org").await.unwrap();
    assert_eq!(outcome, MessageOutcome::TooLate);
    assert_eq!(world.mails().len(), 0);
}
