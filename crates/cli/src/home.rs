//! The directory that holds one installation.

use std::path::{Path, PathBuf};

use hippo_local::key_files::KeyFiles;

use crate::exit::CommandError;
use crate::output::stdout::io_words;
use crate::suggested::{HIPPO_HERE, quoted};

/// The directory that holds one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    directory: PathBuf,
    source: HomeSource,
}

/// Where the home's directory comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HomeSource {
    /// The option `--home`, or a caller.
    Given,
    /// The variable `HIPPO_HOME`.
    Environment,
    /// The platform's data directory.
    Default,
}

impl Home {
    /// Locates the home: the given directory, or else the platform's data directory.
    pub(crate) fn locate(named: Option<PathBuf>) -> Result<Self, CommandError> {
        // An empty HIPPO_HOME counts as unset; an empty --home is a script's mistake.
        let is_empty = |name: &std::ffi::OsStr| name.is_empty();
        if named
            .as_deref()
            .is_some_and(|named| is_empty(named.as_os_str()))
            && !std::env::var_os("HIPPO_HOME").is_some_and(|value| is_empty(&value))
        {
            return Err(CommandError::usage(
                "--home is empty. Name a directory, or leave it out.",
            ));
        }
        let named = named.filter(|directory| !directory.as_os_str().is_empty());
        let source = match &named {
            None => HomeSource::Default,
            Some(named) if std::env::var_os("HIPPO_HOME").as_deref() == Some(named.as_os_str()) => {
                HomeSource::Environment
            }
            Some(_) => HomeSource::Given,
        };
        let directory = named.or_else(|| {
            directories::ProjectDirs::from("", "", "libraryhippo")
                .map(|directories| directories.data_dir().to_path_buf())
        });
        directory
            .map(|directory| Self { directory, source })
            .ok_or_else(|| {
                CommandError::usage("There is no home directory. Name one with --home DIR.")
            })
    }

    /// Where the directory comes from.
    pub(crate) fn source(&self) -> HomeSource {
        self.source
    }

    /// Says which home is used, why, and whether it is set up.
    pub(crate) fn describe(&self) -> String {
        let directory = self.directory.display();
        let source = match self.source {
            HomeSource::Given => "as --home says",
            HomeSource::Environment => "as HIPPO_HOME says",
            HomeSource::Default => "by default",
        };
        let init = match (self.config().exists(), self.source) {
            (true, _) => String::new(),
            (false, HomeSource::Given) => {
                let home = quoted(&self.directory.to_string_lossy()).into_owned();
                format!("\nIt isn't set up yet: hippo --home {home} init")
            }
            (false, _) => "\nIt isn't set up yet: hippo init".to_owned(),
        };
        format!("Your home is {directory}, {source}.{init}")
    }

    /// The directory itself.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.join("config.toml")
    }

    /// The log lines of the runs.
    pub(crate) fn logs_folder(&self) -> PathBuf {
        self.directory.join("logs")
    }

    /// The SQLite file.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join("hippo.db")
    }

    /// The keys that seal and open numbers and PINs.
    pub(crate) fn key_files(&self) -> KeyFiles {
        KeyFiles::in_folder(&self.directory)
    }

    /// The folder for emails until a mail server is set up.
    pub(crate) fn mail_folder(&self) -> PathBuf {
        self.directory.join("mail")
    }

    /// The permits that limit concurrent visits to a library.
    pub(crate) fn permits(&self) -> PathBuf {
        self.directory.join("permits")
    }

    /// The lock file for writing numbers and PINs.
    pub(crate) fn secrets_lock(&self) -> PathBuf {
        self.directory.join("secrets.lock")
    }

    /// Fails unless this is a complete home; the error names what is missing.
    pub(crate) fn must_exist(&self) -> Result<(), CommandError> {
        self.must_be_initialized()?;
        if !self.database().exists() {
            return Err(CommandError::unusable(format!(
                "{} has no database. Restore a backup, or start with an empty one.",
                self.directory.display()
            ))
            .try_command(format!("{HIPPO_HERE} restore FILE"))
            .try_command(format!("{HIPPO_HERE} init")));
        }
        Ok(())
    }

    /// Fails unless this is a home; its database may be missing.
    pub(crate) fn must_be_initialized(&self) -> Result<(), CommandError> {
        let directory = self.directory.display();
        for path in [self.directory.clone(), self.config()] {
            if path
                .try_exists()
                .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
            {
                return Err(CommandError::unusable(format!(
                    "Can't open {directory}: permission denied."
                )));
            }
        }
        if !self.directory.is_dir() {
            let (source, other) = match self.source {
                HomeSource::Given => ("", "name another with --home DIR"),
                HomeSource::Environment => {
                    (", which HIPPO_HOME names", "set HIPPO_HOME to another")
                }
                HomeSource::Default => (" yet", "name another with --home DIR"),
            };
            return Err(CommandError::unusable(format!(
                "There is no LibraryHippo home at {directory}{source}. Create one, or {other}."
            ))
            .try_command(format!("{HIPPO_HERE} init")));
        }
        if !self.config().exists() {
            return Err(CommandError::unusable(format!(
                "{directory} has no config.toml, so it isn't a LibraryHippo home. Create one, or name another with \
                 --home DIR."
            ))
            .try_command(format!("{HIPPO_HERE} init")));
        }
        Ok(())
    }
}

/// Makes an existing directory private; returns whether others could enter it before.
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
            CommandError::unusable(format!(
                "Others can read {}, and we can't change that.",
                directory.display()
            ))
            .caused_by(error)
        })
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        Ok(false)
    }
}

/// Creates a directory that only its owner can enter; an existing one stays unchanged.
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
        CommandError::unusable(format!(
            "Can't create the directory {}.",
            directory.display()
        ))
        .caused_by(io_words(&error))
    })
}

/// Creates a file that only its owner can read; fails if it exists.
pub(crate) fn create_private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Writes a new file that only its owner can read; fails if it exists.
pub(crate) fn write_private_file(path: &Path, text: &str) -> Result<(), CommandError> {
    use std::io::Write as _;
    create_private_file(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            CommandError::unusable(format!("Can't write {}.", path.display()))
                .caused_by(io_words(&error))
        })
}

/// Holds the right to write numbers and PINs until it is dropped.
#[derive(Debug)]
pub(crate) struct SecretsLock {
    _file: std::fs::File,
}

impl SecretsLock {
    /// Waits for the lock. If keys were rotated while a PIN is set, one of the two would be lost.
    pub(crate) fn acquire(home: &Home) -> Result<Self, CommandError> {
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
                CommandError::unusable(format!("Can't lock {}.", path.display())).caused_by(error)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_home_says_how_to_create_one() {
        let home = Home::locate(Some("/nowhere/at/all".into())).unwrap();
        let error = home.must_exist().unwrap_err();
        assert_eq!(error.code(), 3);
        assert!(error.to_string().contains("hippo init"));
    }

    #[cfg(unix)]
    #[test]
    fn unreadable_home_is_not_reported_as_missing() {
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
