use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::alerts::Alert;
use hippo_core::mail::{Mail, SendOutcome};
use hippo_core::message::{Removal, RemovalReader, SignInRequest};
use hippo_core::sign_in::limit::count_attempt;
use hippo_core::sign_in::{PersonId, RateKey, SignInAttempt, TOTAL_LIMITS, Token};
use hippo_core::store::{AlertStore as _, FamilyStore as _, SignInStore as _};

use super::*;

const OPERATOR: &str = "operator@example.org";
const OTHER: &str = "other@example.org";

/// A clock that moves on while somebody sleeps, or on which nobody ever wakes up from a longer sleep.
struct TestClock {
    now: Mutex<DateTime<Utc>>,
    slept: Mutex<Vec<u64>>,
    longest_sleep: Duration,
}

impl TestClock {
    fn new(wakes: bool) -> Arc<Self> {
        Self::with_longest_sleep(match wakes {
            true => Duration::MAX,
            false => Duration::ZERO,
        })
    }

    fn with_longest_sleep(longest_sleep: Duration) -> Arc<Self> {
        Arc::new(Self {
            now: Mutex::new("2026-11-21T12:00:00Z".parse().unwrap()),
            slept: Mutex::default(),
            longest_sleep,
        })
    }

    fn slept(&self) -> Vec<u64> {
        self.slept.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.slept.lock().unwrap().push(duration.as_secs());
        if duration > self.longest_sleep {
            std::future::pending::<()>().await;
        }
        *self.now.lock().unwrap() += TimeDelta::from_std(duration).unwrap();
    }
}

/// Refuses so many mails to the operator for now, and takes all others.
struct TestMailer {
    refusals: Mutex<usize>,
    sent: Mutex<Vec<(String, bool)>>,
}

impl TestMailer {
    fn refusing(times: usize) -> Arc<Self> {
        Arc::new(Self {
            refusals: Mutex::new(times),
            sent: Mutex::default(),
        })
    }

    /// The recipients of the mails, and whether it took them.
    fn sent(&self) -> Vec<(String, bool)> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, mail: &Mail) -> SendOutcome {
        let to = mail.to[0].to_string();
        let mut refusals = self.refusals.lock().unwrap();
        let is_taken = to != OPERATOR || *refusals == 0;
        self.sent.lock().unwrap().push((to, is_taken));
        if is_taken {
            return SendOutcome::Accepted {
                message_id: "id".to_owned(),
                refused_recipients: Vec::new(),
            };
        }
        *refusals -= 1;
        SendOutcome::Refused {
            reason: "451 4.7.1".to_owned(),
            is_permanent: false,
        }
    }
}

/// Asks for the mail that tells the operator that the family no longer has the address.
fn removal() -> MessageRequest {
    let address: EmailAddress = OPERATOR.parse().unwrap();
    MessageRequest::Removal(Removal {
        family: "conrad".parse().unwrap(),
        by: PersonId::from_address(&address),
        address,
        to: RemovalReader::Removed,
    })
}

/// The task with its store.
struct World {
    _folder: tempfile::TempDir,
    store: Arc<SqliteStore>,
    clock: Arc<TestClock>,
    messages: MessageSender,
}

impl World {
    fn new(clock: Arc<TestClock>, mailer: Arc<dyn Mailer>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hippo.db");
        let store = Arc::new(SqliteStore::open_or_create(&path).unwrap());
        let messages = start(&store, mailer, &clock);
        Self {
            _folder: folder,
            store,
            clock,
            messages,
        }
    }

    /// Ends the command, and starts it again with this mailer.
    async fn restart(self, mailer: Arc<dyn Mailer>) -> Self {
        self.messages.finish().await;
        Self {
            messages: start(&self.store, mailer, &self.clock),
            ..self
        }
    }

    /// Adds a family, and asks for the mail that tells the operator that the family no longer has the address.
    async fn tell_of_removal(&self) {
        let family = hippo_core::testing::contract::sample::family("conrad");
        self.store.add_family(&family).await.unwrap();
        self.messages.queue().send(removal()).await.unwrap();
    }

    /// Ends the command. Nothing waits any more, and the operator is told of what was given up.
    async fn finish_and_expect_alert(self) {
        self.messages.finish().await;
        assert_eq!(self.store.waiting_messages().await.unwrap(), []);
        let day = self.clock.now().date_naive();
        let alerts = self.store.recent_alerts(10).await.unwrap();
        let alerts: Vec<_> = alerts.into_iter().map(|stored| stored.alert).collect();
        assert_eq!(alerts, [Alert::MessageGivenUp { day }]);
    }

    async fn waiting(&self) -> usize {
        self.store.waiting_messages().await.unwrap().len()
    }

    /// Asks for a sign-in mail.
    async fn ask(&self, address: &str) {
        let attempt = SignInAttempt::begin(&Token::generate().unwrap(), self.clock.now());
        self.store.add_attempt(&attempt).await.unwrap();
        let request = MessageRequest::SignIn(SignInRequest {
            attempt: attempt.id,
            address: address.parse().unwrap(),
        });
        self.messages.queue().send(request).await.unwrap();
    }
}

fn start(
    store: &Arc<SqliteStore>,
    mailer: Arc<dyn Mailer>,
    clock: &Arc<TestClock>,
) -> MessageSender {
    let settings = WebSettings {
        operators: vec![OPERATOR.parse().unwrap(), OTHER.parse().unwrap()],
        contact: None,
        timezone: chrono_tz::UTC,
        operator_name: "ana".to_owned(),
        public_url: "https://hippo.example.org".parse().unwrap(),
    };
    let (store, clock) = (Arc::clone(store), Arc::<TestClock>::clone(clock));
    MessageSender::start(store, mailer, clock, &settings)
}

/// Waits until something is true.
async fn wait_until(is_true: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap();
}

fn taken() -> (String, bool) {
    (OPERATOR.to_owned(), true)
}

fn refused() -> (String, bool) {
    (OPERATOR.to_owned(), false)
}

#[tokio::test]
async fn sign_in_mail_is_sent_after_two_refusals() {
    let (clock, mailer) = (TestClock::new(true), TestMailer::refusing(2));
    let world = World::new(Arc::clone(&clock), mailer.clone());
    world.ask(OPERATOR).await;
    wait_until(|| mailer.sent().len() == 3).await;
    world.messages.finish().await;
    assert_eq!(mailer.sent(), [refused(), refused(), taken()]);
    assert_eq!(clock.slept(), [20, 100]);
}

#[tokio::test]
async fn refused_sign_in_email_is_given_up_before_its_link_expires() {
    let (clock, mailer) = (TestClock::new(true), TestMailer::refusing(usize::MAX));
    let world = World::new(Arc::clone(&clock), mailer.clone());
    world.ask(OPERATOR).await;
    wait_until(|| mailer.sent().len() == MAX_TRIES).await;
    // Its link would have worked for four more minutes.
    assert_eq!(clock.slept().iter().sum::<u64>(), 640);
    // The next mail isn't in the way of anything.
    world.ask(OTHER).await;
    wait_until(|| mailer.sent().len() == MAX_TRIES + 1).await;
    world.messages.finish().await;
    assert_eq!(mailer.sent().len(), MAX_TRIES + 1);
}

#[tokio::test]
async fn refused_family_email_is_retried() {
    // Each try asks the mail service three times.
    let (clock, mailer) = (TestClock::new(true), TestMailer::refusing(4));
    let world = World::new(clock, Arc::<TestMailer>::clone(&mailer) as Arc<dyn Mailer>);
    world.tell_of_removal().await;
    wait_until(|| mailer.sent().last().is_some_and(|(_, is_taken)| *is_taken)).await;
    assert_eq!(mailer.sent().len(), 5);
    assert_eq!(world.clock.slept(), [5, 5, 20, 5]);
    world.messages.finish().await;
    assert_eq!(world.store.waiting_messages().await.unwrap(), []);
}

#[tokio::test]
async fn unsent_email_is_sent_after_a_restart() {
    // The pauses within a try go by, and those between two tries don't.
    let clock = TestClock::with_longest_sleep(Duration::from_secs(5));
    let world = World::new(clock, TestMailer::refusing(usize::MAX));
    world.tell_of_removal().await;
    world.ask(OPERATOR).await;
    let clock = Arc::clone(&world.clock);
    wait_until(|| clock.slept().iter().filter(|slept| **slept == 20).count() == 2).await;
    let mailer = TestMailer::refusing(0);
    let world = world
        .restart(Arc::<TestMailer>::clone(&mailer) as Arc<dyn Mailer>)
        .await;
    wait_until(|| mailer.sent() == [taken()]).await;
    // It isn't sent again.
    let world = world.restart(Arc::new(NoMailer)).await;
    assert_eq!(world.waiting().await, 0);
    world.messages.finish().await;
}

#[tokio::test]
async fn email_is_retried_for_two_days_then_alerts() {
    let (clock, mailer) = (TestClock::new(true), TestMailer::refusing(usize::MAX));
    let world = World::new(clock, Arc::<TestMailer>::clone(&mailer) as Arc<dyn Mailer>);
    world.tell_of_removal().await;
    let since = world.clock.now();
    wait_until(|| mailer.sent().len() == 3 * MAX_STORED_TRIES).await;
    let took = world.clock.now() - since;
    assert!((47..=50).contains(&took.num_hours()), "{took}");
    world.finish_and_expect_alert().await;
}

#[tokio::test]
async fn week_old_email_is_given_up_with_an_alert() {
    let world = World::new(TestClock::new(true), Arc::new(NoMailer));
    let old = WaitingMessage {
        id: Uuid::new_v4(),
        since: world.clock.now() - STORED_LIFETIME - TimeDelta::seconds(1),
        request: removal(),
    };
    world.store.add_message(&old).await.unwrap();
    let world = world.restart(Arc::new(NoMailer)).await;
    world.finish_and_expect_alert().await;
}

#[tokio::test]
async fn waiting_mail_blocks_no_other_mail() {
    let (clock, mailer) = (TestClock::new(false), TestMailer::refusing(usize::MAX));
    let world = World::new(Arc::clone(&clock), mailer.clone());
    for _ in 0..2 * MAX_CONCURRENT_SENDS {
        world.ask(OPERATOR).await;
    }
    world.ask(OTHER).await;
    world.ask("stranger@example.org").await;
    let is_sent = || mailer.sent().contains(&(OTHER.to_owned(), true));
    wait_until(|| is_sent() && clock.slept().len() == 2 * MAX_CONCURRENT_SENDS).await;
    let start = std::time::Instant::now();
    world.messages.finish().await;
    assert!(
        start.elapsed() < FINISH_TIMEOUT / 2,
        "{:?}",
        start.elapsed()
    );
    assert_eq!(mailer.sent().len(), 2 * MAX_CONCURRENT_SENDS + 1);
}

#[tokio::test]
async fn mails_that_were_not_tried_yet_are_sent_at_the_end() {
    let (clock, mailer) = (TestClock::new(false), TestMailer::refusing(0));
    let world = World::new(clock, mailer.clone());
    for _ in 0..20 {
        world.ask(OTHER).await;
    }
    world.messages.finish().await;
    assert_eq!(mailer.sent().len(), 20);
}

struct NoMailer;

#[async_trait]
impl Mailer for NoMailer {
    async fn send(&self, _: &Mail) -> SendOutcome {
        panic!("a mail was sent")
    }
}

#[tokio::test]
async fn too_many_sign_in_mails_raise_one_alert() {
    let world = World::new(TestClock::new(true), Arc::new(NoMailer));
    let total = RateKey::total();
    for _ in 0..100 {
        let permit = count_attempt(&*world.store, &total, &TOTAL_LIMITS, world.clock.now());
        assert!(permit.await.unwrap());
    }
    for _ in 0..2 {
        world.ask(OPERATOR).await;
    }
    world.messages.finish().await;
    let alerts = world.store.recent_alerts(10).await.unwrap();
    assert_eq!(alerts.len(), 1);
    assert!(matches!(alerts[0].alert, Alert::ManySignIns { .. }));
}
