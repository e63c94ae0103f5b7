//! A temporary home for each test, and helpers to run the command on it.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use serde_json::Value;
use tempfile::TempDir;

/// A home in a temporary directory.
pub struct Home {
    directory: TempDir,
}

impl Home {
    /// Creates an empty directory.
    pub fn empty() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Creates a home with `hippo init`, without the schedules, so that a run starts at any time.
    pub fn new() -> Self {
        let home = Self::with_schedules();
        let config = home.path().join("config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let schedules = text.find("\n[[schedule]]").unwrap();
        std::fs::write(&config, &text[..schedules]).unwrap();
        home
    }

    /// Creates a home with `hippo init`.
    pub fn with_schedules() -> Self {
        let home = Self::empty();
        home.run(&["init", "--timezone", "America/Toronto"])
            .success();
        home
    }

    /// Creates a home with the library `wpl`, the family `conrad` and one card; returns the card's id.
    pub fn with_card() -> (Self, String) {
        let home = Self::new();
        home.run(&[
            "library",
            "add",
            "wpl",
            "--system",
            "sierra",
            "--url",
            "https://library.invalid",
        ])
        .success();
        home.run(&[
            "family",
            "add",
            "conrad",
            "--name",
            "The Conrads",
            "--to",
            "pat@example.org",
        ])
        .success();
        let added = home
            .command(&[
                "--json",
                "card",
                "add",
                "--family",
                "conrad",
                "--library",
                "wpl",
                "--patron",
                "Pat",
                "--number",
                "29000000001234",
                "--pin-stdin",
                "--no-check",
            ])
            .write_stdin("canary-4711\n")
            .assert()
            .success();
        let card = json(&added)["card"].as_str().unwrap().to_owned();
        (home, card)
    }

    /// The home's directory.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Writes a file beside the home.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The command on this home, isolated from the environment of the tests.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hippo"));
        command
            .env_clear()
            .env("HIPPO_HOME", self.path())
            .env("TZ", "UTC")
            .env("HIPPO_NOW", "2026-11-21T12:00:00Z")
            .current_dir(self.directory.path())
            .args(arguments);
        command
    }

    /// Runs the command on this home.
    pub fn run(&self, arguments: &[&str]) -> Assert {
        self.command(arguments).assert()
    }

    /// Runs the command with `--json`, expects success and parses the document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        json(&self.command(arguments).arg("--json").assert().success())
    }
}

/// A `[[schedule]]` table with these keys after its `job`, `label` and `when`.
pub fn schedule(job: &str, label: &str, when: &str, keys: &str) -> String {
    format!("[[schedule]]\njob = \"{job}\"\nlabel = \"{label}\"\nwhen = \"{when}\"\n{keys}\n")
}

/// The one JSON document on standard output.
pub fn json(run: &Assert) -> Value {
    let output = run.get_output();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// The text on standard error.
pub fn stderr(run: &Assert) -> String {
    let message = String::from_utf8_lossy(&run.get_output().stderr);
    // Every command reports the frozen clock of the tests.
    message
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("The clock is frozen at "))
        .collect()
}

/// The text on standard output.
pub fn stdout(run: &Assert) -> String {
    String::from_utf8_lossy(&run.get_output().stdout).into_owned()
}

/// Everything a person sees: standard output, then standard error, with a heading between them.
pub fn printed(run: &Assert) -> String {
    let (output, errors) = (stdout(run), stderr(run));
    redact(&match (output.is_empty(), errors.is_empty()) {
        (_, true) => output,
        (true, false) => errors,
        (false, false) => format!("{output}--- standard error:\n{errors}"),
    })
}

/// Replaces values that differ from run to run: directories, ports, card ids, durations.
pub fn redact(text: &str) -> String {
    let temporary = std::env::temp_dir().display().to_string();
    let mut redacted = String::new();
    for line in text.split_inclusive('\n') {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| redact_word(word, &temporary))
            .collect();
        redacted.push_str(&words.join(" "));
    }
    for unit in [" s", " s;", " s."] {
        redacted = redact_durations(&redacted, unit);
    }
    redacted
}

fn redact_word(word: &str, temporary: &str) -> String {
    let mut word = word.to_owned();
    if let Some(start) = word.find("127.0.0.1:") {
        let port = start + "127.0.0.1:".len();
        let end = word[port..].find(|c: char| !c.is_ascii_digit());
        let end = end.map_or(word.len(), |end| port + end);
        if end > port {
            word.replace_range(port..end, "PORT");
        }
    }
    // The test's temporary directory has a random name.
    if let Some(start) = word.find(temporary) {
        let name = start + temporary.len() + 1;
        let end = word[name..].find('/').map_or(word.len(), |end| name + end);
        word.replace_range(start..end, "DIR");
    }
    let is_id = |part: &str| {
        part.len() == 26 && part.starts_with("01") && part.chars().all(char::is_alphanumeric)
    };
    let id = word
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find(|part| is_id(part))
        .map(str::to_owned);
    match id {
        Some(id) => word.replace(&id, "CARD"),
        None => word,
    }
}

/// Replaces ` in 0.4 s` by ` in TIME`.
fn redact_durations(text: &str, unit: &str) -> String {
    let mut redacted = text.to_owned();
    let mut from = 0;
    while let Some(at) = redacted[from..].find(" in ") {
        let start = from + at + 4;
        let digits = redacted[start..]
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or_default();
        if digits > 0 && redacted[start + digits..].starts_with(unit) {
            redacted.replace_range(start..start + digits + 2, "TIME");
        }
        from = start;
    }
    redacted
}

/// Reads every file under a directory.
pub fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}
