//! Follows docs/ADD-A-JOB.md to the letter, in a copy of the workspace.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use hippo_demo_library::{DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use hippo_tests::Home;
use hippo_tests::lambda::Function;
use serde_json::json;

/// A person who follows the page writes fewer lines than this.
const MAX_OWN_LINES: usize = 60;

/// What a block of the page is for; the sentence above it says so.
#[derive(Debug, PartialEq, Eq)]
enum Step {
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

/// Reads the blocks of the page, in their order.
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
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned()
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
struct Scratch {
    root: PathBuf,
    page_changed_at: SystemTime,
}

impl Scratch {
    fn copy(page: &Path) -> Self {
        let root = target().join("tmp/add-a-job");
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
            page_changed_at: modified(page),
        };
        scratch.set_version();
        scratch
    }

    /// Gives the copy a version of its own. The crates of both share the target directory, and cargo
    /// would take those of the workspace, if they have been built since, for those of the copy.
    fn set_version(&self) {
        let manifest = self.read("Cargo.toml");
        let version = format!("\nversion = \"{}\"\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(manifest.matches(&version).count(), 1, "{version}");
        let own = format!("\nversion = \"{}-copy\"\n", env!("CARGO_PKG_VERSION"));
        let time = modified(&self.root.join("Cargo.toml"));
        fs::write(
            self.root.join("Cargo.toml"),
            manifest.replace(&version, &own),
        )
        .unwrap();
        set_modified(&self.root.join("Cargo.toml"), time);
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|_| panic!("there is no {path}"))
    }

    /// Writes a file; it is as new as the newer of the page and the file before.
    fn write(&self, path: &str, text: &str) {
        let file = self.root.join(path);
        let time = match file.exists() {
            true => modified(&file).max(self.page_changed_at),
            false => self.page_changed_at,
        };
        fs::write(&file, text).unwrap();
        set_modified(&file, time);
    }

    fn insert(&self, path: &str, after: &str, text: &str) {
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

    /// Runs shell commands in the copy; returns what they print.
    fn run(&self, commands: &str, home: &Home) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args(["-euc", commands])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_NET_OFFLINE", "true")
            .env("HIPPO_HOME", home.path())
            .env("HIPPO_NOW", NOW)
            .env("NO_COLOR", "1")
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

/// The built programs of the workspace, which are put back at the end: those of the copy have the same
/// places.
struct BuiltPrograms(BTreeMap<PathBuf, PathBuf>);

impl BuiltPrograms {
    fn set_aside() -> Self {
        let aside = target().join("tmp/set-aside");
        let _ = fs::remove_dir_all(&aside);
        fs::create_dir_all(&aside).unwrap();
        let mut kept = BTreeMap::new();
        for entry in fs::read_dir(target().join("debug")).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_file() && metadata.permissions().mode() & 0o100 != 0 {
                let copy = aside.join(entry.file_name());
                fs::hard_link(entry.path(), &copy).unwrap();
                kept.insert(entry.path(), copy);
            }
        }
        Self(kept)
    }
}

impl Drop for BuiltPrograms {
    fn drop(&mut self) {
        for (program, aside) in &self.0 {
            let _ = fs::rename(aside, program);
        }
    }
}

const NOW: &str = "2026-11-21T12:10:00Z";

/// A home with one family, which has borrowed two items.
async fn home_with_two_loans() -> Home {
    let today = "2026-11-21".parse().unwrap();
    let loan = |title| DemoLoan::new(title, "Marsh, Ada", today);
    let patron = Patron::new("21000000004711", "2468", "Ines Calder")
        .with_loan(loan("One"))
        .with_loan(loan("Two"));
    let site = Site::new(SystemKind::ALL[0], "A Public Library", today).with_patron(patron);
    let library = DemoLibrary::start(site).await.unwrap();
    let mut home = Home::new();
    home.set_now(NOW);
    home.add_family("conrad");
    home.add_library("wpl", SystemKind::ALL[0].id(), &library.base_url());
    home.add_card("conrad", "wpl", "Ines", "21000000004711", "2468");
    home.run(&["check-cards", "--no-pause"]).expect_code(0);
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn page_leads_to_a_job_with_a_command_a_schedule_and_a_function() {
    let page = workspace().join("docs/ADD-A-JOB.md");
    let steps = read_steps(&fs::read_to_string(&page).unwrap());
    let home = home_with_two_loans().await;
    let _programs = BuiltPrograms::set_aside();
    let scratch = Scratch::copy(&page);
    let (mut own_lines, mut printed) = (0, String::new());
    for step in &steps {
        match step {
            Step::Create { path, text } => {
                assert!(!scratch.root.join(path).exists(), "{path} exists");
                scratch.write(path, text);
            }
            Step::Insert { path, after, text } => scratch.insert(path, after, text),
            Step::Append { path, text } => {
                scratch.write(path, &format!("{}{text}", scratch.read(path)));
            }
            Step::Run(commands) => printed = scratch.run(commands, &home),
            Step::Prints(text) => assert_eq!(&printed, text),
            Step::Show => {}
        }
        if let Step::Create { text, .. } | Step::Insert { text, .. } | Step::Append { text, .. } =
            step
        {
            own_lines += text.lines().filter(|line| !line.is_empty()).count();
        }
    }
    assert!(own_lines < MAX_OWN_LINES, "{own_lines} lines");
    assert!(steps.iter().any(|step| matches!(step, Step::Prints(_))));

    // The stack of the schedules starts the function.
    let stack = scratch.read("infra/schedules.yaml");
    assert!(stack.contains("Arn: !Ref CountLoans"), "{stack}");
    scratch.run("hippo schedule render --to sam --check", &home);

    // The function starts as this job.
    let variables = [("TABLE_NAME", "table"), ("JOB", "count-loans")];
    let function = Function::start(&target().join("debug/run-job"), &variables);
    function.assert_refuses(
        json!({"label": "sundays", "scheduled_time": "2026-11-22T20:00:00Z", "family": "conrad"}),
        "Event",
        &["“family”: unknown field", "a schedule of count-loans"],
    );
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
