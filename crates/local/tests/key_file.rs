//! The key file on a real file system.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)] // a test may stop at once

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hippo_core::card::CardSecret;
use hippo_core::ids::CardId;
use hippo_core::seal::{KeyRing, KeySource, SealError};
use hippo_local::key_file::{KeyFile, KeyFileError};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

fn home() -> (TempDir, KeyFile) {
    let home = tempfile::tempdir().unwrap();
    let file = KeyFile::new(home.path().join("key"));
    (home, file)
}

fn secret() -> CardSecret {
    CardSecret {
        number: SecretString::from("29999000000001"),
        pin: SecretString::from("canary-4711"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names(folder: &TempDir) -> Vec<PathBuf> {
    fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test]
async fn what_was_sealed_before_opens_after_the_file_is_read_again() {
    let (_home, file) = home();
    let card = CardId::generate();
    let sealed = file.create().unwrap().seal(card, &secret()).unwrap();
    let ring = KeyFile::new(file.path()).key_ring().await.unwrap();
    assert_eq!(
        ring.open(card, &sealed).unwrap().pin.expose_secret(),
        "canary-4711"
    );
}

#[test]
fn a_key_file_is_never_written_over() {
    let (home, file) = home();
    file.create().unwrap();
    let before = fs::read(file.path()).unwrap();
    let error = file.create().unwrap_err();
    assert!(matches!(error, KeyFileError::Exists(_)), "{error}");
    assert_eq!(fs::read(file.path()).unwrap(), before);
    assert_eq!(names(&home), [file.path()], "nothing else is left behind");
}

#[test]
fn a_missing_file_says_what_to_do() {
    let (_home, file) = home();
    let error = file.read().unwrap_err();
    assert!(matches!(error, SealError::NoKey(_)));
    let words = error.to_string();
    assert!(
        words.contains("hippo init") && words.contains("copy"),
        "{words}"
    );
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_only_and_refused_when_it_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, file) = home();
    let mode = || fs::metadata(file.path()).unwrap().permissions().mode() & 0o777;
    let ring = file.create().unwrap();
    assert_eq!(mode(), 0o600);
    file.replace(&ring.with_new_key().unwrap()).unwrap();
    assert_eq!(mode(), 0o600);
    for open in [0o640, 0o604, 0o620, 0o602, 0o644] {
        fs::set_permissions(file.path(), fs::Permissions::from_mode(open)).unwrap();
        let error = file.read().unwrap_err();
        assert!(
            matches!(error, SealError::UnsafeKey(_)),
            "{open:o}: {error}"
        );
        let words = error.to_string();
        let advice = format!("chmod 600 {}", file.path().display());
        assert!(words.contains(&advice), "{words}");
    }
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o400)).unwrap();
    assert!(file.read().is_ok());
}

#[test]
fn what_is_not_a_key_file_is_refused() {
    let (home, file) = home();
    assert!(KeyFile::new(home.path()).read().is_err(), "a folder");
    file.create().unwrap();
    for content in [vec![], vec![0xff, 0xfe, 0], vec![b'x'; 100_000]] {
        fs::write(file.path(), content).unwrap();
        let error = file.read().unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}

#[test]
fn changing_the_key_keeps_the_old_one_until_it_is_dropped() {
    let (_home, file) = home();
    let card = CardId::generate();
    let old = file.create().unwrap();
    let sealed = old.seal(card, &secret()).unwrap();

    file.replace(&old.with_new_key().unwrap()).unwrap();
    let both = file.read().unwrap();
    let fresh = both.seal(card, &both.open(card, &sealed).unwrap()).unwrap();
    assert_ne!(fresh.key, sealed.key);

    file.replace(&both.with_current_key_only()).unwrap();
    let only = file.read().unwrap();
    assert!(only.open(card, &fresh).is_ok());
    assert!(only.open(card, &sealed).is_err());
}

#[test]
fn an_interrupted_change_leaves_a_file_that_works() {
    let (home, file) = home();
    let card = CardId::generate();
    let sealed = file.create().unwrap().seal(card, &secret()).unwrap();
    // What a crash between writing and renaming leaves behind.
    fs::write(home.path().join(".key-abc.new"), "version 1\ncurr").unwrap();
    assert!(file.read().unwrap().open(card, &sealed).is_ok());
    let both = file.read().unwrap().with_new_key().unwrap();
    file.replace(&both).unwrap();
    assert!(file.read().unwrap().open(card, &sealed).is_ok());
}

#[test]
fn a_change_that_cannot_be_written_leaves_what_was_there_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    // A folder cannot be renamed over by a file.
    let taken = home.path().join("key");
    fs::create_dir(&taken).unwrap();
    let error = KeyFile::new(&taken)
        .replace(&KeyRing::generate().unwrap())
        .unwrap_err();
    assert!(matches!(error, KeyFileError::Write { .. }), "{error}");
    assert_eq!(names(&home), [taken]);
    let nowhere = KeyFile::new(home.path().join("no-folder/key"));
    assert!(matches!(nowhere.create(), Err(KeyFileError::Write { .. })));
}

#[test]
fn readers_see_a_whole_file_while_it_changes() {
    let (_home, file) = home();
    let mut ring = file.create().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let thread = std::thread::spawn({
        let (reader, done) = (file.clone(), done.clone());
        move || {
            while !done.load(Ordering::Relaxed) {
                reader.read().unwrap();
            }
        }
    });
    for _ in 0..20 {
        ring = ring.with_new_key().unwrap().with_current_key_only();
        file.replace(&ring).unwrap();
    }
    done.store(true, Ordering::Relaxed);
    thread.join().unwrap();
}

#[test]
fn no_error_and_no_debug_shows_a_key() {
    let (_home, file) = home();
    let ring = file.create().unwrap();
    let canaries: Vec<String> = ring
        .keys()
        .iter()
        .map(|(_, key)| hex(key.expose_bytes()))
        .chain([hex(ring.fingerprint_key().expose_bytes())])
        .collect();
    let text = fs::read_to_string(file.path()).unwrap();
    assert!(canaries.iter().all(|canary| text.contains(canary)));

    let mut shown = format!("{file:?} {ring:?} {:?}", file.create().unwrap_err());
    // A file that ends early, anywhere.
    for end in 0..text.len() {
        fs::write(file.path(), &text[..end]).unwrap();
        if let Err(error) = file.read() {
            shown.push_str(&format!("{error} {error:?}"));
        }
    }
    for canary in canaries {
        assert!(!shown.contains(&canary[..12]), "a key is shown");
    }
}
