//! Prints how many milliseconds it takes to read generated pages of 1, 2, 4 and 8 MB.
//!
//! `cargo run --release -p hippo-systems --example large_pages`
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark may panic when its setup fails"
)]

use std::time::Instant;

use hippo_browser::reading::skeleton;
use hippo_browser::{Form, Page, ReadContext, SavedPage, interstitial};
use hippo_systems::offline_reader;
use url::Url;

#[path = "../tests/shapes/mod.rs"]
mod shapes;

const MEGABYTES: [usize; 4] = [1, 2, 4, 8];

fn main() {
    let base_url = Url::parse("https://library.test/").expect("a URL");
    println!(
        "| page | of | 1 MB | 2 MB | 4 MB | 8 MB | ms per MB, at most | outcome at 1 MB and 8 MB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, kind) in shapes::pages() {
        for shape in shapes::SHAPES {
            let mut times = Vec::new();
            let mut outcomes = Vec::new();
            for megabytes in MEGABYTES {
                let body = shapes::page(name, kind, shape, megabytes << 20);
                let (milliseconds, outcome) = read(name, &base_url, body);
                times.push(milliseconds);
                outcomes.push(outcome);
            }
            let most = times
                .iter()
                .zip(MEGABYTES)
                .map(|(time, megabytes)| time / f64::from(u32::try_from(megabytes).unwrap_or(1)))
                .fold(0.0, f64::max);
            let cells: Vec<String> = times.iter().map(|time| format!("{time:.0}")).collect();
            println!(
                "| {name}, {kind} | {shape} | {} | {most:.0} | {}; {} |",
                cells.join(" | "),
                outcomes.first().expect("an outcome"),
                outcomes.last().expect("an outcome"),
            );
        }
    }
}

/// Reads a page as `hippo read` does, and looks at it as a visit does at a login or unknown page.
fn read(name: &str, base_url: &Url, body: String) -> (f64, String) {
    let context = ReadContext {
        base_url,
        date_format: Some(if name == "sierra" {
            "%m-%d-%y"
        } else {
            "%m/%d/%y"
        }),
        timezone: chrono_tz::UTC,
        card_number: None,
    };
    let reader = offline_reader(name).expect("a reader");
    let pages = [SavedPage {
        name: "page".to_owned(),
        body,
    }];
    let began = Instant::now();
    let outcome = match reader.read(&pages, &context) {
        Ok(account) => format!("{} loans", account.loans.map_or(0, |loans| loans.len())),
        Err(failure) => failure.to_string().replace("page_changed: page: ", ""),
    };
    let [page] = pages;
    let page = Page {
        url: base_url.clone(),
        status: 200,
        content_type: None,
        body: page.body,
    };
    let _ = Form::find_usable(&page, "form", |form| form.has("none"));
    interstitial(&page);
    skeleton(&page.body);
    (began.elapsed().as_secs_f64() * 1000.0, outcome)
}
