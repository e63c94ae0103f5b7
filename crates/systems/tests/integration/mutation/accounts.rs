//! The original accounts: of the demo library, and the recorded ones if they are available.

use std::path::{Path, PathBuf};

use hippo_browser::{ReadContext, SavedPage, decode};
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, EVERY_SITE, Generation, Patron, Site, SystemKind,
};
use hippo_systems::offline_reader;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

pub(crate) struct GoodAccount {
    /// For example `koha older` or `koha recorded full`.
    pub(crate) name: String,
    pub(crate) system: &'static str,
    pub(crate) pages: Vec<SavedPage>,
    /// The same pages for another patron.
    pub(crate) others: Vec<SavedPage>,
    base_url: Url,
    date_format: Option<String>,
    number: Option<SecretString>,
}

impl GoodAccount {
    pub(crate) fn read(
        &self,
        pages: &[SavedPage],
    ) -> Result<hippo_core::account::Account, hippo_core::failure::Failure> {
        let context = ReadContext {
            base_url: &self.base_url,
            date_format: self.date_format.as_deref(),
            timezone: chrono_tz::America::Toronto,
            card_number: self.number.as_ref(),
        };
        offline_reader(self.system).unwrap().read(pages, &context)
    }
}

const NUMBER: &str = "25000000000007";
const OTHER: &str = "25000000000008";

fn today() -> chrono::NaiveDate {
    "2026-11-21".parse().unwrap()
}

fn in_days(days: u64) -> chrono::NaiveDate {
    today() + chrono::Days::new(days)
}

fn full() -> Patron {
    Patron::new(NUMBER, "4711", "Jo Doe")
        .with_card_expires(in_days(20))
        .with_fines_cents(1_250)
        .with_loan(
            DemoLoan::new("Harbour & Hill", "Stone, Ada.", today())
                .with_subtitle("a walk")
                .renewed(2),
        )
        .with_loan(
            DemoLoan::new("Knots", "", today() - chrono::Days::new(3))
                .not_renewable("somebody waits"),
        )
        .with_loan(DemoLoan::new("Tides", "Wells, Cy", in_days(9)))
        .with_hold(DemoHold::ready(
            "Lamps",
            "Reed, Bo",
            "Oak Park",
            Some(in_days(5)),
        ))
        .with_hold(DemoHold::in_transit("Kites", "Ash, Pip", "Oak Park"))
        .with_hold(
            DemoHold::waiting("Fog", "Ash, Pip", "Oak Park", 9, 83).with_expires(in_days(90)),
        )
        .with_hold(DemoHold::suspended(
            "Ice",
            "Ash, Pip",
            "Mill Street",
            Some(in_days(30)),
        ))
}

fn other() -> Patron {
    Patron::new(OTHER, "1", "Al Roe")
        .with_fines_cents(75)
        .with_loan(DemoLoan::new("Theirs", "Moss, Di", in_days(4)))
        .with_hold(DemoHold::in_transit("Also theirs", "", "Oak Park"))
}

/// Builds a patron with either loans or holds.
fn half(has_loans: bool) -> Patron {
    let patron = Patron::new(NUMBER, "4711", "Jo Doe");
    if has_loans {
        patron.with_loan(DemoLoan::new("Knots", "Stone, Ada.", today()))
    } else {
        patron.with_hold(DemoHold::in_transit("Kites", "Ash, Pip", "Oak Park"))
    }
}

/// Builds a patron who can't renew anything, neither for a fee nor automatically; Koha states that.
fn blocked() -> Patron {
    let film = DemoLoan::new("Harbour & Hill", "Stone, Ada.", today()).of_format("DVD");
    let by_itself = DemoLoan::new("Tides", "", in_days(9)).auto_renewed();
    let mut patron = Patron::new(NUMBER, "4711", "Jo Doe")
        .with_loan(film)
        .with_loan(by_itself);
    patron.blocked = Some("too many maps are missing".to_owned());
    patron
}

/// Reads the demo accounts of a system in each generation: full, with one list, and empty.
pub(crate) async fn demo_accounts(system: SystemKind) -> Vec<GoodAccount> {
    let mut goods = Vec::new();
    let sites = EVERY_SITE.iter().filter(|(listed, _)| *listed == system);
    for (_, generation) in sites.copied() {
        let has_ages = matches!(system, SystemKind::Enterprise | SystemKind::Koha);
        let patrons = [
            ("", full()),
            (" loans", half(true)),
            (" holds", half(false)),
            (" empty", Patron::new(NUMBER, "4711", "Jo Doe")),
            (" blocked", blocked()),
        ];
        for (what, patron) in patrons {
            if what == " blocked" && system != SystemKind::Koha {
                continue;
            }
            for is_translated in [false, true] {
                if is_translated && (system != SystemKind::Koha || !what.is_empty()) {
                    continue;
                }
                let site = Site::new(system, "Any Library", today())
                    .with_generation(generation)
                    .with_patron(patron.clone())
                    .with_patron(other());
                let age = match (has_ages, generation) {
                    (false, _) => "",
                    (true, Generation::Older) => " older",
                    (true, Generation::Newer) => " newer",
                };
                let language = if is_translated { " translated" } else { "" };
                let name = format!("{}{age}{what}{language}", system.id());
                goods.push(read_site(name, site, is_translated).await);
            }
        }
    }
    goods
}

async fn read_site(name: String, site: Site, is_translated: bool) -> GoodAccount {
    let date_format = Some(site.date_format.clone());
    let system = site.system.id();
    let demo = DemoLibrary::start(site).await.unwrap();
    demo.switches().set_translated(is_translated);
    let pages = |number: &str| -> Vec<SavedPage> {
        let pages = demo.account_pages(number).into_iter().enumerate();
        pages
            .map(|(index, body)| SavedPage {
                name: format!("page {index}"),
                body,
            })
            .collect()
    };
    GoodAccount {
        name,
        system,
        pages: pages(NUMBER),
        others: pages(OTHER),
        base_url: Url::parse("http://127.0.0.1").unwrap(),
        date_format,
        number: Some(NUMBER.to_owned().into()),
    }
}

/// Loads the recorded accounts of a system, without the cases that should fail.
pub(crate) fn load_recorded(pages: &Path, system: &'static str) -> Vec<GoodAccount> {
    let mut goods = Vec::new();
    let roots = [pages.to_owned(), pages.join("../more-pages")];
    let systems = roots.iter().flat_map(|root| folders(root));
    for folder in systems.flat_map(|folder| folders(&folder)) {
        let Ok(case) = std::fs::read_to_string(folder.join("case.json")) else {
            continue;
        };
        let case: Value = serde_json::from_str(&case).unwrap();
        if case["system"] != system {
            continue;
        }
        // This one says that seven items are out, and lists two.
        if case["failure"].is_string() || folder.ends_with("winbiap/immenstadt") {
            continue;
        }
        let pages = case["pages"].as_array().unwrap().iter();
        goods.push(GoodAccount {
            name: format!(
                "{system} recorded {}",
                folder.file_name().unwrap().to_string_lossy()
            ),
            system,
            pages: pages
                .map(|name| SavedPage {
                    name: name.as_str().unwrap().to_owned(),
                    body: decode(
                        &std::fs::read(folder.join(name.as_str().unwrap())).unwrap(),
                        None,
                    ),
                })
                .collect(),
            others: Vec::new(),
            base_url: Url::parse(case["base_url"].as_str().unwrap()).unwrap(),
            date_format: case["options"]["date_format"].as_str().map(str::to_owned),
            number: None,
        });
    }
    goods.sort_by(|one, other| one.name.cmp(&other.name));
    goods
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir()).collect()
}
