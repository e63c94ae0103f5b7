//! The key file: the keys that seal numbers and PINs, on one machine.
//!
//! A text file of mode 0600 that holds a [key ring's text](key_text). It belongs to no backup of the
//! database: whoever has both can read every PIN.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use hippo_core::seal::{KeyRing, KeySource, SealError, key_text};
use zeroize::Zeroizing;

/// No key file is as long as this many bytes.
const SIZE_LIMIT: u64 = 64 * 1024;

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
        key_text::parse(&text).map_err(|error| self.malformed(&error.0))
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
            file.write_all(key_text::render(ring).as_bytes())?;
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
