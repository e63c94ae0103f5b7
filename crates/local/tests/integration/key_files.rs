//! The key files on a real file system.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hippo_core::card::CardSecret;
use hippo_core::ids::CardId;
use hippo_core::seal::{
    PrivateKeySource as _, PrivateKeys, PublicKeySource as _, SealContext, SealError, Sealed,
};
use hippo_core::testing::contract::sample;
use hippo_local::key_files::{KeyFileError, KeyFiles, read_public_key};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

fn home() -> (TempDir, KeyFiles) {
    let home = tempfile::tempdir().unwrap();
    let files = KeyFiles::in_folder(home.path());
    (home, files)
}

fn context() -> SealContext {
    SealContext::new(CardId::generate(), &sample::library("wpl"))
}

fn seal(keys: &PrivateKeys, context: &SealContext) -> Sealed {
    keys.public_key().seal(context, &secret()).unwrap()
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
async fn sealed_secret_opens_with_reread_keys() {
    let (home, files) = home();
    files.create_pair().unwrap();
    let again = KeyFiles::in_folder(home.path());
    let context = context();
    let sealed = again
        .public_key()
        .await
        .unwrap()
        .seal(&context, &secret())
        .unwrap();
    let keys = again.private_keys().await.unwrap();
    assert_eq!(
        keys.open(&context, &sealed).unwrap().pin.expose_secret(),
        "canary-4711"
    );
}

#[tokio::test]
async fn fingerprint_key_survives_a_reread() {
    let (_home, files) = home();
    let made = files.create_fingerprint_key().unwrap();
    let read = files.fingerprint_key().await.unwrap();
    assert_eq!(read.expose_bytes(), made.expose_bytes());
}

#[test]
fn key_files_are_never_overwritten() {
    let (_home, files) = home();
    files.create_pair().unwrap();
    files.create_fingerprint_key().unwrap();
    let paths = [
        files.private_path(),
        files.public_path(),
        files.fingerprint_path(),
    ];
    let before = paths.map(|path| fs::read(path).unwrap());
    for error in [
        files.create_pair().unwrap_err(),
        files.create_fingerprint_key().unwrap_err(),
    ] {
        assert!(matches!(error, KeyFileError::Exists(_)), "{error}");
    }
    assert_eq!(paths.map(|path| fs::read(path).unwrap()), before);
}

#[test]
fn missing_file_error_names_the_remedy() {
    let (_home, files) = home();
    for (error, advice) in [
        (files.read_private_keys().unwrap_err(), "copy"),
        (files.read_public_key().unwrap_err(), "from the private key"),
        (files.read_fingerprint_key().unwrap_err(), "copy"),
    ] {
        assert!(matches!(error, SealError::NoKey(_)));
        let words = error.to_string();
        assert!(
            words.contains("nitialise") && words.contains(advice),
            "{words}"
        );
    }
}

#[cfg(unix)]
#[test]
fn key_files_with_unsafe_permissions_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, files) = home();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set_mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let keys = files.create_pair().unwrap();
    files.create_fingerprint_key().unwrap();
    let rotated = keys.with_new_key(sample::time("12:00:00")).unwrap();
    files.replace_private_keys(&rotated).unwrap();
    for path in [files.private_path(), files.fingerprint_path()] {
        assert_eq!(mode(path), 0o600);
    }
    for open in [0o640, 0o604, 0o620, 0o602, 0o644] {
        set_mode(files.private_path(), open);
        set_mode(files.fingerprint_path(), open);
        for (path, error) in [
            (files.private_path(), files.read_private_keys().unwrap_err()),
            (
                files.fingerprint_path(),
                files.read_fingerprint_key().unwrap_err(),
            ),
        ] {
            assert!(
                matches!(error, SealError::UnsafeKey(_)),
                "{open:o}: {error}"
            );
            let advice = format!("chmod 600 {}", path.display());
            assert!(error.to_string().contains(&advice), "{error}");
        }
    }
    for (open, is_used) in [(0o644, true), (0o664, false), (0o646, false)] {
        set_mode(files.public_path(), open);
        assert_eq!(files.read_public_key().is_ok(), is_used, "{open:o}");
    }
    set_mode(files.private_path(), 0o400);
    assert!(files.read_private_keys().is_ok());
}

#[test]
fn files_without_a_key_are_refused() {
    let (home, files) = home();
    assert!(read_public_key(home.path()).is_err(), "a folder");
    files.create_pair().unwrap();
    for content in [vec![], vec![0xff, 0xfe, 0], vec![b'x'; 100_000]] {
        fs::write(files.private_path(), &content).unwrap();
        fs::write(files.public_path(), &content).unwrap();
        for error in [
            files.read_private_keys().unwrap_err(),
            files.read_public_key().unwrap_err(),
        ] {
            assert!(error.to_string().contains("damaged"), "{error}");
        }
    }
}

#[test]
fn rotation_keeps_old_key_until_removed() {
    let (_home, files) = home();
    let context = context();
    let old = files.create_pair().unwrap();
    let sealed = seal(&old, &context);

    let now = sample::time("12:00:00");
    files
        .replace_private_keys(&old.with_new_key(now).unwrap())
        .unwrap();
    let both = files.read_private_keys().unwrap();
    assert!(both.open(&context, &sealed).is_ok());
    let resealed = seal(&both, &context);
    assert_ne!(resealed.key, sealed.key);

    files
        .replace_private_keys(&both.with_current_key_only())
        .unwrap();
    let only = files.read_private_keys().unwrap();
    assert!(only.open(&context, &resealed).is_ok());
    assert!(only.open(&context, &sealed).is_err());
}

#[test]
fn interrupted_write_leaves_a_working_file() {
    let (home, files) = home();
    let context = context();
    let sealed = seal(&files.create_pair().unwrap(), &context);
    // A crash between write and rename leaves this file behind.
    fs::write(home.path().join(".key-abc.new"), "libraryhippo-pri").unwrap();
    let keys = files.read_private_keys().unwrap();
    assert!(keys.open(&context, &sealed).is_ok());
    let both = keys.with_new_key(sample::time("12:00:00")).unwrap();
    files.replace_private_keys(&both).unwrap();
    let keys = files.read_private_keys().unwrap();
    assert!(keys.open(&context, &sealed).is_ok());
}

#[test]
fn failed_write_leaves_no_temporary_file() {
    let (home, files) = home();
    // A file can't be renamed over a folder.
    fs::create_dir(files.private_path()).unwrap();
    let error = files
        .replace_private_keys(&PrivateKeys::generate().unwrap())
        .unwrap_err();
    assert!(matches!(error, KeyFileError::Write { .. }), "{error}");
    assert_eq!(names(&home), [files.private_path()]);
    let nowhere = KeyFiles::in_folder(&home.path().join("no-folder"));
    assert!(matches!(
        nowhere.create_pair(),
        Err(KeyFileError::Write { .. })
    ));
}

#[test]
fn readers_never_see_a_partial_file() {
    let (_home, files) = home();
    let mut keys = files.create_pair().unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let thread = std::thread::spawn({
        let (reader, done) = (files.clone(), done.clone());
        move || {
            while !done.load(Ordering::Relaxed) {
                reader.read_private_keys().unwrap();
            }
        }
    });
    for _ in 0..20 {
        keys = keys
            .with_new_key(sample::time("12:00:00"))
            .unwrap()
            .with_current_key_only();
        files.replace_private_keys(&keys).unwrap();
    }
    done.store(true, Ordering::Relaxed);
    thread.join().unwrap();
}

#[test]
fn errors_and_debug_never_show_a_key() {
    let (_home, files) = home();
    let keys = files.create_pair().unwrap();
    let canary = hex(keys.keys()[0].1.expose_bytes());
    let text = fs::read_to_string(files.private_path()).unwrap();
    assert!(text.contains(&canary));
    let public = fs::read_to_string(files.public_path()).unwrap();
    assert!(!public.contains(&canary));

    let mut shown = format!("{files:?} {keys:?} {:?}", files.create_pair().unwrap_err());
    // A file truncated at any length.
    for end in 0..text.len() {
        fs::write(files.private_path(), &text[..end]).unwrap();
        if let Err(error) = files.read_private_keys() {
            shown.push_str(&format!("{error} {error:?}"));
        }
    }
    assert!(!shown.contains(&canary[..12]), "a key is shown");
}
