//! Follows a page of docs/ to the letter, in a copy of the workspace.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// What a block of the page is for; the sentence above it says so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Create `PATH`:
    Create { path: String, text: String },
    /// In `PATH`, after `LINE`:
    Insert {
        path: String,
        after: String,
        text: String,
    },
    /// In `PATH`, at the end:
    Append { path: String, text: String },
    /// Run:
    Run(String),
    /// It prints:
    Prints(String),
    /// Any other sentence: there is nothing to do.
    Show,
}

/// Reads the blocks of a page of docs/, in their order.
pub(crate) fn steps_of(page: &str) -> Vec<Step> {
    read_steps(&fs::read_to_string(path_of(page)).unwrap())
}

fn read_steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut sentence = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let block = lines.by_ref().take_while(|line| *line != "```");
            let text = block.map(|line| format!("{line}\n")).collect();
            steps.push(read_step(sentence, text));
        } else if !line.is_empty() {
            sentence = line;
        }
    }
    steps
}

fn read_step(sentence: &str, text: String) -> Step {
    let quoted: Vec<&str> = sentence.split('`').collect();
    match *quoted.as_slice() {
        ["Create ", path, ":"] => Step::Create {
            path: path.to_owned(),
            text,
        },
        ["In ", path, ", after ", after, ":"] => Step::Insert {
            path: path.to_owned(),
            after: after.to_owned(),
            text,
        },
        ["In ", path, ", at the end:"] => Step::Append {
            path: path.to_owned(),
            text,
        },
        _ if sentence.ends_with("Run:") => Step::Run(text),
        ["It prints:"] => Step::Prints(text),
        _ => Step::Show,
    }
}

fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

/// The target directory that the tests were built in.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn path_of(page: &str) -> PathBuf {
    workspace().join("docs").join(page).with_extension("md")
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

fn set_modified(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}

/// A copy of the workspace. It stays from one test run to the next, with the files' times, so that
/// only what has changed is built again.
pub(crate) struct Scratch {
    pub(crate) root: PathBuf,
    page_changed_at: SystemTime,
}

impl Scratch {
    /// Copies the workspace, for a page of docs/ without its `.md`.
    pub(crate) fn copy(page: &str) -> Self {
        let root = target().join("tmp").join(page);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        for entry in fs::read_dir(workspace()).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            let is_source = !["target", "fuzz", "docs"]
                .iter()
                .any(|skipped| name == *skipped);
            if is_source && !name.to_string_lossy().starts_with('.') {
                copy_all(&entry.path(), &root.join(name));
            }
        }
        let scratch = Self {
            root,
            page_changed_at: modified(&path_of(page)),
        };
        scratch.set_version(&page.to_ascii_lowercase());
        scratch
    }

    /// Gives the copy a version of its own. The crates of both share the target directory, and cargo
    /// would take those of the workspace, if they have been built since, for those of the copy.
    fn set_version(&self, name: &str) {
        let manifest = self.read("Cargo.toml");
        let version = format!("\nversion = \"{}\"\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(manifest.matches(&version).count(), 1, "{version}");
        let own = format!("\nversion = \"{}-{name}\"\n", env!("CARGO_PKG_VERSION"));
        let time = modified(&self.root.join("Cargo.toml"));
        fs::write(
            self.root.join("Cargo.toml"),
            manifest.replace(&version, &own),
        )
        .unwrap();
        set_modified(&self.root.join("Cargo.toml"), time);
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|_| panic!("there is no {path}"))
    }

    /// Writes a file; it is as new as the newer of the page and the file before.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.root.join(path);
        let time = match file.exists() {
            true => modified(&file).max(self.page_changed_at),
            false => self.page_changed_at,
        };
        fs::write(&file, text).unwrap();
        set_modified(&file, time);
    }

    pub(crate) fn insert(&self, path: &str, after: &str, text: &str) {
        let old = self.read(path);
        let found = old.lines().filter(|line| line.contains(after)).count();
        assert_eq!(found, 1, "{path} has {found} lines with {after}");
        let mut new = String::new();
        for line in old.lines() {
            new.push_str(&format!("{line}\n"));
            if line.contains(after) {
                new.push_str(text);
            }
        }
        self.write(path, &new);
    }

    /// Does what a block says. Commands run with these variables; returns what they print.
    pub(crate) fn follow(&self, step: &Step, variables: &[(&str, &str)]) -> Option<String> {
        match step {
            Step::Create { path, text } => {
                assert!(!self.root.join(path).exists(), "{path} exists");
                fs::create_dir_all(self.root.join(path).parent().unwrap()).unwrap();
                self.write(path, text);
            }
            Step::Insert { path, after, text } => self.insert(path, after, text),
            Step::Append { path, text } => {
                self.write(path, &format!("{}{text}", self.read(path)));
            }
            Step::Run(commands) => return Some(self.run(commands, variables)),
            Step::Prints(_) | Step::Show => {}
        }
        None
    }

    /// Runs shell commands in the copy; returns what they print.
    pub(crate) fn run(&self, commands: &str, variables: &[(&str, &str)]) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        // The test runner's variables of this package. With them, cargo would run build scripts again, and compile whatever
        // depends on them.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                shell.env_remove(&name);
            }
        }
        let output = shell
            .args(["-euc", commands])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", target())
            // Optimising it would take a minute, for a program that is run once.
            .env(
                "RUSTC_WORKSPACE_WRAPPER",
                workspace().join("scripts/compile-quickly"),
            )
            .env("CARGO_NET_OFFLINE", "true")
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied())
            .env(
                "PATH",
                format!("{}:{path}", target().join("debug").display()),
            )
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{commands}\n{printed}\n{errors}");
        printed
    }
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
        set_modified(to, modified(from));
    }
}

#[test]
fn sentence_above_a_block_says_what_to_do() {
    let page = "Create `a.rs`:\n\n```rust\none\n\ntwo\n```\n\nIn `b`, after `x;`:\n```\ny\n```\n\
                Now the job is known. Run:\n```sh\nls\n```\nIt prints:\n```text\na\n```\nSee:\n```toml\nz\n```\n";
    let (create, insert) = (
        Step::Create {
            path: "a.rs".to_owned(),
            text: "one\n\ntwo\n".to_owned(),
        },
        Step::Insert {
            path: "b".to_owned(),
            after: "x;".to_owned(),
            text: "y\n".to_owned(),
        },
    );
    let (run, prints) = (Step::Run("ls\n".to_owned()), Step::Prints("a\n".to_owned()));
    assert_eq!(read_steps(page), [create, insert, run, prints, Step::Show]);
}
