//! Changed, broken and exchanged pages never give a wrong account: it is the same, a part is
//! unknown, or reading fails.
//!
//! Thousands of mutants of every demo account and every available recorded account are read.
//! `MUTATION_STRIDE=1` tries all mutants of the recorded pages, which are large; the default is a
//! sample. `MUTATION_SYSTEMS="koha sierra"` selects the systems of the recorded pages. `make mutants`
//! tries all mutants, and pages with two changes.

mod accounts;
mod html;
mod json;
mod markup;
mod pairs;
mod survivors;
mod verdict;

use hippo_browser::SavedPage;

use crate::library_pages;
use std::collections::BTreeMap;

use accounts::GoodAccount;
use hippo_core::account::Account;
use hippo_demo_library::{Generation, SystemKind, test_every_site};
use serde_json::Value;

/// The results of the mutants.
#[derive(Default)]
struct Tally {
    mutants: usize,
    same: usize,
    less: usize,
    failures: usize,
    /// How often an account, with a change, gave a wrong value.
    wrong_values: BTreeMap<(String, String, &'static str), usize>,
}

/// Picks one mutant out of each `stride`.
struct Sampler {
    stride: usize,
    at: usize,
}

impl Sampler {
    fn picks_next(&mut self) -> bool {
        self.at += 1;
        self.at.is_multiple_of(self.stride)
    }
}

impl Tally {
    fn count(&mut self, good: &GoodAccount, original: &Account, what: &str, pages: &[SavedPage]) {
        self.mutants += 1;
        match good.read(pages) {
            Err(_) => self.failures += 1,
            Ok(account) if account == *original => self.same += 1,
            Ok(account) => match verdict::find_difference(original, &account) {
                None => self.less += 1,
                Some(difference) => {
                    let key = (good.name.clone(), what.to_owned(), difference);
                    *self.wrong_values.entry(key).or_default() += 1;
                }
            },
        }
    }

    /// Asserts that a known survivor explains every wrong value.
    fn assert_explained(&self, used: &mut [bool]) {
        let mut unknown = Vec::new();
        for ((name, what, difference), times) in &self.wrong_values {
            match survivors::find_survivor(name, what, difference) {
                Some(index) => used
                    .get_mut(index)
                    .into_iter()
                    .for_each(|used| *used = true),
                None => unknown.push(format!("{name}: {what}: {difference} ({times})")),
            }
        }
        println!(
            "{} mutants: {} unchanged, {} with less, {} failed, {} wrong",
            self.mutants,
            self.same,
            self.less,
            self.failures,
            self.wrong_values.values().sum::<usize>()
        );
        assert!(
            unknown.is_empty(),
            "{} kinds of mutants give a wrong account:\n{}",
            unknown.len(),
            unknown.join("\n")
        );
    }
}

/// Generates every mutant of one page, HTML or JSON.
fn mutants_of(body: &str, sampler: &mut Sampler, take: &mut html::MutantSink<'_>) {
    if body.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(body).unwrap();
        json::mutants(&value, sampler, take);
        truncated_json(body, take);
        for pointer in ["/content", "/zones/libraryholdsZone"] {
            if let Some(inner) = value.pointer(pointer).and_then(Value::as_str) {
                html::mutants(inner, &mut |what, mutant| {
                    let mut value = value.clone();
                    *value.pointer_mut(pointer).unwrap() = mutant.into();
                    take(what, value.to_string());
                });
            }
        }
        return;
    }
    let state = "data-iso-key=\"_0\"";
    if let Some(script) = markup::elements(body)
        .iter()
        .find(|element| element.name == "script" && body[element.whole.clone()].contains(state))
    {
        let value: Value = serde_json::from_str(&body[script.inner.clone()]).unwrap();
        json::mutants(&value, sampler, &mut |what, mutant| {
            let mut page = body.to_owned();
            page.replace_range(script.inner.clone(), &mutant.replace('<', "\\u003c"));
            take(what, page);
        });
    }
    html::mutants(body, take);
}

fn truncated_json(body: &str, take: &mut html::MutantSink<'_>) {
    for at in (0..body.len()).step_by(256) {
        if body.is_char_boundary(at) {
            take("truncated", body[..at].to_owned());
        }
    }
}

fn try_each_page(good: &GoodAccount, original: &Account, stride: usize, tally: &mut Tally) {
    let mut sampler = Sampler { stride, at: 0 };
    let mut in_json = Sampler { stride, at: 0 };
    for index in 0..good.pages.len() {
        let mut pages = good.pages.clone();
        mutants_of(
            &good.pages[index].body,
            &mut in_json,
            &mut |what, mutant| {
                if sampler.picks_next() && mutant != good.pages[index].body {
                    pages[index].body = mutant;
                    tally.count(good, original, what, &pages);
                }
            },
        );
    }
}

/// Pages that a site or a proxy shows instead of an account.
const REPLACEMENT_PAGES: [(&str, &str); 6] = [
    (
        "upgrading",
        "<html><head><title>Back soon</title></head><body><h1>We are upgrading</h1><p>The catalogue will be back at noon. You have nothing to do.</p></body></html>",
    ),
    (
        "captcha",
        "<html><body><h1>Are you a robot?</h1><form method=post action=/captcha><div class=g-recaptcha></div></form></body></html>",
    ),
    (
        "cookie wall",
        "<html><body><form method=post action=/consent><p>We use cookies. 0 items to decide.</p><button name=all>Accept</button></form></body></html>",
    ),
    (
        "single sign-on",
        "<html><body><form id=sso method=post action=https://id.example.org/in><input name=username><input type=password name=password></form></body></html>",
    ),
    ("empty", ""),
    ("JSON", "{\"error\":\"not here\"}"),
];

const BANNER: &str = "<div id=cookies class=banner><form method=post action=/consent><p>We use 3 cookies.</p><button>Fine</button></form></div>";

fn try_exchanges(good: &GoodAccount, original: &Account, tally: &mut Tally) {
    let mut reversed = good.pages.clone();
    reversed.reverse();
    tally.count(good, original, "pages in another order", &reversed);
    tally.count(good, original, "all pages of another patron", &good.others);
    for index in 0..good.pages.len() {
        let with = |page: Option<SavedPage>| {
            let mut pages = good.pages.clone();
            match page {
                Some(page) => pages[index] = page,
                None => drop(pages.remove(index)),
            }
            pages
        };
        tally.count(good, original, "a page missing", &with(None));
        for other in &good.pages {
            tally.count(
                good,
                original,
                "a page instead of another",
                &with(Some(other.clone())),
            );
        }
        if let Some(other) = good.others.get(index) {
            tally.count(
                good,
                original,
                "a page of another patron",
                &with(Some(other.clone())),
            );
        }
        for (what, body) in REPLACEMENT_PAGES {
            let page = SavedPage {
                name: what.to_owned(),
                body: body.to_owned(),
            };
            tally.count(good, original, what, &with(Some(page)));
        }
        let body = &good.pages[index].body;
        if let Some((before, after)) = body.split_once("<body").and_then(|(before, after)| {
            let (tag, after) = after.split_once('>')?;
            Some((format!("{before}<body{tag}>"), after))
        }) {
            let page = SavedPage {
                name: "banner".to_owned(),
                body: format!("{before}{BANNER}{after}"),
            };
            let pages = with(Some(page));
            assert_eq!(
                good.read(&pages).ok().as_ref(),
                Some(original),
                "{}: a banner changed the account",
                good.name
            );
        }
    }
    for (what, body) in REPLACEMENT_PAGES {
        let mut pages = good.pages.clone();
        for page in &mut pages {
            body.clone_into(&mut page.body);
        }
        assert!(
            good.read(&pages).is_err(),
            "{}: {what} everywhere",
            good.name
        );
    }
}

fn try_all(goods: &[GoodAccount], stride: impl Fn(&GoodAccount) -> usize) -> Tally {
    let mut tally = Tally::default();
    for good in goods {
        let original = good
            .read(&good.pages)
            .unwrap_or_else(|failure| panic!("{}: {failure}", good.name));
        let started = std::time::Instant::now();
        let before = tally.mutants;
        try_exchanges(good, &original, &mut tally);
        try_each_page(good, &original, stride(good), &mut tally);
        println!(
            "{}: {} mutants, {} ms",
            good.name,
            tally.mutants - before,
            started.elapsed().as_millis()
        );
    }
    tally
}

test_every_site!(mutants_of_demo_pages_never_give_a_wrong_account);

async fn mutants_of_demo_pages_never_give_a_wrong_account(
    system: SystemKind,
    generation: Generation,
) {
    // Both generations of a system are tried together, since they share survivors.
    if generation == Generation::Newer {
        return;
    }
    let goods = accounts::demo_accounts(system).await;
    // Most of BiblioCommons' state is unused; only the full account's mutants are all tried.
    let tally = try_all(&goods, |good| match good.name.as_str() {
        "bibliocommons" => 1,
        name if name.starts_with("bibliocommons") => 5,
        _ => 1,
    });
    let mut used = vec![false; survivors::KNOWN.len()];
    tally.assert_explained(&mut used);
    assert!(tally.mutants > 500, "only {} mutants", tally.mutants);
    // A survivor that is detected now must leave the list.
    let idle: Vec<&survivors::KnownSurvivor> = survivors::KNOWN
        .iter()
        .zip(used)
        .filter_map(|(known, is_used)| (!is_used && known.is_of(system.id())).then_some(known))
        .collect();
    assert!(idle.is_empty(), "these are detected now: {idle:#?}");
}

#[tokio::test]
#[ignore = "takes minutes; make mutants"]
async fn pages_with_two_changes_never_give_a_wrong_account() {
    let mut tally = Tally::default();
    for system in SystemKind::ALL {
        for good in &accounts::demo_accounts(system).await {
            let original = good.read(&good.pages).unwrap();
            pairs::try_pairs(good, &original, &mut tally);
        }
    }
    tally.assert_explained(&mut []);
    assert!(tally.mutants > 5_000, "only {} mutants", tally.mutants);
}

test_every_site!(mutants_of_recorded_pages_never_give_a_wrong_account);

async fn mutants_of_recorded_pages_never_give_a_wrong_account(
    system: SystemKind,
    generation: Generation,
) {
    let system = system.id();
    let wanted = std::env::var("MUTATION_SYSTEMS").unwrap_or_default();
    let is_wanted = wanted.is_empty() || wanted.split_whitespace().any(|one| one == system);
    if generation == Generation::Newer || !is_wanted {
        return;
    }
    let Some(folder) = library_pages::folder() else {
        eprintln!("SKIPPED: no recorded pages of libraries (LIBRARY_PAGES names their folder)");
        return;
    };
    let stride: Option<usize> = std::env::var("MUTATION_STRIDE")
        .ok()
        .and_then(|stride| stride.parse().ok());
    let recorded = accounts::load_recorded(&folder, system);
    assert!(!recorded.is_empty(), "no recorded account of {system}");
    let tally = try_all(&recorded, |good| {
        let bytes: usize = good.pages.iter().map(|page| page.body.len()).sum();
        // BiblioCommons' pages are five times as large as all the others together.
        let share = if good.system == "bibliocommons" {
            6_000
        } else {
            15_000
        };
        stride.unwrap_or(1 + bytes / share)
    });
    tally.assert_explained(&mut []);
}
