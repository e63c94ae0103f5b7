//! `hippo schedule render`: the files for AWS, and what is refused.

use std::path::Path;

use insta::assert_snapshot;

use crate::common::{Home, json, printed};

const DECLARED: &str = r#"[[schedule]]
job = "check-cards"
label = "all"
when = { parameter = "CheckSchedule", default = "cron(0 5 * * ? *)" }
input = { scope = "all" }
except = "closed-days.toml"
start_within = "60 min"

[[schedule]]
job = "notify-all"
label = "berlin"
when = "rate(15 minutes)"
timezone = "Europe/Berlin"
enabled = false
flexible = "5 min"
"#;

const RENDER: [&str; 6] = [
    "schedule",
    "render",
    "--to",
    "sam",
    "--from",
    "schedules.toml",
];

/// A directory with these declarations and a closed-days file.
fn declared(text: &str) -> Home {
    let home = Home::empty();
    home.file("schedules.toml", text);
    home.file("closed-days.toml", "all = [\"2026-12-25\"]\n");
    home
}

#[test]
fn committed_files_match_the_declared_schedules() {
    let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/schedules.toml");
    let home = Home::empty();
    home.command(&["schedule", "render", "--to", "sam", "--check", "--from"])
        .arg(infra)
        .assert()
        .success();
}

#[test]
fn check_fails_until_the_files_are_written() {
    let home = declared(DECLARED);
    let check = || home.command(&RENDER).arg("--check").assert();
    let first = check().code(1);
    assert_snapshot!("render_check_stale", printed(&first));
    assert_snapshot!("render_writes", printed(&home.run(&RENDER).success()));
    check().success();
    let read = |name: &str| std::fs::read_to_string(home.path().with_file_name(name)).unwrap();
    assert_snapshot!("rendered_stack", read("schedules.yaml"));
    assert_snapshot!("rendered_list", read("schedules.json"));
    home.file("schedules.toml", DECLARED.replace("60 min", "30 min"));
    check().code(1);
    home.file("schedules.toml", DECLARED);
    home.file("closed-days.toml", "all = [\"2026-12-26\"]\n");
    let stale = json(
        &home
            .command(&RENDER)
            .args(["--check", "--json"])
            .assert()
            .code(1),
    );
    let files = stale["files"].as_array().unwrap().iter();
    let states: Vec<_> = files.map(|file| file["state"].as_str().unwrap()).collect();
    // The stack has the checksums of the others.
    assert_eq!(states, ["stale", "stale"]);
}

#[test]
fn mistake_is_refused_with_its_place() {
    let refused = [
        ("rate(15 minutes)", "rate(0 minutes)"),
        ("Europe/Berlin", "Berlin"),
        ("berlin", "all"),
        ("notify-all", "notify-none"),
        ("closed-days.toml", "no-days.toml"),
        ("CheckSchedule", "Timezone"),
    ]
    .map(|(right, wrong)| {
        let home = declared(&DECLARED.replace(right, wrong));
        let refused = home.run(&RENDER).code(2);
        assert!(!home.path().with_file_name("schedules.yaml").exists());
        printed(&refused)
    });
    assert_snapshot!(refused.join("\n"));
}

#[test]
fn missing_declarations_are_an_error() {
    let home = Home::empty();
    let refused = home.run(&["schedule", "render", "--to", "sam"]).code(2);
    assert_snapshot!("render_without_declarations", printed(&refused));
}
