//! The messages of the web pages.

use hippo_core::message::{MessageRequest, SignInRequest};
use hippo_core::sign_in::{SignInAttempt, Token};
use hippo_core::store::SignInStore as _;

use super::*;

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

/// Delivers messages to a stack with web pages. Returns those that are retried.
async fn deliver(world: &World, mailer: &TestMailer, bodies: &[&str]) -> Vec<String> {
    let operators = ["operator@example.org".parse().unwrap()];
    let pages = PageMessages {
        sign_ins: &world.store,
        cards: &world.store,
        invitations: &world.store,
        operators: &operators,
        public_url: &"https://hippo.example.org".parse().unwrap(),
    };
    let delivered = deliver_to(world, mailer, queue_event(bodies), Some(pages)).await;
    let failures = delivered.unwrap().batch_item_failures.into_iter();
    failures.map(|failure| failure.item_identifier).collect()
}

fn sent(mailer: &TestMailer) -> usize {
    *mailer.sent.lock().unwrap()
}

#[tokio::test]
async fn sign_in_mail_is_sent_beside_the_notices_of_its_batch() {
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
async fn unreadable_message_is_retried_and_a_refused_one_is_not_and_no_address_is_logged() {
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
