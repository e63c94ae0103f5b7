//! Tests that the command follows a run that it started on a stack. The table is on an emulator, and a
//! small server answers for the functions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use hippo_aws::dynamodb::{self, DynamoDbStore, schema};
use hippo_core::run::ledger::LOST_AFTER;
use hippo_core::run::work::{Subject, WorkItem, WorkOutcome, WorkResult};
use hippo_core::run::{Counts, JobName, Run, RunKey, RunOutcome, Trigger};
use hippo_core::store::RunStore as _;
use hippo_tests::emulator::Emulator;
use hippo_tests::moto::Moto;
use hippo_tests::{CommandOutput, Home};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::{create_stack_with, outputs, prepare_for_aws};

const NOW: &str = "2026-11-21T10:00:00Z";
const RUN: &str = "check-cards/person/2026-11-21T10:00:00Z";
const TABLE: &str = "unused";

/// The time between two results. The command looks every two seconds.
const PAUSE: Duration = Duration::from_secs(3);

/// The cards that are checked.
const CARDS: [&str; 3] = [
    "01KAQZ9W8M0000000000000001",
    "01KAQZ9W8M0000000000000002",
    "01KAQZ9W8M0000000000000003",
];

/// A stack whose functions check one card after the other, with these results.
struct Stack {
    moto: Moto,
    /// The table, which the functions use and the command reads through `table_url`.
    _table: Emulator,
    table_url: String,
    functions: String,
}

impl Stack {
    /// Starts it. `None` if an emulator isn't installed.
    async fn start(results: &[WorkOutcome]) -> Option<Self> {
        Self::start_with(results, Duration::ZERO, "json").await
    }

    /// Starts it. The command can't read the table for so long, from when it has started the run.
    async fn start_with_outage(results: &[WorkOutcome], outage: Duration) -> Option<Self> {
        Self::start_with(results, outage, "json").await
    }

    /// Starts it with such an outage, and this kind of source of pictures.
    async fn start_with(results: &[WorkOutcome], outage: Duration, pictures: &str) -> Option<Self> {
        let (moto, table) = (Moto::start()?, Emulator::start()?);
        let mut outputs = outputs();
        outputs["PictureSource"] = pictures.into();
        create_stack_with(&moto, &json!({}), &outputs);
        let credentials = SharedCredentialsProvider::new(Credentials::for_tests());
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(hippo_aws::clients::https_client())
            .region(Region::new("ca-central-1"))
            .endpoint_url(table.endpoint())
            .credentials_provider(credentials)
            .build();
        let client = dynamodb::client(&config);
        schema::create_table(&client, TABLE).await.unwrap();
        let store = Arc::new(DynamoDbStore::new(client, TABLE));
        let is_down = Arc::new(AtomicBool::new(false));
        let table_url = serve_table(table.address(), Arc::clone(&is_down)).await;
        let functions = serve_functions(store, results.to_vec(), is_down, outage).await;
        Some(Self {
            moto,
            _table: table,
            table_url,
            functions,
        })
    }

    /// Prepares the command for it.
    fn home(&self) -> Home {
        prepare_for_aws(&[
            ("AWS_ENDPOINT_URL", &self.moto.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.table_url),
            ("AWS_ENDPOINT_URL_LAMBDA", &self.functions),
            ("HIPPO_NOW", NOW),
        ])
    }

    /// Runs the command on it.
    async fn run(&self, arguments: &'static [&'static str]) -> CommandOutput {
        let home = self.home();
        let ran = tokio::task::spawn_blocking(move || home.run(&on_stack(arguments)));
        ran.await.unwrap()
    }
}

/// How a suggested command begins: with the options that name the stack.
const HIPPO: &str = "hippo --stack hippo --region ca-central-1";

/// These arguments, after those that name the stack.
fn on_stack(arguments: &[&'static str]) -> Vec<&'static str> {
    let mut all = vec!["--region", "ca-central-1", "--stack", "hippo"];
    all.extend(arguments);
    all
}

/// Answers for the functions: each event plans a run of all results, which then come one by one.
///
/// With the first event, the table is down for as long as the outage.
async fn serve_functions(
    store: Arc<DynamoDbStore>,
    results: Vec<WorkOutcome>,
    is_down: Arc<AtomicBool>,
    outage: Duration,
) -> String {
    let functions = Router::new().fallback(move |uri: Uri, body: Bytes| {
        let (store, results) = (Arc::clone(&store), results.clone());
        let is_down = Arc::clone(&is_down);
        async move {
            is_down.store(!outage.is_zero(), Ordering::SeqCst);
            tokio::spawn(async move {
                tokio::time::sleep(outage).await;
                is_down.store(false, Ordering::SeqCst);
            });
            let event: Value = serde_json::from_slice(&body).unwrap();
            if uri.path().contains("pictures") {
                return send_pictures(&store, &event).await.to_string();
            }
            let key = RunKey {
                job: JobName::CHECK_CARDS,
                label: event["label"].as_str().unwrap().parse().unwrap(),
                scheduled_time: event["scheduled_time"].as_str().unwrap().parse().unwrap(),
            };
            let count = u32::try_from(results.len()).unwrap();
            plan(&store, &key, count).await;
            let answer = json!({"run": key.to_string(), "cards": count, "visits": count});
            tokio::spawn(async move {
                for (number, outcome) in results.into_iter().enumerate() {
                    tokio::time::sleep(PAUSE).await;
                    let work = visit(number, outcome);
                    store.save_work_item(&key, &work).await.unwrap();
                }
            });
            answer.to_string()
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, functions).await });
    url
}

/// Forwards connections to the table, except while it is down.
async fn serve_table(table: SocketAddr, is_down: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut command, _)) = listener.accept().await {
            let is_down = Arc::clone(&is_down);
            tokio::spawn(async move {
                let goes_down = async {
                    while !is_down.load(Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                let forward = async {
                    let mut table = TcpStream::connect(table).await?;
                    tokio::io::copy_bidirectional(&mut command, &mut table).await
                };
                tokio::select! {
                    biased;
                    () = goes_down => {}
                    _ = forward => {}
                }
            });
        }
    });
    url
}

/// Answers for the function that sends pictures: it sends two, and a third has a picture only later.
async fn send_pictures(store: &DynamoDbStore, event: &Value) -> Value {
    assert_eq!(event["at_once"], true);
    let key = RunKey {
        job: JobName::PICTURE_OF_THE_DAY,
        label: event["label"].as_str().unwrap().parse().unwrap(),
        scheduled_time: event["scheduled_time"].as_str().unwrap().parse().unwrap(),
    };
    let now = key.scheduled_time;
    let mut run = Run {
        key: key.clone(),
        trigger: Trigger::Person,
        input: event.clone(),
        started_at: now,
        reported_at: now,
        finished_at: None,
        outcome: RunOutcome::Running,
        counts: Counts::default(),
    };
    let started = store.start_run(&run, true, LOST_AFTER);
    started.await.unwrap();
    run.counts = Counts {
        planned: 3,
        done: 2,
        skipped: 1,
        ..Counts::default()
    };
    run.finished_at = Some(now);
    run.outcome = RunOutcome::Done;
    store.report_run(&run).await.unwrap();
    json!({"run": key.to_string()})
}

#[tokio::test]
async fn pictures_are_sent_by_their_function_and_counted() {
    let Some(stack) = Stack::start(&[]).await else {
        return;
    };
    let ran = stack.run(&["run", "picture-of-the-day"]).await;
    let ran = ran.expect_code(0);
    assert_eq!(ran.stdout, "Done: 2 of 3 pictures in 0.0 s, 1 skipped.\n");
}

#[tokio::test]
async fn missing_picture_source_names_the_parameter_to_set() {
    let Some(stack) = Stack::start_with(&[], Duration::ZERO, "none").await else {
        return;
    };
    for arguments in [
        &["run", "picture-of-the-day"][..],
        &["run", "picture-of-the-day", "--dry-run"],
    ] {
        let ran = stack.run(arguments).await.expect_code(3);
        for part in [
            "where the picture of the day comes from",
            "PictureUrl",
            "make deploy",
        ] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
    }
}

/// Records a run that has enqueued `count` cards.
async fn plan(store: &DynamoDbStore, key: &RunKey, count: u32) {
    let now = key.scheduled_time;
    let mut run = Run {
        key: key.clone(),
        trigger: Trigger::Person,
        input: json!({"scope": "all"}),
        started_at: now,
        reported_at: now,
        finished_at: None,
        outcome: RunOutcome::Running,
        counts: Counts::default(),
    };
    let started = store.start_run(&run, true, LOST_AFTER);
    started.await.unwrap();
    run.counts.add_enqueued(count);
    run.finished_at = Some(now);
    run.outcome = RunOutcome::Done;
    store.report_run(&run).await.unwrap();
}

/// A visit with one card.
fn visit(number: usize, outcome: WorkOutcome) -> WorkItem {
    WorkItem {
        item_id: number.to_string(),
        results: vec![WorkResult {
            subject: Subject::Card {
                family: "conrad".parse().unwrap(),
                card: CARDS[number].parse().unwrap(),
                library: "wpl".parse().unwrap(),
            },
            outcome,
        }],
    }
}

fn failed() -> WorkOutcome {
    WorkOutcome::Failed("site_down".to_owned())
}

#[tokio::test]
async fn run_on_a_stack_is_followed_to_its_end_and_a_failure_exits_1() {
    let Some(stack) = Stack::start(&[WorkOutcome::Done, failed()]).await else {
        return;
    };
    let ran = stack.run(&["run", "check-cards"]).await.expect_code(1);
    assert_eq!(
        ran.stdout,
        "Checking 2 cards in 2 visits.\n\
         1 of 2 cards so far.\n\
         FAMILY  WHAT            LIBRARY  ID                          FAILED WITH\n\
         conrad  a removed card  wpl      01KAQZ9W8M0000000000000002  site_down\n\
         Done: 1 of 2 cards in 0.0 s, 1 failed.\n"
    );
    assert_eq!(without_clock(&ran.stderr), "");
}

/// Standard error without the line about the frozen clock.
fn without_clock(stderr: &str) -> String {
    let lines = stderr.split_inclusive('\n');
    lines
        .filter(|line| !line.starts_with("The clock is frozen at "))
        .collect()
}

#[tokio::test]
async fn run_is_followed_over_an_outage_of_the_table() {
    let outage = PAUSE + Duration::from_secs(2);
    let Some(stack) = Stack::start_with_outage(&[WorkOutcome::Done], outage).await else {
        return;
    };
    let ran = stack.run(&["check-cards"]).await.expect_code(0);
    assert_eq!(
        (ran.stdout.as_str(), without_clock(&ran.stderr).as_str()),
        (
            "Checking 1 card in 1 visit.\nDone: 1 of 1 card in 0.0 s.\n",
            ""
        )
    );
}

#[tokio::test]
async fn good_run_on_a_stack_exits_0_with_its_document() {
    let Some(stack) = Stack::start(&[WorkOutcome::Done]).await else {
        return;
    };
    let ran = stack.run(&["--json", "check-cards"]).await.expect_code(0);
    let run = json!({
        "job": "check-cards", "label": "person", "scheduled_time": NOW,
        "trigger": "person", "input": {"scope": "all"},
        "started_at": NOW, "reported_at": NOW, "finished_at": NOW, "outcome": "done",
        "counts": {"planned": 1, "enqueued": 1, "done": 1, "skipped": 0, "failed": {}},
        "failures": [], "failed_items": [], "left_out": [],
    });
    assert_eq!(ran.json(), run);
    assert_eq!(without_clock(&ran.stderr), "");
}

#[tokio::test]
async fn command_without_waiting_returns_when_the_work_is_enqueued() {
    let Some(stack) = Stack::start(&[failed()]).await else {
        return;
    };
    let ran = stack
        .run(&["check-cards", "--no-wait"])
        .await
        .expect_code(0);
    let expected = format!(
        "Checking 1 card in 1 visit. This goes on without the command; “{HIPPO} runs show {RUN}” shows the results.\n"
    );
    assert_eq!(ran.stdout, expected);
    assert_eq!(without_clock(&ran.stderr), "");
}

#[cfg(unix)]
#[tokio::test]
async fn interrupt_only_stops_watching_and_says_how_to_go_on() {
    use std::io::{BufRead as _, BufReader, Read as _};
    let results = [WorkOutcome::Done, WorkOutcome::Done, WorkOutcome::Done];
    let Some(stack) = Stack::start(&results).await else {
        return;
    };
    let mut command = stack.home().command(&on_stack(&["check-cards"]));
    let watched = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = stdout.lines().map(Result::unwrap);
        let mut before: Vec<String> = lines.by_ref().take(2).collect();
        let pid = child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-INT", &pid])
            .status();
        assert!(sent.unwrap().success());
        let mut stderr = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        before.extend(lines);
        (child.wait().unwrap().code(), before, stderr)
    });
    let (code, lines, stderr) = watched.await.unwrap();
    assert_eq!(code, Some(1), "{stderr}");
    let expected = [
        "Checking 3 cards in 3 visits.",
        "1 of 3 cards so far.",
        "Still running: 1 of 3 cards in 0.0 s.",
    ];
    assert_eq!(lines, expected);
    let advice = format!(
        "The run goes on without the command. “{HIPPO} runs show {RUN}” shows its results.\n"
    );
    assert_eq!(without_clock(&stderr), advice);
}
