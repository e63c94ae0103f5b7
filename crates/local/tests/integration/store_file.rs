//! The database file: permissions, damage, foreign files and backups.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hippo_core::alerts::Alert;
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::notifier::LogNotifier;
use hippo_core::alerts::notifier::Notifiers;
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::family::Family;
use hippo_core::message::{IdentityLinking, MessageRequest};
use hippo_core::outbox::{MailKind, MailState};
use hippo_core::run::{JobName, RunOutcome};
use hippo_core::sign_in::{Grant, PersonId, Session, SignInAttempt, SignInMethod, Token};
use hippo_core::store::AlertStore as _;
use hippo_core::store::{
    AccountStore, CardStore, CheckStore, FamilyStore, LibraryStore, NewSecret, OutboxStore,
    RunStart, RunStore, Scope, SecretStore, SecretWriter, SignInStore, StoreError, VisitStore,
};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::NoHeartbeat;
use hippo_local::clock::FrozenClock;
use hippo_local::sqlite::{BackupError, OpenError, SqliteStore, WaitingMessage};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn database(&self) -> PathBuf {
        self.path("hippo.db")
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Creates and closes a database with one checked card.
    async fn filled(&self) -> PathBuf {
        let store = SqliteStore::open_or_create(&self.database()).unwrap();
        let card = sample::one_card(&store).await;
        let check = sample::check(&card, "05:10:00", Ok(sample::account(17_00)));
        store.save_check(&check).await.unwrap();
        let notice = sample::notice("conrad", "2026-11-21");
        store.plan_mail(&notice).await.unwrap();
        let run = sample::run(hippo_core::run::JobName::CHECK_CARDS, "all", "05:00:00");
        store
            .start_run(&run, false, std::time::Duration::from_secs(900))
            .await
            .unwrap();
        self.database()
    }
}

fn sql(path: &Path, statements: &str) {
    Connection::open(path)
        .unwrap()
        .execute_batch(statements)
        .unwrap();
}

#[tokio::test]
async fn data_survives_closing_the_database() {
    let home = Home::new();
    let path = home.filled().await;
    assert_eq!(
        home.names(),
        ["hippo.db", "sent.journal"],
        "the log was written back"
    );
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.families().await.unwrap(), [sample::family("conrad")]);
    let accounts = store.family_accounts(&sample::family_id("conrad")).await;
    assert_eq!(accounts.unwrap().len(), 1);
}

#[test]
fn open_does_not_create_a_database() {
    let home = Home::new();
    let error = SqliteStore::open(&home.database()).unwrap_err();
    assert!(matches!(error, OpenError::NotThere { .. }));
    assert!(error.to_string().starts_with("There is no database at "));
    assert!(home.names().is_empty());
}

#[cfg(unix)]
mod privacy {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn modes(home: &Home) -> Vec<(String, u32)> {
        home.names()
            .into_iter()
            .map(|name| {
                let mode = fs::metadata(home.path(&name)).unwrap().permissions().mode();
                (name, mode & 0o777)
            })
            .collect()
    }

    #[tokio::test]
    async fn database_files_are_private() {
        let home = Home::new();
        let store = SqliteStore::open_or_create(&home.database()).unwrap();
        store.add_family(&sample::family("conrad")).await.unwrap();
        store.backup(&home.path("backup.db")).await.unwrap();
        let expected = [
            "backup.db",
            "hippo.db",
            "hippo.db-shm",
            "hippo.db-wal",
            "sent.journal",
        ]
        .map(|name| (name.to_owned(), 0o600));
        assert_eq!(modes(&home), expected);
    }

    #[tokio::test]
    async fn open_makes_readable_files_private() {
        let home = Home::new();
        let path = home.filled().await;
        let first = SqliteStore::open(&path).unwrap();
        first.add_family(&sample::family("other")).await.unwrap();
        for name in home.names() {
            fs::set_permissions(home.path(&name), fs::Permissions::from_mode(0o644)).unwrap();
        }
        let _second = SqliteStore::open(&path).unwrap();
        let expected = ["hippo.db", "hippo.db-shm", "hippo.db-wal", "sent.journal"]
            .map(|name| (name.to_owned(), 0o600));
        assert_eq!(modes(&home), expected);
    }

    #[tokio::test]
    async fn closing_a_second_store_keeps_the_locks_of_the_first() {
        // On POSIX, closing any file handle of the database drops all of the process's locks.
        let home = Home::new();
        let path = home.filled().await;
        let locker = Connection::open(&path).unwrap();
        locker.execute_batch("BEGIN IMMEDIATE").unwrap();
        drop(SqliteStore::open(&path).unwrap());
        let other = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store_file::privacy::tries_to_write",
                "--ignored",
                "--nocapture",
            ])
            .env("HIPPO_TEST_DATABASE", &path)
            .output()
            .unwrap();
        let output_text = String::from_utf8_lossy(&other.stdout);
        assert!(output_text.contains("it is locked"), "{output_text}");
    }

    /// The other process of the test above.
    #[test]
    #[ignore = "run by another test, in a process of its own"]
    fn tries_to_write() {
        let Ok(path) = std::env::var("HIPPO_TEST_DATABASE") else {
            return;
        };
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        match connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => println!("it is not"),
            Err(_) => println!("it is locked"),
        }
    }
}

#[tokio::test]
async fn newer_database_is_refused_with_both_versions() {
    let home = Home::new();
    let path = home.filled().await;
    sql(&path, "PRAGMA user_version = 99");
    let before = fs::read(&path).unwrap();
    for open in [SqliteStore::open, SqliteStore::open_or_create] {
        let error = open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Newer { found: 99, .. }));
        let text = error.to_string();
        assert!(
            text.contains("version 99") && text.contains("up to 1"),
            "{text}"
        );
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn database_of_another_program_is_refused_unchanged() {
    let home = Home::new();
    let cases = [
        (
            "other-id.db",
            "PRAGMA application_id = 77; CREATE TABLE a (b)",
        ),
        ("no-id.db", "CREATE TABLE a (b)"),
        ("other-version.db", "PRAGMA user_version = 1"),
    ];
    for (name, statements) in cases {
        let path = home.path(name);
        sql(&path, statements);
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open_or_create(&path).unwrap_err();
        assert!(
            matches!(error, OpenError::NotOurs { .. }),
            "{name}: {error}"
        );
        assert_eq!(fs::read(&path).unwrap(), before, "{name}");
    }
}

#[test]
fn file_that_is_not_a_database_is_refused_unchanged() {
    let home = Home::new();
    let path = home.database();
    fs::write(
        &path,
        "no database, only a text of some length\n".repeat(100),
    )
    .unwrap();
    let before = fs::read(&path).unwrap();
    for open in [SqliteStore::open, SqliteStore::open_or_create] {
        assert!(matches!(open(&path), Err(OpenError::NotOurs { .. })));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn empty_file_is_damaged_not_new() {
    let home = Home::new();
    fs::write(home.database(), "").unwrap();
    let error = SqliteStore::open(&home.database()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }));
}

#[tokio::test]
async fn damaged_database_is_reported_as_damaged() {
    for damage in [
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2),
        |bytes: &mut Vec<u8>| bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0x5a),
        |bytes: &mut Vec<u8>| bytes.iter_mut().skip(100).for_each(|byte| *byte = 0),
    ] {
        let home = Home::new();
        let path = home.filled().await;
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let text = match SqliteStore::open(&path) {
            Err(error @ OpenError::Damaged { .. }) => error.to_string(),
            Err(other) => panic!("{other}"),
            Ok(store) => {
                let backup = store.backup(&home.path("backup.db")).await;
                assert!(backup.is_err());
                assert!(!home.path("backup.db").exists());
                let answer = store.families().await;
                assert!(matches!(answer, Err(StoreError::Unusable(_))), "{answer:?}");
                answer.unwrap_err().to_string()
            }
        };
        let says_so = text.contains("is damaged") || text.contains("estore a backup");
        assert!(says_so, "{text}");
    }
}

#[test]
fn unwritable_path_is_named() {
    let home = Home::new();
    fs::write(home.path("file"), "").unwrap();
    for path in [
        home.folder.path().to_owned(),
        home.path("file").join("hippo.db"),
        home.path("no-folder").join("hippo.db"),
    ] {
        let error = SqliteStore::open_or_create(&path).unwrap_err();
        assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}

#[tokio::test]
async fn damaged_row_is_reported_by_table_and_key_only() {
    let cases = [
        ("UPDATE family SET timezone = 'Canary/Zone'", "conrad"),
        ("UPDATE family SET recipients = '[\"canary\"]'", "conrad"),
        (
            "UPDATE family SET preferences = '{\"due_within_days\":\"canary\"}'",
            "conrad",
        ),
        ("UPDATE family SET notice_time = 'canary'", "conrad"),
        (
            "UPDATE family SET created_at = CAST(x'ff63616e617279' AS TEXT)",
            "conrad",
        ),
        ("UPDATE library SET base_url = 'canary'", "wpl"),
        ("UPDATE library SET options = 'canary'", "wpl"),
        (
            "UPDATE card SET library = 'wpl', mark_check = 'canary'",
            "card",
        ),
        (
            "UPDATE card SET failure_kind = 'canary', failure_detail = ''",
            "card",
        ),
        ("UPDATE card SET check_finished_at = NULL", "card"),
        (
            "UPDATE account SET account = '{\"system\":\"canary\"}'",
            "account",
        ),
        ("UPDATE outbox SET revision = -1", "conrad"),
        ("UPDATE run SET counts = 'canary'", "2026-11-21"),
        ("UPDATE run SET reported_at = 'canary'", "2026-11-21"),
    ];
    for (statement, key) in cases {
        let home = Home::new();
        let path = home.filled().await;
        sql(&path, statement);
        let store = SqliteStore::open(&path).unwrap();
        let conrad = sample::family_id("conrad");
        store.families().await.unwrap();
        store.libraries().await.unwrap();
        store.family_cards(&conrad).await.unwrap();
        store.cards_to_check(Scope::All, None, 10).await.unwrap();
        store.family_accounts(&conrad).await.unwrap();
        store.load_family(&conrad).await.unwrap();
        store
            .recent_mails(&MailKind::DAILY, &conrad, 10)
            .await
            .unwrap();
        store.recent_runs(None, None, 10).await.unwrap();
        store.cards_with_secrets().await.unwrap();
        let damaged = store.damaged_rows();
        assert_eq!(damaged.len(), 1, "{statement}: {damaged:?}");
        let id = match key {
            "card" | "account" => card_id(&path),
            key => key.to_owned(),
        };
        assert!(damaged[0].id.starts_with(&id), "{statement}: {damaged:?}");
        let reported = format!("{damaged:?}").to_lowercase();
        assert!(!reported.contains("canary"), "{reported}");
    }
}

fn card_id(path: &Path) -> String {
    let connection = Connection::open(path).unwrap();
    let id = connection.query_row("SELECT id FROM card", [], |row| row.get(0));
    id.unwrap()
}

#[tokio::test]
async fn damaged_row_does_not_hide_others() {
    let home = Home::new();
    let store = SqliteStore::open_or_create(&home.database()).unwrap();
    let mut cards = Vec::new();
    for id in ["aaa", "bbb", "ccc"] {
        store.add_family(&sample::family(id)).await.unwrap();
        store.add_library(&sample::library(id)).await.unwrap();
        let card = sample::card(id, id, "f1");
        store
            .add_card(&card, &sample::sealed(card.id))
            .await
            .unwrap();
        let check = sample::check(&card, "05:10:00", Ok(sample::account(1)));
        store.save_check(&check).await.unwrap();
        store
            .plan_mail(&sample::notice(id, "2026-11-21"))
            .await
            .unwrap();
        cards.push(card);
    }
    for table in ["family", "library"] {
        sql(
            &home.database(),
            &format!("UPDATE {table} SET timezone = 'Nowhere' WHERE id = 'aaa'"),
        );
    }
    sql(
        &home.database(),
        "UPDATE card SET created_at = 'x' WHERE family = 'aaa';
         UPDATE outbox SET fence = -1 WHERE family = 'aaa';
         UPDATE account SET account = '{' WHERE card = (SELECT id FROM card WHERE family = 'bbb')",
    );
    let ids = |families: Vec<Family>| -> Vec<String> {
        families
            .into_iter()
            .map(|family| family.id.to_string())
            .collect()
    };
    // The page is full, or the caller would take it for the last one.
    assert_eq!(
        ids(store.families_page(None, 2).await.unwrap()),
        ["bbb", "ccc"]
    );
    assert_eq!(store.libraries().await.unwrap().len(), 2);
    assert_eq!(
        store
            .cards_to_check(Scope::All, None, 2)
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(store.open_mails(None, 2).await.unwrap().len(), 2);
    let gone = store.load_visit(&cards[0].library, &[cards[0].key()]).await;
    assert_eq!(gone.unwrap(), None);

    let loaded = store.load_family(&cards[1].family).await.unwrap().unwrap();
    let (record, account) = &loaded.cards[0];
    assert_eq!(*account, None);
    assert_eq!(record.state.last_success_at, None);
    let failure = record.state.last_check.clone().unwrap().failure.unwrap();
    assert!(failure.detail.contains("The next check"), "{failure}");
    let check = sample::check(&cards[1], "09:10:00", Ok(sample::account(1)));
    store.save_check(&check).await.unwrap();
    let loaded = store.load_family(&cards[1].family).await.unwrap().unwrap();
    assert!(
        loaded.cards[0].1.is_some(),
        "the next check stores it again"
    );

    let tables: Vec<String> = store
        .damaged_rows()
        .into_iter()
        .map(|row| row.table)
        .collect();
    assert_eq!(tables, ["account", "card", "family", "library", "outbox"]);
}

#[tokio::test]
async fn damaged_run_does_not_block_other_runs() {
    let home = Home::new();
    let path = home.filled().await;
    sql(&path, "UPDATE run SET counts = 'x', outcome = 'running'");
    let store = SqliteStore::open(&path).unwrap();
    let mut run = sample::run(JobName::CHECK_CARDS, "all", "05:00:00");
    let silence = std::time::Duration::from_secs(3600);
    for _ in 0..2 {
        let started = store.start_run(&run, false, silence).await.unwrap();
        assert_eq!(started, RunStart::Started, "of its key or after it");
        run.outcome = RunOutcome::Done;
        store.report_run(&run).await.unwrap();
        run = sample::run(JobName::CHECK_CARDS, "all", "06:10:00");
    }
    assert_eq!(store.clock_skew(run.started_at).await.unwrap(), None);
}

#[tokio::test]
async fn notice_in_a_newer_state_stays_open() {
    let home = Home::new();
    let path = home.filled().await;
    sql(&path, "UPDATE outbox SET state = 'POSTPONED'");
    let store = SqliteStore::open(&path).unwrap();
    let open = store.open_mails(None, 10).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].state, MailState::Newer);
    let later = open[0].planned_at + chrono::Duration::days(100);
    store.delete_history_before(later).await.unwrap();
    assert_eq!(store.open_mails(None, 10).await.unwrap(), open);
}

#[tokio::test]
async fn newer_runs_do_not_block_a_start() {
    let home = Home::new();
    let path = home.filled().await;
    let store = SqliteStore::open(&path).unwrap();
    let run = |time: &str| sample::run(JobName::CHECK_CARDS, "all", time);
    for hour in 15..18 {
        let run = run(&format!("{hour}:00:00"));
        assert!(store.record_run(&run).await.unwrap());
    }
    sql(
        &path,
        "UPDATE run SET outcome = 'half_done', started_by = 'telephone' WHERE scheduled_time LIKE '%T15%';
         UPDATE run SET job = 'tidy-up' WHERE scheduled_time LIKE '%T16%'",
    );
    let recent = store.recent_runs(None, None, 10).await.unwrap();
    let outcomes: Vec<_> = recent.iter().map(|run| run.outcome).collect();
    assert!(outcomes.contains(&RunOutcome::Newer), "{outcomes:?}");
    let next = run("19:00:00");
    let silence = std::time::Duration::from_secs(60);
    let start = store.start_run(&next, true, silence).await.unwrap();
    assert_eq!(start, RunStart::Started);
}

#[tokio::test]
async fn unreadable_alert_is_skipped_and_unchanged() {
    let home = Home::new();
    let path = home.filled().await;
    let known = Alert::ClockWrong {
        day: sample::date("2026-11-21"),
        seconds: 90,
    };
    let (unknown, now) = (known.key(), sample::time("06:00:00"));
    let store = SqliteStore::open(&path).unwrap();
    assert!(store.record_alert(&unknown, &known, now).await.unwrap());
    let other = Alert::LibraryDown {
        library: sample::library_id("wpl"),
        since: now,
    };
    let key = other.key();
    assert!(store.record_alert(&key, &other, now).await.unwrap());
    let newer = r#"{"kind":"moon_too_full","day":"2026-11-21"}"#;
    sql(
        &path,
        &format!("UPDATE alert SET alert = '{newer}' WHERE key = '{unknown}'"),
    );
    let pending = store.pending_alerts().await.unwrap();
    assert_eq!((pending.alerts.len(), pending.unreadable), (1, 1));
    assert_eq!(pending.alerts[0].alert, other);
    assert_eq!(store.recent_alerts(10).await.unwrap(), pending.alerts);
    // Recording or claiming it changes nothing and doesn't fail.
    assert!(!store.record_alert(&unknown, &known, now).await.unwrap());
    assert!(!store.claim_alert(&unknown, now).await.unwrap());
    assert_eq!(store.pending_alerts().await.unwrap(), pending);
    // The other alert is delivered, and one about the skipped alert.
    let hooks = RunHooks {
        alerts: &store,
        outbox: &store,
        notifiers: Some(Notifiers::all(&LogNotifier)),
        heartbeat: Heartbeat {
            client: &NoHeartbeat,
            urls: [].into(),
            runs: &store,
        },
        clock: &FrozenClock { at: now },
    };
    assert_eq!(hooks.deliver_alerts().await.unwrap(), 2);
    assert_eq!(hooks.deliver_alerts().await.unwrap(), 0);
    let reported = store.recent_alerts(10).await.unwrap();
    let day = sample::date("2026-11-21");
    let expected = Alert::UnreadableAlert { day };
    assert!(
        reported.iter().any(|stored| stored.alert == expected),
        "{reported:?}"
    );
}

#[tokio::test]
async fn missing_table_is_an_error() {
    let home = Home::new();
    let path = home.filled().await;
    sql(&path, "DROP TABLE outbox");
    let store = SqliteStore::open(&path).unwrap();
    let answer = store.open_mails(None, 10).await;
    assert!(matches!(answer, Err(StoreError::Unusable(_))));
    // The other tables can still be read.
    assert_eq!(store.families().await.unwrap().len(), 1);
}

#[tokio::test]
async fn files_contain_neither_number_nor_pin() {
    use hippo_core::card::CardSecret;

    let home = Home::new();
    let store = SqliteStore::open_or_create(&home.database()).unwrap();
    let first = sample::one_card(&store).await;
    let keys = sample::TestKeys::generate();
    let secret = CardSecret {
        number: "21987canary654".into(),
        pin: "pin-canary-4711".into(),
    };
    let fingerprint = keys.fingerprint(&first.library, &secret.number);
    let sealed = keys.seal(first.id, &sample::library("wpl"), &secret);
    let new = NewSecret::new(fingerprint, sealed);
    let replaced = store.replace_secret(first.id, first.secret_id, &new);
    assert!(replaced.await.unwrap());
    store.backup(&home.path("backup.db")).await.unwrap();
    // Once with data still in the log, once with all data in the file.
    let mut files = home.names();
    assert_eq!(files.len(), 5);
    let mut bytes: Vec<Vec<u8>> = files
        .iter()
        .map(|name| fs::read(home.path(name)).unwrap())
        .collect();
    drop(store);
    files.retain(|name| name == "hippo.db");
    bytes.push(fs::read(home.database()).unwrap());
    let patron = bytes
        .iter()
        .filter(|bytes| contains(bytes, b"Robin"))
        .count();
    assert!(patron >= 2, "the search finds existing data");
    for bytes in &bytes {
        assert!(!contains(bytes, b"canary"));
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

mod backup {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn backup_during_writes_is_consistent() {
        let home = Home::new();
        let store = Arc::new(SqliteStore::open(&home.filled().await).unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn({
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            async move {
                let mut written = 0;
                while !stop.load(Ordering::SeqCst) {
                    // In one transaction: a card never exists without its secret.
                    let card = sample::card("conrad", "wpl", &format!("w{written}"));
                    store
                        .add_card(&card, &sample::sealed(card.id))
                        .await
                        .unwrap();
                    written += 1;
                }
                written
            }
        });
        let mut sizes = Vec::new();
        for number in 0..5 {
            let path = home.path(&format!("backup-{number}.db"));
            store.backup(&path).await.unwrap();
            let copy = SqliteStore::open(&path).unwrap();
            let cards = copy
                .family_cards(&sample::family_id("conrad"))
                .await
                .unwrap();
            let secrets = copy.cards_with_secrets().await.unwrap();
            assert_eq!(cards.len(), secrets.len());
            sizes.push(cards.len());
        }
        stop.store(true, Ordering::SeqCst);
        let written = writer.await.unwrap();
        assert!(sizes.is_sorted());
        assert!(sizes.iter().all(|size| *size <= written + 1));
        assert!(written > 0);
        assert!(!home.names().iter().any(|name| name.contains("partial")));
    }

    #[tokio::test]
    async fn existing_file_is_not_overwritten() {
        let home = Home::new();
        let store = SqliteStore::open(&home.filled().await).unwrap();
        let path = home.path("precious");
        fs::write(&path, "precious").unwrap();
        let error = store.backup(&path).await.unwrap_err();
        assert!(matches!(error, BackupError::FileExists { .. }));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let error = store.backup(&home.database()).await.unwrap_err();
        assert!(matches!(error, BackupError::FileExists { .. }));
    }

    #[tokio::test]
    async fn unwritable_backup_path_is_named() {
        let home = Home::new();
        let store = SqliteStore::open(&home.filled().await).unwrap();
        let path = home.path("no-folder").join("backup.db");
        let error = store.backup(&path).await.unwrap_err();
        assert!(matches!(error, BackupError::NotWritable { .. }));
        assert!(error.to_string().contains("no-folder"));
    }

    #[tokio::test]
    async fn backup_contains_no_deleted_data() {
        let home = Home::new();
        let store = SqliteStore::open(&home.filled().await).unwrap();
        store
            .remove_family(&sample::family_id("conrad"))
            .await
            .unwrap();
        let path = home.path("backup.db");
        store.backup(&path).await.unwrap();
        let bytes = fs::read(&path).unwrap();
        assert!(contains(&bytes, b"Waterbury"));
        assert!(!contains(&bytes, b"Robin"));
    }

    #[tokio::test]
    async fn waiting_messages_are_kept_but_not_in_a_backup() {
        let home = Home::new();
        let database = home.filled().await;
        let store = SqliteStore::open(&database).unwrap();
        let message = |minute: u32| WaitingMessage {
            id: Uuid::new_v4(),
            since: sample::time(&format!("06:{minute:02}:00")),
            request: MessageRequest::IdentityLinked(IdentityLinking {
                person: PersonId::from_address(&"zoe@example.org".parse().unwrap()),
                families: Vec::new(),
                provider: "canary".to_owned(),
            }),
        };
        let (first, second) = (message(1), message(2));
        store.add_message(&second).await.unwrap();
        store.add_message(&first).await.unwrap();
        let path = home.path("backup.db");
        store.backup(&path).await.unwrap();
        drop(store);
        let store = SqliteStore::open(&database).unwrap();
        let waiting = store.waiting_messages().await.unwrap();
        assert_eq!(waiting, [first.clone(), second.clone()]);
        store.remove_message(first.id).await.unwrap();
        assert_eq!(store.waiting_messages().await.unwrap(), [second]);
        let copy = SqliteStore::open(&path).unwrap();
        assert_eq!(copy.waiting_messages().await.unwrap(), []);
        drop(copy);
        assert!(!contains(&fs::read(&path).unwrap(), b"canary"));
    }

    #[tokio::test]
    async fn backup_contains_no_session() {
        let home = Home::new();
        let store = SqliteStore::open(&home.filled().await).unwrap();
        let now = sample::time("06:00:00");
        let grant = Grant {
            person: PersonId::from_address(&"zoe@example.org".parse().unwrap()),
            families: vec![sample::family_id("conrad")],
            is_operator: false,
        };
        let token = Token::generate().unwrap();
        let session = Session::begin(&token, grant, SignInMethod::Attempt, now);
        store.add_session(&session).await.unwrap();
        let attempt = SignInAttempt::begin(&token, now);
        store.add_attempt(&attempt).await.unwrap();
        let path = home.path("backup.db");
        store.backup(&path).await.unwrap();
        let copy = SqliteStore::open(&path).unwrap();
        assert_eq!(copy.session(&session.hash).await.unwrap(), None);
        assert_eq!(copy.attempt(attempt.id).await.unwrap(), None);
        drop(copy);
        let bytes = fs::read(&path).unwrap();
        assert!(!contains(&bytes, session.hash.to_string().as_bytes()));
        assert_eq!(store.session(&session.hash).await.unwrap(), Some(session));
    }
}
