//! Many patrons of one library are checked at once; none sees another's account.

use hippo_browser::BrowserOptions;
use hippo_browser::test_site::Permit;

use crate::demo::{start, today};
use futures::StreamExt as _;
use hippo_core::card::CardSecret;
use hippo_core::failure::Failure;
use hippo_core::site::LibrarySite as _;
use hippo_demo_library::{DemoHold, DemoLoan, Patron, Site, SystemKind};
use hippo_systems::Sites;
use rstest::rstest;

/// 10,000 checks over all systems.
const CHECKS_PER_SYSTEM: usize = 10_000_usize.div_ceil(SystemKind::ALL.len());

const PATRONS: usize = 12;

/// How many checks run at once; the limit of two requests applies to them together.
const CONCURRENT_CHECKS: usize = 16;

fn number(patron: usize) -> String {
    format!("2200000000{patron:04}")
}

fn pin(patron: usize) -> String {
    format!("{:04}", 1000 + patron * 7)
}

/// Builds a patron whose lines all name the owner, with a different number of loans each.
fn patron(patron: usize) -> Patron {
    let mut somebody = Patron::new(&number(patron), &pin(patron), &format!("Reader {patron}"));
    for loan in 0..=patron % 4 {
        let title = format!("Loan {loan} of reader {patron}");
        somebody = somebody.with_loan(DemoLoan::new(&title, "Stone, Ada", today()));
    }
    let title = format!("Wish of reader {patron}");
    somebody.with_hold(DemoHold::waiting(&title, "Ash, Pip", "Oak Park", 1, 2))
}

#[rstest]
#[tokio::test]
async fn patrons_checked_at_once_see_their_own_accounts(#[values(0, 1, 2, 3)] system: usize) {
    let kind = SystemKind::ALL[system];
    let site = (0..PATRONS).fold(Site::new(kind, "Harbour Library", today()), |site, who| {
        site.with_patron(patron(who))
    });
    let (demo, library) = start(site).await;
    let sites = Sites::new(BrowserOptions::default()).unwrap();
    let (sites, library) = (&sites, &library);
    let checks = futures::stream::iter(0..CHECKS_PER_SYSTEM).map(|check| async move {
        // Vary which patrons are checked at the same time.
        let who = (check * 5 + check / PATRONS) % PATRONS;
        let secret = CardSecret {
            number: number(who).into(),
            pin: pin(who).into(),
        };
        let outcome = sites.check(library, &secret, &Permit::default()).await;
        (who, outcome.map_err(Failure::from))
    });
    let mut checks = checks.buffer_unordered(CONCURRENT_CHECKS);
    let mut done = 0;
    while let Some((who, outcome)) = checks.next().await {
        let account = outcome.unwrap_or_else(|failure| panic!("{}: {failure}", kind.id()));
        let mut titles: Vec<String> = account
            .loans
            .unwrap()
            .into_iter()
            .map(|loan| loan.title)
            .collect();
        titles.sort();
        let own: Vec<String> = (0..=who % 4)
            .map(|loan| format!("Loan {loan} of reader {who}"))
            .collect();
        assert_eq!(titles, own, "{}", kind.id());
        let wishes: Vec<String> = account
            .holds
            .unwrap()
            .into_iter()
            .map(|hold| hold.title)
            .collect();
        assert_eq!(wishes, [format!("Wish of reader {who}")], "{}", kind.id());
        done += 1;
    }
    assert_eq!(done, CHECKS_PER_SYSTEM);
    assert_eq!(demo.logins(), CHECKS_PER_SYSTEM);
    assert_eq!(demo.open_sessions(), 0, "a session was left open");
    assert_eq!(demo.violations().len(), 0);
}
