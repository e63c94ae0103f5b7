//! The key file: the keys that seal numbers and PINs, on one machine.
//!
//! A text file of mode 0600, one fact a line: the version of the format, the key that seals, the
//! key of the fingerprints, and every key that opens, in hexadecimal. It belongs to no backup of
//! the database: whoever has both can read every PIN.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use hippo_core::seal::{Key, KeyId, KeyRing, KeySource, SealError};
use zeroize::Zeroizing;

/// No key file is as long as this many bytes.
const SIZE_LIMIT: u64 = 64 * 1024;

const HEAD: &str = "\
# The keys of LibraryHippo. Whoever has this file and the database can read every number and PIN.
# Keep a copy, but apart from the backups of the database; without it no PIN can be opened again.
";

/// Why the key file could not be written. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// A key file is there already, and a new one would make every sealed PIN unreadable.
    #[error(
        "There is a key file already: {}. It was left as it is.", .0.display()
    )]
    Exists(PathBuf),
    /// The file could not be written; what was there before is untouched.
    #[error("The key file {} could not be written: {source}.", path.display())]
    Write {
        /// The key file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There are no keys to write.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The key file of a home.
///
/// It is read anew with every [`KeySource::key_ring`]; a caller that keeps a ring reads it again
/// when a secret names a key that the ring does not have.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The key file at `path`, whether it is there or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a new key and writes it; never over a file that is there.
    pub fn create(&self) -> Result<KeyRing, KeyFileError> {
        let ring = KeyRing::generate()?;
        let file = self.written_beside(&ring)?;
        file.persist_noclobber(&self.path).map_err(|error| {
            if error.error.kind() == io::ErrorKind::AlreadyExists {
                KeyFileError::Exists(self.path.clone())
            } else {
                self.write_error(error.error)
            }
        })?;
        self.sync_folder()?;
        Ok(ring)
    }

    /// Puts `ring` in the place of what was there, in one step: after a crash there is either the
    /// old file or the new one, both whole.
    pub fn replace(&self, ring: &KeyRing) -> Result<(), KeyFileError> {
        self.written_beside(ring)?
            .persist(&self.path)
            .map_err(|error| self.write_error(error.error))?;
        self.sync_folder()
    }

    /// Reads the keys; refuses a file that others can read.
    pub fn read(&self) -> Result<KeyRing, SealError> {
        let shown = self.path.display();
        let file = File::open(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SealError::NoKey(format!(
                "There is no key file at {shown}. If this home was set up before, put the key file \
                 back from where you keep its copy: without it no PIN can be opened. If the home is \
                 new, “hippo init” makes one."
            )),
            _ => SealError::NoKey(format!("The key file {shown} cannot be read: {error}.")),
        })?;
        self.refuse_unsafe(&file)?;

        // Room for all that is read, so that no half-grown copy stays behind in memory.
        let mut text = Zeroizing::new(String::with_capacity(SIZE_LIMIT as usize));
        file.take(SIZE_LIMIT)
            .read_to_string(&mut text)
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => self.malformed("it is not a text file"),
                _ => SealError::NoKey(format!("The key file {shown} cannot be read: {error}.")),
            })?;
        parse(&text).map_err(|what| self.malformed(&what))
    }

    fn refuse_unsafe(&self, file: &File) -> Result<(), SealError> {
        let shown = self.path.display();
        // Asked of the open file: the answer is about what will be read.
        let metadata = file.metadata().map_err(|error| {
            SealError::NoKey(format!("The key file {shown} cannot be read: {error}."))
        })?;
        if !metadata.is_file() || metadata.len() >= SIZE_LIMIT {
            return Err(self.malformed("it is not a key file at all"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            if metadata.mode() & 0o077 != 0 {
                return Err(SealError::UnsafeKey(format!(
                    "Others can read or change the key file {shown}, so it is not used. If you \
                     trust that nobody has, run: chmod 600 {shown}"
                )));
            }
        }
        Ok(())
    }

    fn malformed(&self, what: &str) -> SealError {
        SealError::UnsafeKey(format!(
            "The key file {} is damaged: {what}. Put it back from where you keep its copy.",
            self.path.display()
        ))
    }

    /// A temporary file in the same folder, of mode 0600 from its first byte, on the disk.
    fn written_beside(&self, ring: &KeyRing) -> Result<tempfile::NamedTempFile, KeyFileError> {
        let write = || -> io::Result<tempfile::NamedTempFile> {
            let mut builder = tempfile::Builder::new();
            builder.prefix(".key-").suffix(".new");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                builder.permissions(std::fs::Permissions::from_mode(0o600));
            }
            let mut file = builder.tempfile_in(self.folder())?;
            file.write_all(render(ring).as_bytes())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        write().map_err(|error| self.write_error(error))
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn sync_folder(&self) -> Result<(), KeyFileError> {
        #[cfg(unix)]
        File::open(self.folder())
            .and_then(|folder| folder.sync_all())
            .map_err(|error| self.write_error(error))?;
        Ok(())
    }

    fn write_error(&self, source: io::Error) -> KeyFileError {
        KeyFileError::Write {
            path: self.path.clone(),
            source,
        }
    }
}

#[async_trait]
impl KeySource for KeyFile {
    async fn key_ring(&self) -> Result<KeyRing, SealError> {
        self.read()
    }
}

fn render(ring: &KeyRing) -> Zeroizing<String> {
    // Room for everything, so that growing leaves no copy behind in memory.
    let mut text = Zeroizing::new(String::with_capacity(1024 + ring.keys().len() * 256));
    text.push_str(HEAD);
    text.push_str("version 1\n");
    text.push_str(&format!("current {}\n", ring.current()));
    text.push_str("fingerprint ");
    push_hex(&mut text, ring.fingerprint_key());
    text.push('\n');
    for (id, key) in ring.keys() {
        text.push_str(&format!("key {id} "));
        push_hex(&mut text, key);
        text.push('\n');
    }
    text
}

fn push_hex(text: &mut String, key: &Key) {
    for byte in key.expose_bytes() {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
    }
}

/// The keys that `text` holds, or what is wrong with it, by line and never by content.
fn parse(text: &str) -> Result<KeyRing, String> {
    let mut version = None;
    let mut current = None;
    let mut fingerprint = None;
    let mut keys: Vec<(KeyId, Key)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &dyn fmt::Display| Err(format!("line {}: {what}", number + 1));
        let mut words = line.split_whitespace();
        let fresh = match (words.next(), words.next(), words.next(), words.next()) {
            (None, ..) => true,
            (Some(word), ..) if word.starts_with('#') => true,
            (Some("version"), Some(number), None, None) => version.replace(number).is_none(),
            (Some("current"), Some(id), None, None) => {
                current.replace(KeyId(id.to_owned())).is_none()
            }
            (Some("fingerprint"), Some(digits), None, None) => match key(digits) {
                Some(key) => fingerprint.replace(key).is_none(),
                None => return wrong(&"a key must have 64 hexadecimal digits"),
            },
            (Some("key"), Some(id), Some(digits), None) => match key(digits) {
                Some(key) => {
                    let fresh = keys.iter().all(|(known, _)| known.0 != id);
                    keys.push((KeyId(id.to_owned()), key));
                    fresh
                }
                None => return wrong(&"a key must have 64 hexadecimal digits"),
            },
            _ => return wrong(&"it says nothing that a key file says"),
        };
        if !fresh {
            return wrong(&"it says again what an earlier line says");
        }
    }
    match version {
        Some("1") => {}
        Some(_) => return Err("it was written by a newer LibraryHippo".to_owned()),
        None => return Err("it does not say its version".to_owned()),
    }
    let current = current.ok_or("it does not say which key seals")?;
    let fingerprint = fingerprint.ok_or("the key of the fingerprints is missing")?;
    KeyRing::new(current, keys, fingerprint).map_err(|_| "the key that seals is missing".to_owned())
}

fn key(digits: &str) -> Option<Key> {
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = Zeroizing::new([0_u8; 32]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let digit = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(digit).ok()?;
        }
    }
    Some(Key::from_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn good() -> String {
        format!("# a comment\n\nversion 1\ncurrent k-1\nfingerprint {DIGITS}\nkey k-1 {DIGITS}\n")
    }

    #[test]
    fn a_ring_survives_the_file() {
        let ring = KeyRing::generate().unwrap().with_new_key().unwrap();
        let read = parse(&render(&ring)).unwrap();
        assert_eq!(read.current(), ring.current());
        let bytes = |ring: &KeyRing| -> Vec<(KeyId, [u8; 32])> {
            ring.keys()
                .iter()
                .map(|(id, key)| (id.clone(), *key.expose_bytes()))
                .collect()
        };
        assert_eq!(bytes(&read), bytes(&ring));
        assert_eq!(
            read.fingerprint_key().expose_bytes(),
            ring.fingerprint_key().expose_bytes()
        );
    }

    #[rstest]
    #[case::empty(String::new(), "it does not say its version")]
    #[case::newer(good().replace("version 1", "version 2"), "it was written by a newer LibraryHippo")]
    #[case::no_current(good().replace("current k-1\n", ""), "it does not say which key seals")]
    #[case::other_current(good().replace("current k-1", "current k-2"), "the key that seals is missing")]
    #[case::no_key(good().replace("key k-1", "# key"), "the key that seals is missing")]
    #[case::short(good().replace("ff\nkey", "f\nkey"), "line 5: a key must have 64 hexadecimal digits")]
    #[case::not_hex(good().replace("key k-1 00", "key k-1 zz"), "line 6: a key must have 64 hexadecimal digits")]
    #[case::twice(format!("{}key k-1 {DIGITS}\n", good()), "line 7: it says again what an earlier line says")]
    #[case::foreign(format!("{}hello\n", good()), "line 7: it says nothing that a key file says")]
    #[case::truncated(good()[..good().len() - 10].to_owned(), "line 6: a key must have 64 hexadecimal digits")]
    fn a_damaged_file_is_named_by_its_fault(#[case] text: String, #[case] expected: &str) {
        let fault = parse(&text).unwrap_err();
        assert_eq!(fault, expected);
        assert!(!fault.contains(&DIGITS[..8]));
    }

    #[test]
    fn capitals_are_read_too() {
        assert!(parse(&good().replace("aabbcc", "AABBCC")).is_ok());
    }
}
