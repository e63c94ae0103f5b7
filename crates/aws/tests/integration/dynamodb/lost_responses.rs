//! Tests lost responses: the SDK retries the write, which must not be mistaken for another writer's.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hippo_aws::dynamodb::DynamoDbStore;
use hippo_core::run::JobName;
use hippo_core::store::{
    CardStore, CheckStore, FamilyStore, LibraryStore, OutboxStore, RunStart, RunStore, Saved,
};
use hippo_core::testing::contract::sample;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::dynamodb::emulator::{Fresh, config, fresh};

/// A proxy to the emulator that can lose a response.
struct Lossy {
    store: DynamoDbStore,
    lose: ToLose,
    _emulator: Fresh,
}

/// The operation whose next response will be lost.
type ToLose = Arc<Mutex<Option<&'static str>>>;

impl Lossy {
    async fn new() -> Option<Self> {
        let emulator = fresh().await?;
        let lose = ToLose::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, emulator.address(), Arc::clone(&lose)));
        let client = hippo_aws::dynamodb::client(&config(&endpoint));
        Some(Self {
            store: DynamoDbStore::new(client, emulator.table_name()),
            lose,
            _emulator: emulator,
        })
    }

    fn lose_next(&self, operation: &'static str) {
        *self.lose.lock().unwrap() = Some(operation);
    }

    fn assert_lost(&self) {
        assert_eq!(*self.lose.lock().unwrap(), None, "no response was lost");
    }
}

async fn serve(listener: TcpListener, to: SocketAddr, lose: ToLose) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, to, Arc::clone(&lose)));
    }
}

/// Whether this request's response will be lost.
fn must_lose(lose: &ToLose, request: &str) -> bool {
    let mut lose = lose.lock().unwrap();
    let is_match = lose.is_some_and(|operation| request.contains(&format!(".{operation}\r\n")));
    if is_match {
        *lose = None;
    }
    is_match
}

/// Forwards one connection until it ends or loses a response.
async fn forward(client: TcpStream, to: SocketAddr, lose: ToLose) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(to).await.unwrap().into_split();
    let (mut request, mut response) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut is_due = false;
    loop {
        tokio::select! {
            read = from_client.read(&mut request) => {
                let Ok(read @ 1..) = read else { return };
                let text = String::from_utf8_lossy(&request[..read]);
                is_due |= must_lose(&lose, &text);
                to_server.write_all(&request[..read]).await.unwrap();
            }
            read = from_server.read(&mut response) => {
                let Ok(read @ 1..) = read else { return };
                if is_due || to_client.write_all(&response[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn claim_survives_a_lost_response() {
    let Some(lossy) = Lossy::new().await else {
        return;
    };
    let store = &lossy.store;
    store.add_family(&sample::family("conrad")).await.unwrap();
    let record = sample::notice("conrad", "2026-11-21");
    store.plan_mail(&record).await.unwrap();
    let claimed = record
        .claim(Uuid::new_v4(), sample::time("06:31:00"))
        .unwrap();

    lossy.lose_next("UpdateItem");
    assert!(store.replace_mail(0, &claimed, None).await.unwrap());
    lossy.assert_lost();
    // Claiming again is another write, which is refused.
    assert!(!store.replace_mail(0, &claimed, None).await.unwrap());
}

#[tokio::test]
async fn skipped_run_survives_a_lost_response() {
    let Some(lossy) = Lossy::new().await else {
        return;
    };
    let store = &lossy.store;
    let silence = Duration::from_secs(15 * 60);
    let first = sample::run(JobName::CHECK_CARDS, "all", "05:00:00");
    let started = store.start_run(&first, false, silence).await.unwrap();
    assert_eq!(started, RunStart::Started);
    let next = sample::run(JobName::CHECK_CARDS, "all", "05:01:00");
    lossy.lose_next("PutItem");
    let skipped = store.start_run(&next, false, silence).await.unwrap();
    lossy.assert_lost();
    assert_eq!(skipped, RunStart::StillRunning(first));
}

#[tokio::test]
async fn card_and_check_survive_lost_responses() {
    let Some(lossy) = Lossy::new().await else {
        return;
    };
    let store = &lossy.store;
    store.add_family(&sample::family("conrad")).await.unwrap();
    store.add_library(&sample::library("wpl")).await.unwrap();
    let card = sample::card("conrad", "wpl", "f1");
    lossy.lose_next("TransactWriteItems");
    store
        .add_card(&card, &sample::sealed(card.id))
        .await
        .unwrap();
    lossy.assert_lost();

    let check = sample::check(&card, "05:10:00", Ok(sample::account(1)));
    let mark = sample::mark(check.id, "2026-11-21");
    lossy.lose_next("PutItem");
    assert!(store.begin_login(&card.key(), &mark).await.unwrap());
    lossy.assert_lost();
    lossy.lose_next("TransactWriteItems");
    assert_eq!(store.save_check(&check).await.unwrap(), Saved::Stored);
    lossy.assert_lost();
    let state = store.card(card.id).await.unwrap().unwrap().state;
    assert_eq!(state.login_mark, None);
    assert_eq!(state.last_success_at, Some(check.started_at));
}
