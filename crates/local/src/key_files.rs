//! The key files of a home: the private keys, the public key, and the fingerprint key.
//!
//! Text files in the format of [`key_text`]. A private key or fingerprint key that others can read
//! is refused. Keep key files out of database backups: the private keys and the database together
//! open every PIN.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use hippo_core::seal::key_text::{self, MalformedKeys};
use hippo_core::seal::{
    FingerprintKey, PrivateKeySource, PrivateKeys, PublicKey, PublicKeySource, SealError,
};
use zeroize::Zeroizing;

/// A key file is shorter than this.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// The private keys' file name.
pub const PRIVATE_NAME: &str = "hippo.key";

/// The public key's file name.
pub const PUBLIC_NAME: &str = "hippo.pub";

/// The fingerprint key's file name.
pub const FINGERPRINT_NAME: &str = "hippo.fingerprints";

/// Why a key file could not be written. Never contains key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// A key file exists, and a new one would make every sealed PIN unreadable.
    #[error(
        "There is already a key file: {}. Nothing was changed.", .0.display()
    )]
    Exists(PathBuf),
    /// The file could not be written. The old file is untouched.
    #[error("Can't write the key file {}: {source}.", path.display())]
    Write {
        /// The key file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There are no keys to write.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The key files of a home. They are read again for every request.
#[derive(Debug, Clone)]
pub struct KeyFiles {
    private: PathBuf,
    public: PathBuf,
    fingerprint: PathBuf,
}

impl KeyFiles {
    /// The key files in `folder`. They need not exist.
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

    /// Where the fingerprint key is.
    pub fn fingerprint_path(&self) -> &Path {
        &self.fingerprint
    }

    /// Creates a key pair and writes both files. Never overwrites private keys.
    pub fn create_pair(&self) -> Result<PrivateKeys, KeyFileError> {
        let keys = PrivateKeys::generate()?;
        create(&self.private, key_text::render_private(&keys).as_bytes())?;
        self.write_public_key(keys.public_key())?;
        Ok(keys)
    }

    /// Creates a fingerprint key. Never overwrites one.
    pub fn create_fingerprint_key(&self) -> Result<FingerprintKey, KeyFileError> {
        let key = FingerprintKey::generate()?;
        let text = key_text::render_fingerprint(&key);
        create(&self.fingerprint, text.as_bytes())?;
        Ok(key)
    }

    /// Replaces the private keys atomically: after a crash, the file is the old one or the new one.
    pub fn replace_private_keys(&self, keys: &PrivateKeys) -> Result<(), KeyFileError> {
        replace(&self.private, key_text::render_private(keys).as_bytes())
    }

    /// Replaces the public key atomically.
    pub fn write_public_key(&self, key: &PublicKey) -> Result<(), KeyFileError> {
        replace(&self.public, key_text::render_public(key).as_bytes())
    }

    /// Reads the private keys. Refuses a file that others can read.
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

    /// Reads the fingerprint key. Refuses a file that others can read.
    pub fn read_fingerprint_key(&self) -> Result<FingerprintKey, SealError> {
        let missing = "Put it back from your copy. If the home is new, initialise it.";
        let text = read(&self.fingerprint, missing, true)?;
        parsed(&self.fingerprint, key_text::parse_fingerprint(&text))
    }
}

/// Reads a public key from a file.
pub fn read_public_key(path: &Path) -> Result<PublicKey, SealError> {
    let missing = "Initialise the home again: that makes it from the private key.";
    let text = read(path, missing, false)?;
    parsed(path, key_text::parse_public(&text))
}

fn read(path: &Path, missing: &str, is_secret: bool) -> Result<Zeroizing<String>, SealError> {
    let shown = path.display();
    let unreadable =
        |error: io::Error| SealError::NoKey(format!("Can't read the key file {shown}: {error}."));
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            SealError::NoKey(format!("There is no key file at {shown}. {missing}"))
        }
        _ => unreadable(error),
    })?;
    check_permissions(path, &file, is_secret)?;
    // Allocated at full size: growing would leave copies of the key behind in memory.
    let mut text = Zeroizing::new(String::with_capacity(MAX_KEY_FILE_BYTES as usize));
    file.take(MAX_KEY_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => damaged(path, "it isn't a text file"),
            _ => unreadable(error),
        })?;
    Ok(text)
}

fn check_permissions(path: &Path, file: &File, is_secret: bool) -> Result<(), SealError> {
    let shown = path.display();
    // Metadata of the open file, so that the check and the read see the same file.
    let metadata = file
        .metadata()
        .map_err(|error| SealError::NoKey(format!("Can't read the key file {shown}: {error}.")))?;
    if !metadata.is_file() || metadata.len() >= MAX_KEY_FILE_BYTES {
        return Err(damaged(path, "it isn't a key file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Anyone who can change the public key can have PINs sealed for their own key.
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
    write_temporary_file(path, text)?
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
    write_temporary_file(path, text)?
        .persist(path)
        .map_err(|error| write_error(path, error.error))?;
    sync_folder(path)
}

/// Writes a temporary file with mode 0600 in the same folder, and syncs it.
fn write_temporary_file(path: &Path, text: &[u8]) -> Result<tempfile::NamedTempFile, KeyFileError> {
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
