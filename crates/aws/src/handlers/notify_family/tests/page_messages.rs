//! The messages of the web pages.

use std::time::Duration;

use hippo_core::message::{MessageRequest, SignInRequest};
use hippo_core::sign_in::{SignInAttempt, Token};
use hippo_core::store::SignInStore as _;

use super::*;
use crate::redelivery::Redelivery;

/// Begins an attempt to sign in, and returns the message of its request.
async fn request(world: &World, address: &str) -> (SignInAttempt, String) {
    let attempt = SignInAttempt::begin(&Token::generate().unwrap(), world.clock.now());
    world.store.add_attempt(&attempt).await.unwrap();
    let request = MessageRequest::SignIn(SignInRequest {
        attempt: attempt.id,
        address: address.parse().unwrap(),
    });
    (attempt, serde_json::to_string(&request).unwrap())
}

/// Keeps how soon the queue should deliver a message again.
#[derive(Default)]
struct TestRedelivery {
    pauses: Mutex<Vec<u64>>,
    is_away: bool,
}

#[async_trait]
impl Redelivery for TestRedelivery {
    async fn redeliver_after(&self, receipt: &str, pause: Duration) -> Result<(), String> {
        assert_eq!(receipt, "r");
        self.pauses.lock().unwrap().push(pause.as_secs());
        match self.is_away {
            true => Err("no connection".to_owned()),
            false => Ok(()),
        }
    }
}

/// Delivers messages to a stack with web pages. Returns those that are retried.
async fn deliver(world: &World, mailer: &TestMailer, bodies: &[&str]) -> Vec<String> {
    let event = queue_event(bodies);
    deliver_event(world, mailer, event, &TestRedelivery::default()).await
}

async fn deliver_event(
    world: &World,
    mailer: &dyn Mailer,
    event: Value,
    redelivery: &TestRedelivery,
) -> Vec<String> {
    let operators = ["operator@example.org".parse().unwrap()];
    let pages = PageMessages {
        sign_ins: &world.store,
        cards: &world.store,
        invitations: &world.store,
        operators: &operators,
        public_url: &"https://hippo.example.org".parse().unwrap(),
        redelivery,
    };
    let delivered = deliver_to(world, mailer, event, Some(pages)).await;
    let failures = delivered.unwrap().batch_item_failures.into_iter();
    failures.map(|failure| failure.item_identifier).collect()
}

fn sent(mailer: &TestMailer) -> usize {
    *mailer.sent.lock().unwrap()
}

#[tokio::test]
async fn sign_in_mail_is_sent_with_the_notices_of_its_batch() {
    let (world, mailer) = (world().await, TestMailer::default());
    let (attempt, body) = request(&world, "operator@example.org").await;
    let retried = deliver(&world, &mailer, &[&body, TODAY]).await;
    assert_eq!((retried, sent(&mailer)), (Vec::<String>::new(), 2));
    let attempt = world.store.attempt(attempt.id).await.unwrap().unwrap();
    assert!(attempt.granted.is_some());
    // A second delivery sends no second mail.
    deliver(&world, &mailer, &[&body]).await;
    assert_eq!(sent(&mailer), 2);
}

#[tokio::test]
async fn request_for_an_unknown_address_is_done_without_a_mail() {
    let (world, mailer) = (world().await, TestMailer::default());
    let (_, body) = request(&world, "stranger@example.org").await;
    let retried = deliver(&world, &mailer, &[&body]).await;
    assert_eq!((retried, sent(&mailer)), (Vec::<String>::new(), 0));
}

#[tokio::test]
async fn unreadable_messages_are_retried_without_logging_addresses() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = world().await;
    let mailer = TestMailer {
        is_refusing: true,
        ..TestMailer::default()
    };
    let (_, refused) = request(&world, "operator@example.org").await;
    let unreadable = refused.replace("sign_in", "canary@example.org");
    let wrong = refused.replace("operator@example.org", "canary at example.org");
    let retried = deliver(&world, &mailer, &[&refused, &unreadable, &wrong]).await;
    assert_eq!(retried, ["m1", "m2"]);
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(logged.matches("ERROR").count(), 2, "{logged}");
    assert_eq!(logged.matches("WARN").count(), 1, "{logged}");
    assert!(!logged.contains("example.org"), "{logged}");
}

#[tokio::test]
async fn stack_without_web_pages_retries_their_messages() {
    let (world, mailer) = (world().await, TestMailer::default());
    let (_, body) = request(&world, "operator@example.org").await;
    let delivered = deliver_to(&world, &mailer, queue_event(&[&body]), None).await;
    assert_eq!(delivered.unwrap().batch_item_failures.len(), 1);
    assert_eq!(sent(&mailer), 0);
}

#[tokio::test]
async fn message_is_sent_although_the_table_was_restored() {
    let (world, mailer) = (world().await, TestMailer::default());
    world.store.restore(true, &[]);
    let (_, body) = request(&world, "operator@example.org").await;
    let retried = deliver(&world, &mailer, &[&body, TODAY]).await;
    assert_eq!((retried, sent(&mailer)), (Vec::<String>::new(), 1));
}

/// Refuses so many mails for now.
struct RefusingMailer(Mutex<usize>);

#[async_trait]
impl Mailer for RefusingMailer {
    async fn send(&self, _: &Mail) -> SendOutcome {
        let mut refusals = self.0.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return SendOutcome::Refused {
                reason: "TooManyRequestsException".to_owned(),
                is_permanent: false,
            };
        }
        SendOutcome::Accepted {
            message_id: "id".to_owned(),
            refused_recipients: Vec::new(),
        }
    }
}

/// The event of a message that is received for this time.
fn received(body: &str, count: usize) -> Value {
    let mut event = queue_event(&[body]);
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!(count.to_string());
    event
}

#[tokio::test]
async fn sign_in_email_is_sent_after_two_refusals() {
    let world = world().await;
    let mailer = RefusingMailer(Mutex::new(2));
    let (attempt, body) = request(&world, "operator@example.org").await;
    let redelivery = TestRedelivery::default();
    for (count, is_retried) in [(1, true), (2, true), (3, false)] {
        let event = received(&body, count);
        let retried = deliver_event(&world, &mailer, event, &redelivery).await;
        assert_eq!(!retried.is_empty(), is_retried, "{count}");
        let pause = redelivery.pauses.lock().unwrap().last().copied();
        world.clock.advance(chrono::Duration::seconds(
            i64::try_from(pause.unwrap()).unwrap(),
        ));
    }
    assert_eq!(*redelivery.pauses.lock().unwrap(), [20, 100]);
    let attempt = world.store.attempt(attempt.id).await.unwrap().unwrap();
    assert!(attempt.granted.is_some());
}

#[tokio::test]
async fn sign_in_email_that_is_always_refused_is_not_a_dead_letter() {
    let world = world().await;
    let mailer = RefusingMailer(Mutex::new(usize::MAX));
    let (_, body) = request(&world, "operator@example.org").await;
    let redelivery = TestRedelivery::default();
    let mut count = 0;
    loop {
        count += 1;
        let event = received(&body, count);
        if deliver_event(&world, &mailer, event, &redelivery)
            .await
            .is_empty()
        {
            break;
        }
        let pause = *redelivery.pauses.lock().unwrap().last().unwrap();
        world
            .clock
            .advance(chrono::Duration::seconds(i64::try_from(pause).unwrap()));
    }
    // The template's NoticeReceiveCount.
    assert_eq!(count, 5);
    assert_eq!(*redelivery.pauses.lock().unwrap(), [20, 100, 200, 320]);
    // One that the queue brings too late is dropped too, and nothing is tried.
    world.clock.advance(chrono::Duration::minutes(18));
    let before = *mailer.0.lock().unwrap();
    let late = deliver_event(&world, &mailer, received(&body, 2), &redelivery).await;
    assert_eq!((late, *mailer.0.lock().unwrap()), (Vec::new(), before));
}

#[tokio::test]
async fn sign_in_message_is_left_to_the_queue_if_it_cannot_be_asked() {
    let world = world().await;
    let mailer = RefusingMailer(Mutex::new(1));
    let (_, body) = request(&world, "operator@example.org").await;
    let redelivery = TestRedelivery {
        is_away: true,
        ..TestRedelivery::default()
    };
    let retried = deliver_event(&world, &mailer, received(&body, 1), &redelivery).await;
    assert_eq!(retried, ["m0"]);
    let done = deliver_event(&world, &mailer, received(&body, 2), &redelivery).await;
    assert_eq!(done, Vec::<String>::new());
}
