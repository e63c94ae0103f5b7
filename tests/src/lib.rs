//! Shared helpers of the end-to-end tests: a temporary home for the real command.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic when its setup fails"
)]

pub mod emulator;
pub mod lambda;
pub mod moto;
pub mod npm_tools;
mod port;
pub mod python_tools;
pub mod rights;
pub mod smtp;
pub mod soak;
pub mod web_driver;
pub mod worker_config;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Returns the path of the `hippo` that was built with these tests.
///
/// # Panics
/// If it was not built: `cargo build -p hippo-cli`.
pub fn hippo_path() -> PathBuf {
    let path = build_folder().join(format!("hippo{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "the command is not built yet: cargo build -p hippo-cli"
    );
    path
}

/// Returns the path of an example that was built with these tests.
///
/// # Panics
/// If it was not built: `cargo build -p hippo-tests --examples`.
pub fn example_path(name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = build_folder().join("examples").join(file);
    assert!(
        path.exists(),
        "the example is not built yet: cargo build -p hippo-tests --examples"
    );
    path
}

/// Starts the settings of an HTTP client, which never uses a proxy.
pub fn client_builder() -> reqwest::ClientBuilder {
    // An error says that it has been done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}

/// Returns cargo's folder of the built commands.
fn build_folder() -> PathBuf {
    let mut directory = std::env::current_exe().expect("a test knows its own path");
    directory.pop();
    if directory.ends_with("deps") || directory.ends_with("examples") {
        directory.pop();
    }
    directory
}

/// Returns the folder of the recorded pages of real libraries. Prints SKIPPED if there is none.
pub fn library_pages() -> Option<PathBuf> {
    let path = std::env::var_os("LIBRARY_PAGES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/library-pages"),
        PathBuf::from,
    );
    if path.is_dir() {
        Some(path)
    } else {
        println!("SKIPPED: no recorded pages (LIBRARY_PAGES names their folder).");
        None
    }
}

/// A home in a temporary folder, and a way to run the command in it.
pub struct Home {
    directory: TempDir,
    now: Option<String>,
    variables: Vec<(String, String)>,
}

/// The output and the exit code of a command.
#[derive(Debug)]
pub struct CommandOutput {
    /// Its exit code; −1 if it was killed.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error: messages, progress and the log.
    pub stderr: String,
}

impl CommandOutput {
    /// Asserts the exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Parses standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}):\n{}\n{}", self.stdout, self.stderr))
    }
}

impl Home {
    /// Creates a home that is not initialised.
    pub fn empty() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            now: None,
            variables: Vec::new(),
        }
    }

    /// Creates a home with `hippo init`, in Toronto's timezone, without the schedules, so that a run
    /// starts at any time.
    pub fn new() -> Self {
        let home = Self::empty();
        home.run(&["init", "--timezone", "America/Toronto"])
            .expect_code(0);
        let config = home.path().join("config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let schedules = text.find("\n[[schedule]]").unwrap();
        std::fs::write(&config, &text[..schedules]).unwrap();
        home
    }

    /// Returns the home's folder.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Freezes the command's clock at `now`, in RFC 3339.
    pub fn set_now(&mut self, now: &str) {
        self.now = Some(now.to_owned());
    }

    /// Sets a variable of the command's environment.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Builds the command with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(hippo_path());
        command
            .args(arguments)
            .env_remove("RUST_LOG")
            .env_remove("HIPPO_LOG")
            .env_remove("HIPPO_NOW")
            .env("HIPPO_HOME", self.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(now) = &self.now {
            command.env("HIPPO_NOW", now);
        }
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command
    }

    /// Runs the command and waits for its exit.
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        finish(self.command(arguments).spawn().unwrap())
    }

    /// Runs the command with `input` on its standard input and waits for its exit.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The command may have rejected the arguments without reading.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        finish(child)
    }

    /// Adds a demo library, with its system's usual date format.
    pub fn add_library(&self, id: &str, system: &str, url: &str) {
        let mut arguments = vec!["library", "add", id, "--system", system, "--url", url];
        arguments.extend(["--timezone", "America/Toronto", "--name", id]);
        match system {
            "sierra" => arguments.extend(["--date-format", "%m-%d-%y"]),
            "enterprise" => arguments.extend(["--date-format", "%m/%d/%y"]),
            "koha" | "horizon" | "polaris" => arguments.extend(["--date-format", "%m/%d/%Y"]),
            "bibliocommons" | "symphony-ws" => {}
            _ => arguments.extend(["--date-format", "%d.%m.%Y"]),
        }
        self.run(&arguments).expect_code(0);
    }

    /// Adds a family in Toronto whose notice is due at 06:30.
    pub fn add_family(&self, id: &str) {
        let to = format!("{id}@example.org");
        self.run(&[
            "family",
            "add",
            id,
            "--name",
            id,
            "--to",
            &to,
            "--timezone",
            "America/Toronto",
            "--time",
            "06:30",
        ])
        .expect_code(0);
    }

    /// Adds a card without checking it.
    pub fn add_card(&self, family: &str, library: &str, patron: &str, number: &str, pin: &str) {
        self.run_with_input(
            &[
                "card",
                "add",
                "--family",
                family,
                "--library",
                library,
                "--patron",
                patron,
                "--number",
                number,
                "--pin-stdin",
                "--no-check",
            ],
            pin,
        )
        .expect_code(0);
    }

    /// Returns the ids of all cards, the newest last.
    pub fn card_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self
            .run(&["card", "list", "--json"])
            .expect_code(0)
            .json()
            .as_array()
            .expect("a list of cards")
            .iter()
            .map(|card| card["id"].as_str().expect("an id").to_owned())
            .collect();
        // ULIDs sort by time.
        ids.sort();
        ids
    }

    /// Returns the mails in the mail folder as `(name, content)`, sorted by name.
    pub fn mails(&self) -> Vec<(String, String)> {
        let Ok(entries) = std::fs::read_dir(self.path().join("mail")) else {
            return Vec::new();
        };
        let mut mails: Vec<(String, String)> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .map(|path| {
                (
                    path.file_name().unwrap().to_string_lossy().into_owned(),
                    std::fs::read_to_string(&path).unwrap(),
                )
            })
            .collect();
        mails.sort();
        mails
    }

    /// Reads an HTML file of the mail folder.
    pub fn html(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join("mail").join(name)).unwrap()
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

/// Waits for the exit of a child that [`Home::command`] started.
pub fn finish(child: Child) -> CommandOutput {
    let output = child.wait_with_output().unwrap();
    CommandOutput {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
