//! Follows docs/ADD-A-JOB.md to the letter, in a copy of the workspace.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use hippo_demo_library::{DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use hippo_tests::Home;
use hippo_tests::lambda::Function;
use serde_json::json;

use crate::followed_page::{Scratch, Step, steps_of, target};

/// A person who follows the page writes fewer lines than this.
const MAX_OWN_LINES: usize = 60;

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
    home.run(&["check-cards", "--no-delay"]).expect_code(0);
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn page_leads_to_a_job_with_a_command_a_schedule_and_a_function() {
    let steps = steps_of("ADD-A-JOB");
    let home = home_with_two_loans().await;
    let path = home.path().to_string_lossy().into_owned();
    let variables = [("HIPPO_HOME", path.as_str()), ("HIPPO_NOW", NOW)];
    let _programs = BuiltPrograms::set_aside();
    let scratch = Scratch::copy("ADD-A-JOB");
    let (mut own_lines, mut printed) = (0, String::new());
    for step in &steps {
        if let Step::Prints(text) = step {
            assert_eq!(&printed, text);
        }
        printed = scratch.follow(step, &variables).unwrap_or(printed);
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
    scratch.run("hippo schedule render --to sam --check", &variables);

    // The function starts as this job.
    let variables = [("TABLE_NAME", "table"), ("JOB", "count-loans")];
    let function = Function::start(&target().join("debug/run-job"), &variables);
    function.assert_refuses(
        json!({"label": "sundays", "scheduled_time": "2026-11-22T20:00:00Z", "family": "conrad"}),
        "Event",
        &["“family”: unknown field", "a schedule of count-loans"],
    );
}
