//! systemd's user manager, and the directory of its units.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::units::{Caller, Unit, home_of_unit, is_unit_name};
use crate::exit::CommandError;
use crate::home::Home;
use crate::suggested::HIPPO_HERE;
use crate::text_input::read_text_file;

/// The alternative to systemd.
const USE_CRON: &str = "Where systemd doesn't run your timers, use cron.";

/// The paths that the units of this home name.
pub(super) struct UnitPaths {
    hippo: String,
    home: String,
    is_default_home: bool,
}

impl UnitPaths {
    /// Finds the running command and the home.
    pub(super) fn find(home: &Home) -> Result<Self, CommandError> {
        let hippo = std::env::current_exe().map_err(|error| {
            CommandError::unusable("Can't find out where hippo is.").caused_by(error)
        })?;
        let directory = std::path::absolute(home.directory()).map_err(|error| {
            CommandError::unusable("Can't find out where the home is.").caused_by(error)
        })?;
        let default = Home::locate(None).ok();
        Ok(Self {
            hippo: one_line(&hippo)?,
            home: one_line(&directory)?,
            is_default_home: default.is_some_and(|home| home.directory() == directory),
        })
    }

    /// The home's path.
    pub(super) fn home(&self) -> &str {
        &self.home
    }

    /// How the units start the command.
    pub(super) fn caller(&self) -> Caller<'_> {
        Caller {
            hippo: &self.hippo,
            home: &self.home,
            is_default_home: self.is_default_home,
        }
    }
}

fn one_line(path: &Path) -> Result<String, CommandError> {
    let text = path
        .to_str()
        .filter(|text| !text.contains(char::is_control));
    text.map(str::to_owned).ok_or_else(|| {
        CommandError::usage(format!(
            "A timer can't name the path {}. Use plain letters.",
            path.display()
        ))
    })
}

/// The directory of the user's units.
pub(super) struct UnitDirectory(PathBuf);

impl UnitDirectory {
    /// Locates it, without creating it.
    pub(super) fn locate() -> Result<Self, CommandError> {
        let configured = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let configured = configured.filter(|path| path.is_absolute());
        let directory = configured.or_else(|| {
            let home = directories::BaseDirs::new()?;
            Some(home.home_dir().join(".config"))
        });
        directory
            .map(|directory| Self(directory.join("systemd/user")))
            .ok_or_else(|| {
                CommandError::unusable("There is no directory for timers: HOME isn't set.")
            })
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Reads a unit; `None` if it doesn't exist.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>, CommandError> {
        let path = self.0.join(name);
        if !path.exists() {
            return Ok(None);
        }
        read_text_file(&path).map(Some).map_err(|error| {
            CommandError::unusable(format!("Can't read {}.", path.display())).caused_by(error)
        })
    }

    /// The names of the units that were made for a home.
    pub(super) fn made_for(&self, home: &str) -> Result<Vec<String>, CommandError> {
        let Ok(entries) = std::fs::read_dir(&self.0) else {
            return Ok(Vec::new());
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut ours = Vec::new();
        for name in names.filter(|name| is_unit_name(name)) {
            let text = self.read(&name)?;
            if text.as_deref().and_then(home_of_unit) == Some(home) {
                ours.push(name);
            }
        }
        ours.sort_unstable();
        Ok(ours)
    }

    /// Replaces a unit; readers see the old or the new one.
    pub(super) fn write(&self, unit: &Unit) -> Result<(), CommandError> {
        use std::io::Write as _;
        let path = self.0.join(&unit.name);
        let write = || {
            std::fs::create_dir_all(&self.0)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            file.write_all(unit.text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)
        };
        write().map(|_| ()).map_err(|error| {
            CommandError::unusable(format!("Can't write {}.", path.display())).caused_by(error)
        })
    }

    /// Deletes a unit.
    pub(super) fn delete(&self, name: &str) -> Result<(), CommandError> {
        let path = self.0.join(name);
        std::fs::remove_file(&path).map_err(|error| {
            CommandError::unusable(format!("Can't delete {}.", path.display())).caused_by(error)
        })
    }
}

/// systemd's manager of the user's units.
pub(super) struct UserManager;

impl UserManager {
    /// Connects to it by making it read the units.
    pub(super) fn connect() -> Result<Self, CommandError> {
        let manager = Self;
        manager.reload()?;
        Ok(manager)
    }

    /// Makes it read the units.
    pub(super) fn reload(&self) -> Result<(), CommandError> {
        self.call(&["daemon-reload"]).map(|_| ())
    }

    /// Runs `systemctl --user` and returns its output.
    pub(super) fn call(&self, arguments: &[&str]) -> Result<String, CommandError> {
        let output = Command::new("systemctl")
            .args(["--user", "--no-pager", "--no-ask-password"])
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .map_err(|error| {
                CommandError::unusable("Can't run systemctl")
                    .caused_by(error)
                    .advice(USE_CRON)
                    .try_command(format!("{HIPPO_HERE} schedule print --cron"))
            })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let reason = errors.lines().next().unwrap_or("it gave no reason");
        let call = arguments.first().copied().unwrap_or_default();
        Err(
            CommandError::unusable(format!("“systemctl --user {call}” failed"))
                .caused_by(reason.trim())
                .advice(USE_CRON)
                .try_command(format!("{HIPPO_HERE} schedule print --cron")),
        )
    }

    /// The state of units, by name.
    pub(super) fn states(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, TimerState>, CommandError> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut arguments = vec![
            "show",
            "--property=Id,UnitFileState,ActiveState,NextElapseUSecRealtime,LastTriggerUSec,ActiveEnterTimestamp",
        ];
        arguments.extend(names.iter().map(String::as_str));
        let mut states = BTreeMap::new();
        for block in self.call(&arguments)?.split("\n\n") {
            let value = |key: &str| {
                let mut pairs = block.lines().filter_map(|line| line.split_once('='));
                let (_, value) = pairs.find(|(name, _)| *name == key)?;
                Some(value.to_owned()).filter(|value| !value.is_empty() && value != "n/a")
            };
            if let Some(id) = value("Id") {
                let state = TimerState {
                    is_enabled: value("UnitFileState").as_deref() == Some("enabled"),
                    is_active: value("ActiveState").as_deref() == Some("active"),
                    next: value("NextElapseUSecRealtime"),
                    last: value("LastTriggerUSec").or_else(|| value("ActiveEnterTimestamp")),
                };
                states.insert(id, state);
            }
        }
        Ok(states)
    }
}

/// What systemd knows about a timer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TimerState {
    pub(super) is_enabled: bool,
    pub(super) is_active: bool,
    /// When it fires next, as systemd writes it; `None` if it counts from its last time.
    pub(super) next: Option<String>,
    /// When it fired last, or else began to count, as systemd writes it.
    pub(super) last: Option<String>,
}

/// Whether the user's timers go on when nobody is logged in; `None` if we can't tell.
pub(super) fn lingers() -> Option<bool> {
    let output = Command::new("loginctl")
        .args(["show-user", &user_id()?, "--property=Linger"])
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "Linger=yes" => Some(true),
        "Linger=no" => Some(false),
        _ => None,
    }
}

/// The advice about lingering; `None` if it is on.
pub(super) fn linger_advice(lingers: Option<bool>) -> Option<&'static str> {
    match lingers {
        Some(true) => None,
        Some(false) => Some("The timers stop when you log out. To keep them running:"),
        None => {
            Some("We can't tell whether the timers keep running after you log out. To make sure:")
        }
    }
}

/// The command that keeps a user's timers running.
pub(super) const ENABLE_LINGER: &str = "  loginctl enable-linger";

#[cfg(unix)]
fn user_id() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata("/proc/self").ok()?;
    Some(metadata.uid().to_string())
}

#[cfg(not(unix))]
fn user_id() -> Option<String> {
    None
}
