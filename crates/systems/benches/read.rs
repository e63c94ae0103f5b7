//! Benchmarks reading saved accounts, on one core.
//!
//! The recorded accounts are read from `LIBRARY_PAGES`. Each system's account is measured as a whole,
//! as `hippo read` and a check read it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark may panic when its setup fails"
)]

use hippo_browser::{ReadContext, SavedPage, decode};
use std::path::{Path, PathBuf};

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hippo_systems::offline_reader;

const ACCOUNTS: &[(&str, &str, &str, Option<&str>)] = &[
    (
        "bibliocommons",
        "bibliocommons/wccls-2021-two-loans-six-suspended",
        "https://wccls.bibliocommons.com",
        None,
    ),
    (
        "bibliotheca",
        "../more-pages/bibliotheca/gladbeck",
        "https://opac.example.org",
        Some("%d.%m.%Y"),
    ),
    (
        "enterprise",
        "enterprise/two-loans",
        "https://olco.canlib.ca",
        Some("%m/%d/%y"),
    ),
    (
        "koha",
        "koha/full-dates-metric",
        "http://127.0.0.1:18080",
        None,
    ),
    (
        "sierra",
        "sierra/summary-with-expiry",
        "https://books.kpl.org",
        Some("%m-%d-%y"),
    ),
    (
        "sisis",
        "../more-pages/sisis/witten",
        "https://opac.example.org",
        Some("%d.%m.%Y"),
    ),
    (
        "touchpoint",
        "../more-pages/touchpoint/munchenbsb2",
        "https://opac.example.org",
        Some("%d.%m.%Y"),
    ),
    (
        "vufind-de",
        "../more-pages/vufind-de/kreisre-ebook",
        "https://opac.example.org",
        Some("%d.%m.%Y"),
    ),
    (
        "winbiap",
        "../more-pages/winbiap/guetersloh",
        "https://opac.example.org",
        Some("%d.%m.%Y"),
    ),
    (
        "symphony-ws",
        "../more-pages/symphony-ws/stanford-thirteen-loans-three-holds",
        "https://symws.example.org",
        None,
    ),
];

fn pages_of(folder: &Path) -> Vec<SavedPage> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the account's pages")
        .map(|entry| entry.expect("a page").path())
        .filter(|path| {
            let is_case = path.file_name().is_some_and(|name| name == "case.json");
            let extension = path.extension();
            !is_case
                && extension.is_some_and(|extension| extension == "html" || extension == "json")
        })
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| SavedPage {
            name: path.display().to_string(),
            body: decode(&std::fs::read(&path).expect("a page"), None),
        })
        .collect()
}

/// Parses a page, and does nothing with it.
fn parse(page: &SavedPage) {
    if page.body.trim_start().starts_with('{') {
        let value: serde_json::Value = serde_json::from_str(&page.body).expect("JSON");
        black_box(value);
    } else {
        black_box(scraper::Html::parse_document(&page.body));
    }
}

fn read(criterion: &mut Criterion) {
    let folder = std::env::var_os("LIBRARY_PAGES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/library-pages"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        println!("SKIPPED: no recorded pages (LIBRARY_PAGES names their folder)");
        return;
    }
    let mut group = criterion.benchmark_group("read");
    for (name, account, base_url, date_format) in ACCOUNTS {
        let pages = pages_of(&folder.join(account));
        let bytes: usize = pages.iter().map(|page| page.body.len()).sum();
        let base_url = base_url.parse().expect("a URL");
        let context = ReadContext {
            base_url: &base_url,
            date_format: *date_format,
            timezone: chrono_tz::UTC,
            card_number: None,
        };
        let reader = offline_reader(name).expect("a reader");
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| reader.read(&pages, &context).expect("an account"));
        });
        // What reading is compared with: the parser alone.
        group.bench_function(format!("{name} parsed only"), |bencher| {
            bencher.iter(|| pages.iter().for_each(parse));
        });
    }
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
