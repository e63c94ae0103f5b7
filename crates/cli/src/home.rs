//! Where everything of one installation is kept.

use std::path::{Path, PathBuf};

use hippo_local::key_files::KeyFiles;

use crate::exit::CommandError;
use crate::output::stdout::io_words;

/// The directory in which everything of one installation is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    directory: PathBuf,
}

impl Home {
    /// The one that a person names, else the platform's directory for data.
    pub(crate) fn locate(named: Option<PathBuf>) -> Result<Self, CommandError> {
        // An empty variable counts as none; an empty word is one that a script lost.
        let is_empty = |name: &std::ffi::OsStr| name.is_empty();
        if named
            .as_deref()
            .is_some_and(|named| is_empty(named.as_os_str()))
            && !std::env::var_os("HIPPO_HOME").is_some_and(|value| is_empty(&value))
        {
            return Err(CommandError::Usage(
                "--home names no directory; name one, or leave it out.".to_owned(),
            ));
        }
        let directory = named
            .filter(|directory| !directory.as_os_str().is_empty())
            .or_else(|| {
                directories::ProjectDirs::from("", "", "libraryhippo")
                    .map(|directories| directories.data_dir().to_path_buf())
            });
        directory
            .map(|directory| Self { directory })
            .ok_or_else(|| {
                CommandError::Usage(
                    "There is no home directory to keep things in; name one with --home DIR."
                        .to_owned(),
                )
            })
    }

    /// The directory itself.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.join("config.toml")
    }

    /// The SQLite file.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join("hippo.db")
    }

    /// The keys that seal and open numbers and PINs.
    pub(crate) fn key_files(&self) -> KeyFiles {
        KeyFiles::in_folder(&self.directory)
    }

    /// Where mails are put that are not sent.
    pub(crate) fn mail_folder(&self) -> PathBuf {
        self.directory.join("mail")
    }

    /// Where processes take turns at a library.
    pub(crate) fn gates(&self) -> PathBuf {
        self.directory.join("gates")
    }

    /// Held by whoever writes numbers and PINs.
    pub(crate) fn secrets_lock(&self) -> PathBuf {
        self.directory.join("secrets.lock")
    }

    /// An error that says what is missing, if this is not a home.
    pub(crate) fn must_exist(&self) -> Result<(), CommandError> {
        self.must_be_initialized()?;
        if !self.database().exists() {
            return Err(CommandError::Unusable(format!(
                "{} has no database. Put a backup there with “hippo restore FILE”, or run “hippo init” \
                 to begin with an empty one.",
                self.directory.display()
            )));
        }
        Ok(())
    }

    /// The same of a home whose database may be gone.
    pub(crate) fn must_be_initialized(&self) -> Result<(), CommandError> {
        let shown = self.directory.display();
        for path in [self.directory.clone(), self.config()] {
            if path
                .try_exists()
                .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
            {
                return Err(CommandError::Unusable(format!(
                    "{shown} cannot be entered: permission denied."
                )));
            }
        }
        if !self.directory.is_dir() {
            return Err(CommandError::Unusable(format!(
                "There is no LibraryHippo home at {shown}. Make one with “hippo init”, or name another \
                 with --home DIR."
            )));
        }
        if !self.config().exists() {
            return Err(CommandError::Unusable(format!(
                "{shown} has no config.toml, so it is not a LibraryHippo home. Run “hippo init”, or \
                 name another with --home DIR."
            )));
        }
        Ok(())
    }
}

/// Keeps others out of a directory that is there; whether they could enter it before.
pub(crate) fn make_private(directory: &Path) -> Result<bool, CommandError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let close = || -> std::io::Result<bool> {
            let mode = std::fs::metadata(directory)?.permissions().mode();
            let is_open = mode & 0o077 != 0;
            if is_open {
                let private = std::fs::Permissions::from_mode(0o700);
                std::fs::set_permissions(directory, private)?;
            }
            Ok(is_open)
        };
        close().map_err(|error| {
            CommandError::Unusable(format!(
                "Others can look into {}, and that cannot be changed: {error}.",
                directory.display()
            ))
        })
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        Ok(false)
    }
}

/// Makes a directory that only its owner can enter; one that is there is left as it is.
pub(crate) fn make_private_directory(directory: &Path) -> Result<(), CommandError> {
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory).map_err(|error| {
        CommandError::Unusable(format!(
            "The directory {} cannot be made: {}.",
            directory.display(),
            io_words(&error)
        ))
    })
}

/// Makes a new file that only its owner can read, from its first moment on; refuses one that is there.
pub(crate) fn new_private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Writes a new file that only its owner can read; refuses one that is there.
pub(crate) fn write_new_private_file(path: &Path, text: &str) -> Result<(), CommandError> {
    use std::io::Write as _;
    new_private_file(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            CommandError::Unusable(format!(
                "{} cannot be written: {}.",
                path.display(),
                io_words(&error)
            ))
        })
}

/// Holds the right to write numbers and PINs until it is dropped.
#[derive(Debug)]
pub(crate) struct SecretsLock {
    _file: std::fs::File,
}

impl SecretsLock {
    /// Waits for the right to write numbers and PINs: a change of keys and a new PIN at the same
    /// time would lose one of them.
    pub(crate) fn take(home: &Home) -> Result<Self, CommandError> {
        let path = home.secrets_lock();
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let file = options.open(&path);
        file.and_then(|file| file.lock().map(|()| Self { _file: file }))
            .map_err(|error| {
                CommandError::Unusable(format!("{} cannot be locked: {error}.", path.display()))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_that_is_not_there_says_how_to_make_one() {
        let home = Home::locate(Some("/nowhere/at/all".into())).unwrap();
        let error = home.must_exist().unwrap_err();
        assert_eq!(error.code(), 3);
        assert!(error.to_string().contains("hippo init"));
    }

    #[cfg(unix)]
    #[test]
    fn a_home_that_cannot_be_entered_is_not_said_to_be_missing() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let home = Home::locate(Some(folder.path().join("home"))).unwrap();
        make_private_directory(home.directory()).unwrap();
        let allow = |mode| {
            std::fs::set_permissions(home.directory(), std::fs::Permissions::from_mode(mode))
        };
        allow(0o000).unwrap();
        // The superuser may enter everything.
        let may_enter = std::fs::read_dir(home.directory()).is_ok();
        let message = home.must_exist().unwrap_err().to_string();
        allow(0o700).unwrap();
        assert_eq!(
            message.contains("permission denied"),
            !may_enter,
            "{message}"
        );
    }
}
