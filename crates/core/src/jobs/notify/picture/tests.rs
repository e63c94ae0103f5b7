use std::collections::VecDeque;

use chrono::{Duration as Span, NaiveTime};

use super::*;
use crate::ids::FamilyId;
use crate::jobs::notify::NotifyAllInput;
use crate::jobs::notify::run::deliver;
use crate::jobs::notify::send::NotifyPorts;
use crate::jobs::notify::tick::NotifyTick;
use crate::mail::SendOutcome;
use crate::outbox::{MailKey, MailState, OutboxRecord, REFUSED_DELAY};
use crate::picture::{PictureFailureKind, PictureFormat};
use crate::store::{FamilyStore, OutboxStore};
use crate::testing::memory::MemoryStore;
use crate::testing::world::{TestClock, TestMailer, family};

type Fetched = Result<Option<Picture>, PictureFailure>;

/// A source that returns its queued answers, and then a picture of the date.
#[derive(Default)]
struct TestFetcher {
    answers: std::sync::Mutex<VecDeque<Fetched>>,
    dates: std::sync::Mutex<Vec<String>>,
}

#[async_trait]
impl PictureFetcher for TestFetcher {
    async fn fetch_picture(&self, _: &PictureSource, date: NaiveDate) -> Fetched {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        self.dates.lock().unwrap().push(date.to_string());
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(Some(picture(&date.to_string()))))
    }
}

fn picture(content: &str) -> Picture {
    Picture {
        title: Some("A hill".to_owned()),
        credit: Some("Zoë".to_owned()),
        format: PictureFormat::Gif,
        bytes: format!("GIF89a{content}").into_bytes().into(),
    }
}

fn not_found() -> Fetched {
    Err(PictureFailure::new(
        PictureFailureKind::NotFound,
        "the answer was 404 at /today",
    ))
}

/// What a run planned, and what became of it.
struct Results {
    planned: usize,
    states: Vec<MailState>,
}

impl Results {
    fn count(&self, state: MailState) -> usize {
        self.states.iter().filter(|one| **one == state).count()
    }

    fn sent(&self) -> usize {
        self.count(MailState::Sent)
    }

    fn skipped(&self) -> usize {
        self.count(MailState::Skipped)
    }
}

struct Stage {
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
    fetcher: Arc<TestFetcher>,
    mailer: TestMailer,
}

impl Stage {
    /// 2026-11-21 07:05 in Toronto; `conrad` and `diaz` want the picture at 07:00, `lee` doesn't.
    async fn new() -> Self {
        let stage = Self {
            store: Arc::default(),
            clock: Arc::new(TestClock::at("2026-11-21T12:05:00Z".parse().unwrap())),
            fetcher: Arc::default(),
            mailer: TestMailer::default(),
        };
        for (id, is_subscribed) in [("conrad", true), ("diaz", true), ("lee", false)] {
            let mut family = family(id);
            if is_subscribed {
                let since = "2026-11-21T05:00:00Z".parse().unwrap();
                family.set_picture(NaiveTime::from_hms_opt(7, 0, 0), since);
            }
            stage.store.add_family(&family).await.unwrap();
        }
        stage
    }

    fn answer(&self, answers: impl IntoIterator<Item = Fetched>) {
        self.fetcher.answers.lock().unwrap().extend(answers);
    }

    fn composers(&self) -> Composers {
        PictureComposer::new(
            PictureSource::image("https://pictures.example.org/today".parse().unwrap()),
            Arc::<TestFetcher>::clone(&self.fetcher),
            Arc::<MemoryStore>::clone(&self.store),
            Arc::<MemoryStore>::clone(&self.store),
            Arc::<TestClock>::clone(&self.clock),
        )
        .into_composers()
    }

    /// Plans what is due, and sends it.
    async fn run_with(&self, composers: Composers, at_once: bool) -> Results {
        let libraries = BTreeMap::new();
        let store = &*self.store;
        let ports = NotifyPorts {
            families: store,
            accounts: store,
            outbox: store,
            alerts: store,
            composers: &composers,
            mailer: &self.mailer,
            clock: &*self.clock,
            libraries: &libraries,
            operator_contact: None,
            public_url: None,
        };
        let input = NotifyAllInput {
            at_once,
            ..NotifyAllInput::default()
        };
        let kinds = composers.kinds();
        let mut tick = NotifyTick::new(store, store, store, &kinds, &input, &*self.clock);
        let mut due = Vec::new();
        while let Some(found) = tick.next().await.unwrap() {
            due.extend(found.free);
        }
        let sending = due.iter().map(|key| deliver(&ports, key, None, at_once));
        let sent = futures::future::join_all(sending).await;
        Results {
            planned: due.len(),
            states: sent
                .into_iter()
                .filter_map(Result::unwrap)
                .map(|result| result.state)
                .collect(),
        }
    }

    async fn run(&self) -> Results {
        self.run_with(self.composers(), false).await
    }

    async fn record(&self, family: &str) -> OutboxRecord {
        let family: FamilyId = family.parse().unwrap();
        let key = MailKey::new(MailKind::PICTURE, family, "2026-11-21".parse().unwrap());
        self.store.mail(&key).await.unwrap().unwrap()
    }

    /// How often the picture was fetched.
    fn fetches(&self) -> usize {
        self.fetcher.dates.lock().unwrap().len()
    }

    fn mails(&self) -> usize {
        self.mailer.mails.lock().unwrap().len()
    }

    async fn alerts(&self) -> Vec<Alert> {
        let alerts = self.store.recent_alerts(10).await.unwrap();
        alerts.into_iter().map(|stored| stored.alert).collect()
    }
}

#[tokio::test]
async fn picture_is_fetched_once_and_sent_to_each_subscriber_once() {
    let stage = Stage::new().await;
    let run = stage.run().await;
    assert_eq!((run.planned, run.sent()), (2, 2));
    stage.clock.advance(Span::minutes(15));
    assert_eq!(stage.run().await.planned, 0);
    assert_eq!((stage.fetches(), stage.mails()), (1, 2));
    assert_eq!(stage.record("conrad").await.state, MailState::Sent);
    let mails = stage.mailer.mails.lock().unwrap();
    assert_eq!(mails[0].subject, "Picture of the day: A hill");
    let picture = mails[0].picture.as_ref().unwrap();
    assert_eq!(&*picture.bytes, b"GIF89a2026-11-21");
    let tag = mails[0].tag.as_ref().unwrap();
    assert_eq!(tag.kind, MailKind::PICTURE);
}

#[tokio::test]
async fn picture_is_kept_for_a_family_with_a_later_time() {
    let stage = Stage::new().await;
    stage.clock.set("2026-11-21T11:59:00Z");
    assert_eq!(stage.run().await.planned, 0);
    let mut later = stage.store.family(&"diaz".parse().unwrap()).await.unwrap();
    let diaz = later.as_mut().unwrap();
    diaz.set_picture(NaiveTime::from_hms_opt(9, 0, 0), diaz.created_at);
    stage.store.update_family(diaz).await.unwrap();
    stage.clock.set("2026-11-21T12:05:00Z");
    assert_eq!(stage.run().await.sent(), 1);
    stage.clock.set("2026-11-21T14:05:00Z");
    assert_eq!(stage.run().await.sent(), 1);
    assert_eq!((stage.fetches(), stage.mails()), (1, 2));
}

#[tokio::test]
async fn three_failed_attempts_skip_the_day_and_raise_one_alert() {
    let stage = Stage::new().await;
    stage.answer([not_found(), not_found(), not_found()]);
    for tries in 1..=2 {
        stage.run().await;
        assert_eq!(stage.fetches(), tries);
        let record = stage.record("conrad").await;
        assert_eq!(record.state, MailState::Pending);
        assert_eq!(stage.alerts().await, []);
        stage.clock.advance(REFUSED_DELAY);
    }
    stage.run().await;
    for family in ["conrad", "diaz"] {
        let record = stage.record(family).await;
        assert_eq!(record.state, MailState::Skipped);
        assert_eq!(
            record.reason.as_deref(),
            Some(
                "We tried 3 times to get the picture. The picture's URL wasn't found (the answer was 404 at \
                 /today). Check the picture's URL in the configuration."
            )
        );
    }
    stage.clock.advance(REFUSED_DELAY);
    stage.run().await;
    assert_eq!((stage.fetches(), stage.mails()), (3, 0));
    let expected = Alert::NoPicture {
        day: "2026-11-21".parse().unwrap(),
        failure: PictureFailureKind::NotFound,
    };
    assert_eq!(stage.alerts().await, [expected]);
}

#[tokio::test]
async fn try_after_a_failure_succeeds() {
    let stage = Stage::new().await;
    stage.answer([not_found()]);
    let run = stage.run().await;
    assert_eq!(run.count(MailState::Pending), 2);
    // The next run is too early for both families.
    stage.clock.advance(Span::minutes(15));
    assert_eq!(stage.run().await.planned, 0);
    stage.clock.advance(Span::minutes(15));
    assert_eq!(stage.run().await.sent(), 2);
    assert_eq!(stage.fetches(), 2);
    assert_eq!(stage.alerts().await, []);
}

#[tokio::test]
async fn person_needs_no_pause_between_tries() {
    let stage = Stage::new().await;
    stage.answer([not_found(), not_found(), not_found()]);
    for _ in 0..3 {
        stage.run_with(stage.composers(), true).await;
    }
    assert_eq!(stage.fetches(), 3);
    assert_eq!(stage.record("diaz").await.state, MailState::Skipped);
}

#[tokio::test]
async fn day_without_a_picture_is_skipped_without_an_alert() {
    let stage = Stage::new().await;
    stage.answer([Ok(None)]);
    let run = stage.run().await;
    assert_eq!((run.skipped(), stage.fetches()), (2, 1));
    let reason = stage.record("conrad").await.reason;
    assert_eq!(reason.as_deref(), Some("The source has no picture today."));
    assert_eq!(stage.alerts().await, []);
}

#[tokio::test]
async fn last_picture_is_not_sent_again_on_any_later_day() {
    let stage = Stage::new().await;
    let same = || Ok(Some(picture("the same")));
    stage.answer([same(), same(), same()]);
    for done in [2, 0, 0, 2] {
        assert_eq!(stage.run().await.sent(), done);
        stage.clock.advance(Span::days(1));
    }
    assert_eq!(stage.mails(), 4);
}

#[tokio::test]
async fn concurrent_runs_fetch_once_and_send_once() {
    let stage = Stage::new().await;
    let (one, other) = tokio::join!(stage.run(), stage.run());
    assert_eq!(one.sent() + other.sent(), 2);
    assert_eq!((stage.fetches(), stage.mails()), (1, 2));
}

#[tokio::test]
async fn crash_while_fetching_is_a_try() {
    let stage = Stage::new().await;
    let date = "2026-11-21".parse().unwrap();
    let trying = PictureDay {
        date,
        revision: 7,
        tries: 3,
        changed_at: stage.clock.now() - TRY_TIMEOUT,
        state: PictureDayState::Trying,
    };
    let saved = stage.store.save_picture_day(None, &trying, None).await;
    assert!(saved.unwrap());
    stage.run().await;
    assert_eq!(stage.fetches(), 0);
    assert_eq!(stage.record("conrad").await.state, MailState::Skipped);
}

#[tokio::test]
async fn worker_waits_for_another_ones_picture() {
    let stage = Stage::new().await;
    let trying = PictureDay {
        date: "2026-11-21".parse().unwrap(),
        revision: 0,
        tries: 1,
        changed_at: stage.clock.now(),
        state: PictureDayState::Trying,
    };
    let saved = stage.store.save_picture_day(None, &trying, None).await;
    assert!(saved.unwrap());
    // It doesn't come in time.
    stage.run().await;
    let record = stage.record("conrad").await;
    assert_eq!((record.state, stage.fetches()), (MailState::Pending, 0));
    // Its worker was lost.
    stage.clock.advance(REFUSED_DELAY);
    assert_eq!(stage.run().await.sent(), 2);
}

#[tokio::test]
async fn unsubscribed_family_gets_no_planned_picture() {
    let stage = Stage::new().await;
    stage.answer([not_found()]);
    stage.run().await;
    let conrad = stage.store.family(&"conrad".parse().unwrap()).await;
    let mut conrad = conrad.unwrap().unwrap();
    conrad.set_picture(None, stage.clock.now());
    stage.store.update_family(&conrad).await.unwrap();
    stage.clock.advance(REFUSED_DELAY);
    let run = stage.run().await;
    assert_eq!((run.sent(), run.skipped()), (1, 1));
    assert_eq!(stage.record("conrad").await.state, MailState::Skipped);
}

#[tokio::test]
async fn notices_and_pictures_do_not_hold_each_other_up() {
    let stage = Stage::new().await;
    stage.answer([not_found()]);
    stage.run().await;
    // The job of the notices leaves the waiting pictures alone.
    stage.clock.advance(REFUSED_DELAY);
    let notices = stage.run_with(Composers::default(), false).await;
    assert_eq!((notices.planned, notices.skipped()), (3, 3));
    assert_eq!(stage.record("conrad").await.state, MailState::Pending);
    // A refused notice doesn't delay the picture.
    let refused = SendOutcome::Refused {
        reason: "451".to_owned(),
        is_permanent: false,
    };
    stage.mailer.answers.lock().unwrap().push_back(refused);
    assert_eq!(stage.run().await.sent(), 1);
}

#[tokio::test]
async fn subscription_starts_today_and_owes_no_earlier_day() {
    let stage = Stage::new().await;
    let mut lee = family("lee");
    lee.set_picture(NaiveTime::from_hms_opt(7, 0, 0), stage.clock.now());
    stage.store.update_family(&lee).await.unwrap();
    assert_eq!(stage.run().await.sent(), 3);
    let lee = "lee".parse().unwrap();
    let records = stage
        .store
        .recent_mails(&MailKind::PICTURE, &lee, 10)
        .await
        .unwrap();
    assert_eq!(records.len(), 1);
}

#[tokio::test]
async fn picture_with_missing_bytes_is_fetched_again() {
    let stage = Stage::new().await;
    let fetched = PictureDay {
        date: "2026-11-21".parse().unwrap(),
        revision: 3,
        tries: 1,
        changed_at: stage.clock.now(),
        state: PictureDayState::Fetched(FetchedPicture {
            title: None,
            credit: None,
            format: PictureFormat::Gif,
            hash: "0".repeat(64),
        }),
    };
    let saved = stage.store.save_picture_day(None, &fetched, None).await;
    assert!(saved.unwrap());
    assert_eq!(stage.run().await.sent(), 2);
    assert_eq!(stage.fetches(), 1);
}
