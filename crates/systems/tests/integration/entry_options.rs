//! Options of a library's entry that change what a visit sends.

use crate::demo::{check, start, today};
use hippo_demo_library::{DemoLibrary, SystemKind, sample_site};

/// Checks a card with these options, and returns the demo library that saw it.
async fn check_with(system: SystemKind, options: &[(&str, &str)]) -> DemoLibrary {
    let site = sample_site(system, today());
    let patron = site.patrons[0].clone();
    let (demo, mut library) = start(site).await;
    for (name, value) in options {
        let (name, value) = ((*name).to_owned(), (*value).to_owned());
        library.options.insert(name, value);
    }
    // A demo library has no start page of its own, but only the options of the entry are of interest.
    let _ = check(&demo, &library, &patron.number, &patron.pin).await;
    demo
}

#[tokio::test]
async fn login_names_the_database_of_the_library() {
    for (options, expected) in [(&[("db", "glad")][..], true), (&[], false)] {
        let demo = check_with(SystemKind::Bibliotheca, options).await;
        let requests = demo.requests();
        let login = requests.iter().find(|seen| seen.is_login).unwrap();
        let names = |seen: &String| seen == "vkontodb";
        assert_eq!(login.fields.iter().any(names), expected, "{login:?}");
    }
}

#[tokio::test]
async fn site_is_entered_by_its_start_page_only_if_told() {
    let entered = check_with(SystemKind::Sisis, &[("start", "Login=webopac")]).await;
    assert_eq!(entered.requests()[0].path, "/start.do?Login=webopac");
    let other = check_with(SystemKind::Sisis, &[]).await;
    let requests = other.requests();
    assert!(requests.iter().all(|seen| !seen.path.contains("start.do")));
}
