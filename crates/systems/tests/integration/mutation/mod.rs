//! Pages that were changed, broken or exchanged never make an account that lies: it is the same, a
//! part of it is unknown, or it is a failure.
//!
//! Every account of the demo library, and every recorded one where they are, is read once for each
//! of thousands of mutants. `MUTATION_STRIDE=1` tries all mutants of the recorded pages, which are
//! large; without it some of them are tried. `MUTATION_SYSTEMS="koha sierra"` leaves the other recorded pages
//! out. `make mutants` tries all, and pages that were changed twice.

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

use accounts::Good;
use hippo_core::account::Account;
use serde_json::Value;

/// What became of the mutants.
#[derive(Default)]
struct Tally {
    mutants: usize,
    same: usize,
    less: usize,
    failures: usize,
    /// Which account, what was done to it, and what it says then: how often.
    lies: BTreeMap<(String, String, &'static str), usize>,
}

/// Which mutants are tried: each of so many.
struct Sampler {
    stride: usize,
    at: usize,
}

impl Sampler {
    fn wants(&mut self) -> bool {
        self.at += 1;
        self.at.is_multiple_of(self.stride)
    }
}

impl Tally {
    fn count(&mut self, good: &Good, original: &Account, what: &str, pages: &[SavedPage]) {
        self.mutants += 1;
        match good.read(pages) {
            Err(_) => self.failures += 1,
            Ok(account) if account == *original => self.same += 1,
            Ok(account) => match verdict::lie(original, &account) {
                None => self.less += 1,
                Some(lie) => {
                    let key = (good.name.clone(), what.to_owned(), lie);
                    *self.lies.entry(key).or_default() += 1;
                }
            },
        }
    }

    /// What no survivor that is known by name explains.
    fn must_be_explained(&self, used: &mut [bool]) {
        let mut unknown = Vec::new();
        for ((name, what, lie), times) in &self.lies {
            match survivors::explains(name, what, lie) {
                Some(index) => used
                    .get_mut(index)
                    .into_iter()
                    .for_each(|used| *used = true),
                None => unknown.push(format!("{name}: {what}: {lie} ({times})")),
            }
        }
        println!(
            "{} mutants: {} read the same, {} with less, {} failed, {} say something else",
            self.mutants,
            self.same,
            self.less,
            self.failures,
            self.lies.values().sum::<usize>()
        );
        assert!(
            unknown.is_empty(),
            "{} kinds of mutants lie:\n{}",
            unknown.len(),
            unknown.join("\n")
        );
    }
}

/// Each mutant of one page, whatever it is made of.
fn mutants_of(body: &str, sampler: &mut Sampler, take: &mut html::Take<'_>) {
    if body.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(body).unwrap();
        json::mutants(&value, sampler, take);
        truncated_json(body, take);
        for place in ["/content", "/zones/libraryholdsZone"] {
            if let Some(inner) = value.pointer(place).and_then(Value::as_str) {
                html::mutants(inner, &mut |what, mutant| {
                    let mut value = value.clone();
                    *value.pointer_mut(place).unwrap() = mutant.into();
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

fn truncated_json(body: &str, take: &mut html::Take<'_>) {
    for at in (0..body.len()).step_by(256) {
        if body.is_char_boundary(at) {
            take("truncated", body[..at].to_owned());
        }
    }
}

fn try_each_page(good: &Good, original: &Account, stride: usize, tally: &mut Tally) {
    let mut sampler = Sampler { stride, at: 0 };
    let mut in_json = Sampler { stride, at: 0 };
    for place in 0..good.pages.len() {
        let mut pages = good.pages.clone();
        mutants_of(
            &good.pages[place].body,
            &mut in_json,
            &mut |what, mutant| {
                if sampler.wants() && mutant != good.pages[place].body {
                    pages[place].body = mutant;
                    tally.count(good, original, what, &pages);
                }
            },
        );
    }
}

/// Pages that a site, or something before it, shows in place of an account.
const INSTEAD: [(&str, &str); 6] = [
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

fn try_exchanges(good: &Good, original: &Account, tally: &mut Tally) {
    let mut reversed = good.pages.clone();
    reversed.reverse();
    tally.count(good, original, "pages in another order", &reversed);
    tally.count(good, original, "all pages of another patron", &good.others);
    for place in 0..good.pages.len() {
        let with = |page: Option<SavedPage>| {
            let mut pages = good.pages.clone();
            match page {
                Some(page) => pages[place] = page,
                None => drop(pages.remove(place)),
            }
            pages
        };
        tally.count(good, original, "a page missing", &with(None));
        for other in &good.pages {
            tally.count(
                good,
                original,
                "a page in the place of another",
                &with(Some(other.clone())),
            );
        }
        if let Some(other) = good.others.get(place) {
            tally.count(
                good,
                original,
                "a page of another patron",
                &with(Some(other.clone())),
            );
        }
        for (what, body) in INSTEAD {
            let page = SavedPage {
                name: what.to_owned(),
                body: body.to_owned(),
            };
            tally.count(good, original, what, &with(Some(page)));
        }
        let body = &good.pages[place].body;
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
                "{}: a banner changes nothing",
                good.name
            );
        }
    }
    for (what, body) in INSTEAD {
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

fn try_all(goods: &[Good], stride: impl Fn(&Good) -> usize) -> Tally {
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

#[tokio::test]
async fn a_mutant_of_the_demo_librarys_pages_never_lies() {
    let goods = accounts::of_the_demo_library().await;
    // BiblioCommons' state has many parts that nothing reads; a full account's are all tried.
    let tally = try_all(&goods, |good| match good.name.as_str() {
        "bibliocommons" => 1,
        name if name.starts_with("bibliocommons") => 5,
        _ => 1,
    });
    let mut used = vec![false; survivors::KNOWN.len()];
    tally.must_be_explained(&mut used);
    assert!(tally.mutants > 5_000, "only {} mutants", tally.mutants);
    // A survivor that does not survive any more must not stay on the list.
    let idle: Vec<&survivors::Known> = survivors::KNOWN
        .iter()
        .zip(used)
        .filter_map(|(known, is_used)| (!is_used).then_some(known))
        .collect();
    assert!(idle.is_empty(), "these are seen now: {idle:#?}");
}

#[tokio::test]
#[ignore = "takes minutes; make mutants"]
async fn a_page_that_was_changed_twice_never_lies() {
    let goods = accounts::of_the_demo_library().await;
    let mut tally = Tally::default();
    for good in &goods {
        let original = good.read(&good.pages).unwrap();
        pairs::try_pairs(good, &original, &mut tally);
    }
    tally.must_be_explained(&mut []);
    assert!(tally.mutants > 5_000, "only {} mutants", tally.mutants);
}

#[test]
fn a_mutant_of_a_recorded_page_never_lies() {
    let Some(folder) = library_pages::folder() else {
        eprintln!("SKIPPED: no recorded pages of libraries (LIBRARY_PAGES names their folder)");
        return;
    };
    let stride: Option<usize> = std::env::var("MUTATION_STRIDE")
        .ok()
        .and_then(|stride| stride.parse().ok());
    let wanted = std::env::var("MUTATION_SYSTEMS").unwrap_or_default();
    let goods: Vec<Good> = hippo_systems::systems_with_pages()
        .filter(|system| wanted.is_empty() || wanted.split_whitespace().any(|one| one == *system))
        .flat_map(|system| accounts::recorded(&folder, system))
        .collect();
    let tally = try_all(&goods, |good| {
        let bytes: usize = good.pages.iter().map(|page| page.body.len()).sum();
        // BiblioCommons' pages are five times as large as all others together.
        let share = if good.system == "bibliocommons" {
            6_000
        } else {
            40_000
        };
        stride.unwrap_or(1 + bytes / share)
    });
    tally.must_be_explained(&mut []);
}
