//! Many patrons of one library are checked at once; none sees another's account.

use hippo_browser::BrowserOptions;
use hippo_browser::test_site::TestLoginPermit;

use crate::demo::{start, today};
use futures::StreamExt as _;
use hippo_core::card::CardSecret;
use hippo_core::failure::Failure;
use hippo_core::site::LibrarySite as _;
use hippo_demo_library::{
    DemoHold, DemoLoan, EVERY_SITE, Generation, Patron, Site, SystemKind, test_every_site,
};
use hippo_systems::Sites;

/// 10,000 checks over all kinds of site.
const CHECKS_PER_SITE: usize = 10_000_usize.div_ceil(EVERY_SITE.len());

const PATRONS: usize = 12;

/// How many checks run at once; the limit of two requests applies to them together.
const CONCURRENT_CHECKS: usize = 16;

fn card_number(index: usize) -> String {
    format!("2200000000{index:04}")
}

fn card_pin(index: usize) -> String {
    format!("{:04}", 1000 + index * 7)
}

/// Builds a patron whose lines all name the owner, with a different number of loans each.
fn build_patron(index: usize) -> Patron {
    let name = format!("Reader {index}");
    let mut patron = Patron::new(&card_number(index), &card_pin(index), &name);
    for loan in 0..=index % 4 {
        let title = format!("Loan {loan} of reader {index}");
        patron = patron.with_loan(DemoLoan::new(&title, "Stone, Ada", today()));
    }
    let title = format!("Wish of reader {index}");
    patron.with_hold(DemoHold::waiting(&title, "Ash, Pip", "Oak Park", 1, 2))
}

test_every_site!(patrons_checked_at_once_see_their_own_accounts);

async fn patrons_checked_at_once_see_their_own_accounts(kind: SystemKind, generation: Generation) {
    let site = Site::new(kind, "Harbour Library", today()).with_generation(generation);
    let site = (0..PATRONS).fold(site, |site, index| site.with_patron(build_patron(index)));
    let (demo, library) = start(site).await;
    let sites = Sites::new(BrowserOptions::default()).unwrap();
    let (sites, library) = (&sites, &library);
    let checks = futures::stream::iter(0..CHECKS_PER_SITE).map(|check| async move {
        // Varies which patrons are checked at the same time.
        let index = (check * 5 + check / PATRONS) % PATRONS;
        let secret = CardSecret {
            number: card_number(index).into(),
            pin: card_pin(index).into(),
        };
        let outcome = sites
            .check(library, &secret, &TestLoginPermit::default())
            .await;
        (index, outcome.map_err(Failure::from))
    });
    let mut checks = checks.buffer_unordered(CONCURRENT_CHECKS);
    let mut done = 0;
    while let Some((index, outcome)) = checks.next().await {
        let account = outcome.unwrap_or_else(|failure| panic!("{}: {failure}", kind.id()));
        let mut titles: Vec<String> = account
            .loans
            .unwrap()
            .into_iter()
            .map(|loan| loan.title)
            .collect();
        titles.sort();
        let own: Vec<String> = (0..=index % 4)
            .map(|loan| format!("Loan {loan} of reader {index}"))
            .collect();
        assert_eq!(titles, own, "{}", kind.id());
        let wishes: Vec<String> = account
            .holds
            .unwrap()
            .into_iter()
            .map(|hold| hold.title)
            .collect();
        assert_eq!(wishes, [format!("Wish of reader {index}")], "{}", kind.id());
        done += 1;
    }
    assert_eq!(done, CHECKS_PER_SITE);
    assert_eq!(demo.logins(), CHECKS_PER_SITE);
    assert_eq!(demo.open_sessions(), 0, "a session was left open");
    assert_eq!(demo.violations().len(), 0);
}
