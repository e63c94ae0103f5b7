//! Invented patrons, works and libraries for the demo, and generated ones for benchmarks.

use chrono::{Days, NaiveDate};

use crate::site::{DemoHold, DemoLoan, Generation, Patron, Site, SystemKind, number_of};

/// Four libraries of invented families, one of each of the first systems, with dates around `today`:
/// Riverside (`BiblioCommons`), Hillcrest (Sierra), Lakeshore (Enterprise), Marshfield (Koha).
///
/// | library | number | PIN | patron | shows |
/// |---|---|---|---|---|
/// | Riverside | `21000000004711` | `2468` | Ines Calder | overdue, due today, a digital loan, holds in all four states |
/// | Riverside | `21000000004712` | `1357` | Tom Calder | an empty account |
/// | Hillcrest | `22000000008815` | `9021` | Ines Calder | due in two days and not renewable, fines, the card expires in a week |
/// | Hillcrest | `22000000008816` | `4410` | Mara Okoye | a ready hold, later loans, a message |
/// | Lakeshore | `23000000001203` | `7788` | Mara Okoye | overdue, a suspended hold, a ready one |
/// | Marshfield | `25000000003305` | `5160` | Jon Okoye | overdue, due tomorrow, charges, holds in all four states |
/// | Marshfield | `25000000003306` | `8842` | Bea Okoye | nothing but a card that has expired |
#[must_use]
pub fn family_sites(today: NaiveDate) -> [Site; 4] {
    [
        riverside(today),
        hillcrest(today),
        lakeshore(today),
        marshfield(today),
    ]
}

/// A library of a system, for tests: one of [`family_sites`] or [`other_sites`], or a like one.
#[must_use]
pub fn sample_site(system: SystemKind, today: NaiveDate) -> Site {
    let mut named = family_sites(today).into_iter().chain(other_sites(today));
    if let Some(site) = named.find(|site| site.system == system) {
        return site;
    }
    let patron = Patron::new("26000000007104", "2719", "Jon Okoye")
        .with_card_expires(day(today, 40))
        .with_fines_cents(120)
        .with_loan(DemoLoan::new("Rain on Tin", "Aldous, Wren", day(today, -2)).renewed(1))
        .with_loan(DemoLoan::new("The Salt Road", "", day(today, 1)).not_renewable("Reserved"))
        .with_loan(DemoLoan::new("Nine Bridges", "Lis, Kamila", day(today, 20)))
        .with_hold(DemoHold::ready(
            "A Map of Fog",
            "Haugen, Siri",
            "Mill Street",
            Some(day(today, 5)),
        ))
        .with_hold(DemoHold::waiting(
            "Winter Apples",
            "Pike, Roland",
            "Mill Street",
            2,
            4,
        ));
    Site::new(system, "Brookside Library", today).with_patron(patron)
}

/// Libraries of the systems that the demo leaves out, for tests: Northgate (Symphony Web Services).
///
/// | library | number | PIN | patron | shows |
/// |---|---|---|---|---|
/// | Northgate | `26000000000917` | `3906` | Ines Calder | overdue, renewed, fines, holds in all four states |
/// | Northgate | `26000000000918` | `7714` | Tom Calder | one loan |
#[must_use]
pub fn other_sites(today: NaiveDate) -> Vec<Site> {
    vec![northgate(today)]
}

/// A fifth library, Harbour View (Sierra), to show a library that is down: number `24000000000642`, PIN `3141`.
#[must_use]
pub fn harbour_site(today: NaiveDate) -> Site {
    Site::new(SystemKind::Sierra, "Harbour View Library", today).with_patron(
        Patron::new("24000000000642", "3141", "Jon Okoye").with_loan(DemoLoan::new(
            "Knots for Rainy Days",
            "Marsh, Piet",
            day(today, 6),
        )),
    )
}

fn riverside(today: NaiveDate) -> Site {
    let ines = Patron::new("21000000004711", "2468", "Ines Calder")
        .with_card_expires(day(today, 400))
        .with_loan(
            DemoLoan::new("The Lantern Keeper's Year", "Aldous, Wren", day(today, -3)).renewed(2),
        )
        .with_loan(
            DemoLoan::new("Moss & Stone", "Okafor, Lena", day(today, 0))
                .with_subtitle("A Field Guide to Walls"),
        )
        .with_loan(DemoLoan::new("Paper Boats", "", day(today, 9)).of_format("DVD"))
        .with_loan(
            DemoLoan::new("The Quiet Orchard", "Brandt, Ilse", day(today, 12)).digital("EBOOK"),
        )
        .with_hold(
            DemoHold::ready(
                "Seven Ferries North",
                "Haugen, Siri",
                "Mill Street",
                Some(day(today, 4)),
            )
            .with_expires(day(today, 200)),
        )
        .with_hold(DemoHold::in_transit(
            "A Cupboard of Winds",
            "Nakata, Jun",
            "Mill Street",
        ))
        .with_hold(
            DemoHold::waiting(
                "The Clockmaker's Daughter-in-Law",
                "Pellerin, Odile",
                "Mill Street",
                9,
                83,
            )
            .with_expires(day(today, 300)),
        )
        .with_hold(
            DemoHold::suspended(
                "Snow on the Line",
                "Vesely, Marek",
                "Oak Park",
                Some(day(today, 40)),
            )
            .with_expires(day(today, 300)),
        );
    let tom = Patron::new("21000000004712", "1357", "Tom Calder").with_card_expires(day(today, 90));
    Site::new(SystemKind::Bibliocommons, "Riverside Public Library", today)
        .with_patron(ines)
        .with_patron(tom)
}

fn hillcrest(today: NaiveDate) -> Site {
    let ines = Patron::new("22000000008815", "9021", "Ines Calder")
        .with_card_expires(day(today, 7))
        .with_fines_cents(250)
        .with_loan(
            DemoLoan::new("How to Mend a Kettle", "Fairweather, Dot", day(today, 2))
                .renewed(3)
                .not_renewable("Too many renewals"),
        )
        .with_loan(
            DemoLoan::new("Bread, Salt, Thunder", "Ferreira, Ana", day(today, 14)).renewed(1),
        )
        .with_hold(
            DemoHold::waiting(
                "The Last Tram to Ostrow",
                "Lis, Kamila",
                "Station Square",
                2,
                5,
            )
            .with_expires(day(today, 120)),
        );
    let mut mara = Patron::new("22000000008816", "4410", "Mara Okoye")
        .with_card_expires(day(today, 210))
        .with_loan(DemoLoan::new(
            "Small Engines, Big Noise",
            "Pike, Roland",
            day(today, 10),
        ))
        .with_hold(DemoHold::ready(
            "Owls of the Old Brewery",
            "Quist, Berit",
            "Oak Park",
            Some(day(today, 1)),
        ))
        .with_hold(DemoHold::in_transit("Kites", "Adeyemi, Sola", "Oak Park"));
    mara.messages
        .push("Please tell us your new address at your next visit.".to_owned());
    Site::new(SystemKind::Sierra, "Hillcrest Town Library", today)
        .with_patron(ines)
        .with_patron(mara)
}

fn lakeshore(today: NaiveDate) -> Site {
    let mara = Patron::new("23000000001203", "7788", "Mara Okoye")
        .with_loan(
            DemoLoan::new("Ponds and Puddles [DVD]", "Strand, Elin.", day(today, -1))
                .renewed(1)
                .not_renewable("Renewal limit reached: This item cannot be renewed."),
        )
        .with_loan(DemoLoan::new(
            "Counting \"Sheep\" in Nine Languages",
            "Yusuf, Amina.",
            day(today, 21),
        ))
        .with_hold(DemoHold::ready(
            "Rain Dictionary",
            "Dufour, Luc.",
            "Station Square",
            Some(day(today, 6)),
        ))
        .with_hold(DemoHold::suspended(
            "Wolves Next Door",
            "Baran, Iza.",
            "Mill Street",
            None,
        ))
        .with_hold(DemoHold::waiting(
            "The Borrowed Piano",
            "Engel, Ruth.",
            "Station Square",
            15,
            15,
        ));
    Site::new(SystemKind::Enterprise, "Lakeshore County Library", today)
        .with_generation(Generation::Older)
        .with_patron(mara)
}

fn marshfield(today: NaiveDate) -> Site {
    let jon = Patron::new("25000000003305", "5160", "Jon Okoye")
        .with_card_expires(day(today, 20))
        .with_fines_cents(1_725)
        .with_loan(
            DemoLoan::new("Reeds, Rushes & Sedges", "Holm, Signe", day(today, -2))
                .with_subtitle("a pocket key")
                .renewed(1),
        )
        .with_loan(
            DemoLoan::new("The Ferryman's Ledger", "Achterberg, Joost", day(today, 1))
                .renewed(4)
                .not_renewable("someone is waiting"),
        )
        .with_loan(DemoLoan::new("Marsh Birds [DVD]", "", day(today, 16)))
        .with_hold(DemoHold::ready(
            "A Lamp for Every Window",
            "Oyelaran, Tunde",
            "Oak Park",
            Some(day(today, 3)),
        ))
        .with_hold(DemoHold::in_transit(
            "Salt Roads",
            "Mendes, Rita",
            "Oak Park",
        ))
        .with_hold(
            DemoHold::waiting("The Ninth Bell", "Kovar, Dana", "Mill Street", 3, 11)
                .with_expires(day(today, 150)),
        )
        .with_hold(DemoHold::suspended(
            "Peat",
            "Lindqvist, Ebba",
            "Oak Park",
            Some(day(today, 60)),
        ));
    let bea = Patron::new("25000000003306", "8842", "Bea Okoye").with_card_expires(day(today, -40));
    Site::new(SystemKind::Koha, "Marshfield Library", today)
        .with_patron(jon)
        .with_patron(bea)
}

fn northgate(today: NaiveDate) -> Site {
    let ines = Patron::new("26000000000917", "3906", "Ines Calder")
        .with_card_expires(day(today, 200))
        .with_fines_cents(430)
        .with_loan(DemoLoan::new(
            "Bridges of Clay",
            "Norn, Ada",
            day(today, -1),
        ))
        .with_loan(
            DemoLoan::new("Winter Bees", "Sand, Leo", day(today, 8))
                .with_subtitle("a keeper's notes")
                .renewed(2)
                .not_renewable(""),
        )
        .with_hold(DemoHold::ready(
            "A Map of Rain",
            "Fell, Ida",
            "Oak Park",
            Some(day(today, 3)),
        ))
        .with_hold(DemoHold::in_transit("Tin Roofs", "Moor, Kai", "Oak Park"))
        .with_hold(DemoHold::waiting("The Long Jetty", "", "Oak Park", 4, 12))
        .with_hold(DemoHold::suspended(
            "Ash and Alder",
            "Wold, Per",
            "Mill Street",
            Some(day(today, 40)),
        ));
    let tom = Patron::new("26000000000918", "7714", "Tom Calder").with_loan(DemoLoan::new(
        "Small Harbours",
        "Pell, Una",
        day(today, 5),
    ));
    Site::new(SystemKind::SymphonyWs, "Northgate Library", today)
        .with_patron(ines)
        .with_patron(tom)
}

/// The day `offset` days after `today`, or before it if negative.
fn day(today: NaiveDate, offset: i64) -> NaiveDate {
    let days = Days::new(offset.unsigned_abs());
    let moved = if offset < 0 {
        today.checked_sub_days(days)
    } else {
        today.checked_add_days(days)
    };
    moved.unwrap_or(today)
}

/// The card number of a generated patron: 14 digits.
#[must_use]
pub fn generated_number(patron: usize) -> String {
    format!("29{patron:012}")
}

/// The PIN of a generated patron: 4 digits.
#[must_use]
pub fn generated_pin(patron: usize) -> String {
    format!("{:04}", (patron % 10_000 * 7919 + 1234) % 10_000)
}

const FIRST_NAMES: [&str; 8] = ["Ada", "Bela", "Cleo", "Dov", "Edda", "Faro", "Gita", "Hugo"];
const LAST_NAMES: [&str; 7] = [
    "Ambler", "Birch", "Cole", "Dunmore", "Eaves", "Finch", "Gale",
];
const ADJECTIVES: [&str; 9] = [
    "Silent",
    "Borrowed",
    "Crooked",
    "Distant",
    "Everlasting",
    "Forgotten",
    "Golden",
    "Hidden",
    "Idle",
];
const NOUNS: [&str; 11] = [
    "Harbour",
    "Orchard",
    "Lantern",
    "Staircase",
    "Compass",
    "Garden",
    "Letter",
    "Mountain",
    "Piano",
    "River",
    "Window",
];

impl Site {
    /// A library with generated patrons, loans and holds, always the same for the same arguments.
    ///
    /// Numbers and PINs are [`generated_number`] and [`generated_pin`]. Due dates are between 2 days ago and 27 days
    /// ahead, and holds have all four states.
    #[must_use]
    pub fn generated(
        system: SystemKind,
        patrons: usize,
        loans_each: usize,
        holds_each: usize,
        today: NaiveDate,
    ) -> Self {
        let mut site = Self::new(system, "Generated Public Library", today);
        for number in 0..patrons {
            let name = format!(
                "{} {}",
                pick(&FIRST_NAMES, number),
                pick(&LAST_NAMES, number)
            );
            let mut patron = Patron::new(&generated_number(number), &generated_pin(number), &name)
                .with_card_expires(day(today, 365));
            for index in 0..loans_each {
                patron.loans.push(generated_loan(number, index, today));
            }
            for index in 0..holds_each {
                patron.holds.push(generated_hold(&site, number, index));
            }
            site.patrons.push(patron);
        }
        site
    }
}

fn pick<'a>(words: &[&'a str], number: usize) -> &'a str {
    words
        .iter()
        .cycle()
        .nth(number % words.len().max(1))
        .copied()
        .unwrap_or_default()
}

/// A title and author that are unique for a patron.
fn generated_work(patron: usize, index: usize) -> (String, String) {
    let seed = patron.wrapping_mul(31).wrapping_add(index);
    let title = format!(
        "The {} {}, part {}",
        pick(&ADJECTIVES, seed),
        pick(&NOUNS, seed / 3),
        index + 1
    );
    let author = format!(
        "{}, {}",
        pick(&LAST_NAMES, seed / 2),
        pick(&FIRST_NAMES, seed / 5)
    );
    (title, author)
}

/// A unique item number.
fn generated_id(patron: usize, index: usize) -> u64 {
    (patron as u64 + 1) * 10_000 + index as u64
}

fn generated_loan(patron: usize, index: usize, today: NaiveDate) -> DemoLoan {
    let (title, author) = generated_work(patron, index);
    let spread = number_of(&title, &patron.to_string()) % 30;
    let offset = i64::try_from(spread).unwrap_or(0) - 2;
    let mut loan = DemoLoan::new(&title, &author, day(today, offset));
    loan.id = generated_id(patron, index);
    loan.renewals = u32::try_from(index % 4).unwrap_or(0);
    if index % 7 == 6 {
        loan = loan.not_renewable("Someone else is waiting for this.");
    }
    loan
}

fn generated_hold(site: &Site, patron: usize, index: usize) -> DemoHold {
    let (title, author) = generated_work(patron, index + 5000);
    let branch = site.branches.first().map_or("Mill Street", String::as_str);
    let today = site.today;
    let mut hold = match index % 4 {
        0 => DemoHold::ready(&title, &author, branch, Some(day(today, 5))),
        1 => DemoHold::in_transit(&title, &author, branch),
        2 => DemoHold::waiting(&title, &author, branch, 9, 83),
        _ => DemoHold::suspended(&title, &author, branch, Some(day(today, 30))),
    };
    hold.id = generated_id(patron, index + 5000);
    hold
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).unwrap()
    }

    #[test]
    fn generated_sites_are_stable_with_unique_items() {
        let make = || Site::generated(SystemKind::Sierra, 20, 80, 12, today());
        let site = make();
        assert_eq!(site.patrons, make().patrons);
        assert_eq!(site.patrons[7].number, generated_number(7));
        let ids: HashSet<u64> = site
            .patrons
            .iter()
            .flat_map(|patron| {
                let loans = patron.loans.iter().map(|loan| loan.id);
                loans.chain(patron.holds.iter().map(|hold| hold.id))
            })
            .collect();
        assert_eq!(ids.len(), 20 * 92);
        let titles: HashSet<_> = site.patrons[0]
            .loans
            .iter()
            .map(|loan| &loan.title)
            .collect();
        assert_eq!(titles.len(), 80);
    }

    #[test]
    fn demo_families_have_every_urgency() {
        let sites = family_sites(today());
        let loans: Vec<_> = sites
            .iter()
            .flat_map(|site| &site.patrons)
            .flat_map(|patron| &patron.loans)
            .collect();
        assert!(loans.iter().any(|loan| loan.due < today()));
        assert!(loans.iter().any(|loan| loan.due == today()));
        assert!(
            loans
                .iter()
                .any(|loan| loan.due == day(today(), 2) && !loan.renewable)
        );
        assert_eq!(
            sites.each_ref().map(|site| site.system),
            SystemKind::ALL[..4]
        );
    }
}
