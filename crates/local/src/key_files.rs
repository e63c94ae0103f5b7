//! The key files of a home: the private keys, the public key, and the key of the fingerprints.
//!
//! Text files that hold a [key's text](key_text). The private keys and the key of the fingerprints are
//! refused where others can read them. None belongs to a backup of the database: whoever has both the
//! private keys and the database can read every PIN.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use hippo_core::seal::key_text::{self, MalformedKeys};
use hippo_core::seal::{
    FingerprintKey, PrivateKeySource, PrivateKeys, PublicKey, PublicKeySource, SealError,
};
use zeroize::Zeroizing;

/// A longer file is not a key file.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// The name of the file of the private keys in a home.
pub const PRIVATE_NAME: &str = "hippo.key";

/// The name of the file of the public key in a home.
pub const PUBLIC_NAME: &str = "hippo.pub";

/// The name of the file of the key of the fingerprints in a home.
pub const FINGERPRINT_NAME: &str = "hippo.fingerprints";

/// Why a key file could not be written. Never says what is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// A key file exists, and a new one would make every sealed PIN unreadable.
    #[error(
        "There is already a key file: {}. Nothing was changed.", .0.display()
    )]
    Exists(PathBuf),
    /// The file could not be written. The old file is untouched.
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

/// The key files of a home. Each is read again at every request.
#[derive(Debug, Clone)]
pub struct KeyFiles {
    private: PathBuf,
    public: PathBuf,
    fingerprint: PathBuf,
}

impl KeyFiles {
    /// The key files in this folder, whether they exist or not.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            private: folder.join(PRIVATE_NAME),
            public: folder.join(PUBLIC_NAME),
            fingerprint: folder.join(FINGERPRINT_NAME),
        }
    }

    /// Where the private keys are.
    pub fn private_path(&self) -> &Path {
        &self.private
    }

    /// Where the public key is.
    pub fn public_path(&self) -> &Path {
        &self.public
    }

    /// Where the key of the fingerprints is.
    pub fn fingerprint_path(&self) -> &Path {
        &self.fingerprint
    }

    /// Makes a new pair and writes both its files. Never overwrites private keys.
    pub fn create_pair(&self) -> Result<PrivateKeys, KeyFileError> {
        let keys = PrivateKeys::generate()?;
        create(&self.private, key_text::render_private(&keys).as_bytes())?;
        self.write_public_key(keys.public_key())?;
        Ok(keys)
    }

    /// Makes a new key of the fingerprints. Never overwrites one.
    pub fn create_fingerprint_key(&self) -> Result<FingerprintKey, KeyFileError> {
        let key = FingerprintKey::generate()?;
        let text = key_text::render_fingerprint(&key);
        create(&self.fingerprint, text.as_bytes())?;
        Ok(key)
    }

    /// Replaces the private keys in one step: after a crash, the file is either the old one or the
    /// new one.
    pub fn replace_private_keys(&self, keys: &PrivateKeys) -> Result<(), KeyFileError> {
        replace(&self.private, key_text::render_private(keys).as_bytes())
    }

    /// Replaces the public key in one step.
    pub fn write_public_key(&self, key: &PublicKey) -> Result<(), KeyFileError> {
        replace(&self.public, key_text::render_public(key).as_bytes())
    }

    /// Reads the private keys; refuses a file that others can read.
    pub fn read_private_keys(&self) -> Result<PrivateKeys, SealError> {
        let missing = "If this home was set up before, put the key file back from your copy: without it, no PIN \
             can be opened. If the home is new, initialise it.";
        let text = read(&self.private, missing, true)?;
        parsed(&self.private, key_text::parse_private(&text))
    }

    /// Reads the public key.
    pub fn read_public_key(&self) -> Result<PublicKey, SealError> {
        read_public_key(&self.public)
    }

    /// Reads the key of the fingerprints; refuses a file that others can read.
    pub fn read_fingerprint_key(&self) -> Result<FingerprintKey, SealError> {
        let missing = "Put it back from your copy. If the home is new, initialise it.";
        let text = read(&self.fingerprint, missing, true)?;
        parsed(&self.fingerprint, key_text::parse_fingerprint(&text))
    }
}

/// Reads a public key from any file.
pub fn read_public_key(path: &Path) -> Result<PublicKey, SealError> {
    let missing = "Initialise the home again: that makes it from the private key.";
    let text = read(path, missing, false)?;
    parsed(path, key_text::parse_public(&text))
}

fn read(path: &Path, missing: &str, is_secret: bool) -> Result<Zeroizing<String>, SealError> {
    let shown = path.display();
    let unreadable = |error: io::Error| {
        SealError::NoKey(format!("The key file {shown} cannot be read: {error}."))
    };
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            SealError::NoKey(format!("There is no key file at {shown}. {missing}"))
        }
        _ => unreadable(error),
    })?;
    refuse_unsafe(path, &file, is_secret)?;
    // Room for all that is read, so that no half-grown copy stays behind in memory.
    let mut text = Zeroizing::new(String::with_capacity(MAX_KEY_FILE_BYTES as usize));
    file.take(MAX_KEY_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => damaged(path, "it is not a text file"),
            _ => unreadable(error),
        })?;
    Ok(text)
}

fn refuse_unsafe(path: &Path, file: &File, is_secret: bool) -> Result<(), SealError> {
    let shown = path.display();
    // Asked of the open file: the answer is about what will be read.
    let metadata = file.metadata().map_err(|error| {
        SealError::NoKey(format!("The key file {shown} cannot be read: {error}."))
    })?;
    if !metadata.is_file() || metadata.len() >= MAX_KEY_FILE_BYTES {
        return Err(damaged(path, "it is not a key file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // A public key that others can change would seal PINs for them.
        let forbidden = if is_secret { 0o077 } else { 0o022 };
        if metadata.mode() & forbidden != 0 {
            let what = if is_secret {
                "read or change"
            } else {
                "change"
            };
            return Err(SealError::UnsafeKey(format!(
                "Others can {what} the key file {shown}, so hippo won't use it. If you're sure \
                 that nobody has, run: chmod 600 {shown}"
            )));
        }
    }
    Ok(())
}

fn parsed<T>(path: &Path, parsed: Result<T, MalformedKeys>) -> Result<T, SealError> {
    parsed.map_err(|error| damaged(path, &error.0))
}

fn damaged(path: &Path, what: &str) -> SealError {
    SealError::UnsafeKey(format!(
        "The key file {} is damaged: {what}. Put it back from where you keep its copy.",
        path.display()
    ))
}

fn create(path: &Path, text: &[u8]) -> Result<(), KeyFileError> {
    written_beside(path, text)?
        .persist_noclobber(path)
        .map_err(|error| {
            if error.error.kind() == io::ErrorKind::AlreadyExists {
                KeyFileError::Exists(path.to_owned())
            } else {
                write_error(path, error.error)
            }
        })?;
    sync_folder(path)
}

fn replace(path: &Path, text: &[u8]) -> Result<(), KeyFileError> {
    written_beside(path, text)?
        .persist(path)
        .map_err(|error| write_error(path, error.error))?;
    sync_folder(path)
}

/// A temporary file in the same folder, of mode 0600 from its first byte, on the disk.
fn written_beside(path: &Path, text: &[u8]) -> Result<tempfile::NamedTempFile, KeyFileError> {
    let write = || -> io::Result<tempfile::NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".key-").suffix(".new");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o600));
        }
        let mut file = builder.tempfile_in(folder(path))?;
        file.write_all(text)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|error| write_error(path, error))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn sync_folder(path: &Path) -> Result<(), KeyFileError> {
    #[cfg(unix)]
    File::open(folder(path))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| write_error(path, error))?;
    Ok(())
}

fn write_error(path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::Write {
        path: path.to_owned(),
        source,
    }
}

#[async_trait]
impl PrivateKeySource for KeyFiles {
    async fn private_keys(&self) -> Result<PrivateKeys, SealError> {
        self.read_private_keys()
    }
}

#[async_trait]
impl PublicKeySource for KeyFiles {
    async fn public_key(&self) -> Result<PublicKey, SealError> {
        self.read_public_key()
    }

    async fn fingerprint_key(&self) -> Result<FingerprintKey, SealError> {
        self.read_fingerprint_key()
    }
}
