//! `koha`, on recorded pages of a real server and against the demo library.

use hippo_browser::BrowserOptions;
use hippo_browser::test_site::TestLoginPermit;

use crate::library_pages;
use std::sync::Arc;

use crate::demo::{check, failure_kind, has_logged_out, start, today};
use crate::recording::{read_recording, recording_profile};
use hippo_core::account::HoldState;
use hippo_core::card::CardSecret;
use hippo_core::failure::FailureKind;
use hippo_core::site::LibrarySite as _;
use hippo_demo_library::{
    DemoHold, DemoLoan, Fault, Generation, Patron, Rule, Site, SystemKind, generated_number,
    generated_pin,
};
use hippo_recording::Recorder;
use hippo_systems::Sites;
use rstest::rstest;

#[test]
fn recorded_pages_are_read_as_expected() {
    let cases = library_pages::check_all("koha");
    assert!(cases == 0 || cases >= 5, "only {cases} cases");
}

const NUMBER: &str = "25000000000007";
const PIN: &str = "4711";

/// A part of the path of the logout.
const LOGOUT_PATH: &str = "logout.x";

fn patron() -> Patron {
    let mut patron = Patron::new(NUMBER, PIN, "Jo Doe")
        .with_card_expires(today() + chrono::Days::new(20))
        .with_fines_cents(123_450)
        .with_loan(
            DemoLoan::new("Harbour & Hill [DVD]", "Stone, Ada.", today())
                .with_subtitle("a walk")
                .renewed(2),
        )
        .with_loan(
            DemoLoan::new("Knots", "", today() - chrono::Days::new(1))
                .not_renewable("somebody waits"),
        )
        .with_hold(DemoHold::ready(
            "Lamps",
            "Reed, Bo",
            "Oak Park",
            Some(today() + chrono::Days::new(5)),
        ))
        .with_hold(DemoHold::in_transit("Kites", "Ash, Pip", "Oak Park"))
        .with_hold(
            DemoHold::waiting("Fog", "Ash, Pip", "Oak Park", 9, 83)
                .with_expires(today() + chrono::Days::new(90)),
        )
        .with_hold(DemoHold::suspended(
            "Ice",
            "Ash, Pip",
            "Mill Street",
            Some(today() + chrono::Days::new(30)),
        ))
        .with_hold(DemoHold::suspended("Snow", "", "Mill Street", None));
    patron.messages.push("Bring the map back.".to_owned());
    patron
}

fn site(age: Generation) -> Site {
    Site::new(SystemKind::Koha, "Marsh Library", today())
        .with_generation(age)
        .with_patron(patron())
}

#[rstest]
#[tokio::test]
async fn account_is_read_and_the_session_ends(
    #[values(Generation::Older, Generation::Newer)] age: Generation,
    #[values(false, true)] is_translated: bool,
    #[values("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d", "%d %b %Y")] date_format: &str,
) {
    let mut site = site(age);
    site.date_format = date_format.to_owned();
    let (demo, mut library) = start(site).await;
    demo.switches().set_translated(is_translated);
    if date_format != "%d %b %Y" {
        // The page states its date format, which overrides the library's entry.
        library.date_format = Some("%Y, day %j".to_owned());
    }
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(demo.logins(), 1);
    assert!(has_logged_out(&demo, LOGOUT_PATH));
    assert_eq!(account.fines, Some("1234.50".parse().unwrap()));
    assert_eq!(account.card_expires, Some("2026-12-11".parse().unwrap()));
    assert_eq!(
        (account.declared.loans, account.declared.holds),
        (Some(2), Some(5))
    );
    assert_eq!(account.messages.len(), 2, "{:?}", account.messages);
    assert_eq!(account.messages[0], "Bring the map back.");

    let loans = account.loans.unwrap();
    assert_eq!(loans[0].title, "Harbour & Hill [DVD]: a walk");
    assert_eq!(loans[0].author.as_deref(), Some("Stone, Ada."));
    assert_eq!(
        (loans[0].due, loans[0].renewable),
        (Some(today()), Some(true))
    );
    assert!(
        loans[0]
            .url
            .as_ref()
            .unwrap()
            .contains("opac-detail.pl?biblionumber=")
    );
    assert_eq!(loans[1].author, None);
    assert_eq!(loans[1].renewable, Some(false));
    assert!(
        loans[1]
            .renewable_reason
            .as_ref()
            .unwrap()
            .contains("(somebody waits)")
    );

    let holds = account.holds.unwrap();
    let states: Vec<HoldState> = holds.iter().map(|hold| hold.state).collect();
    let expected = [
        HoldState::Ready,
        HoldState::InTransit,
        HoldState::Waiting,
        HoldState::Suspended,
        HoldState::Suspended,
    ];
    assert_eq!(states, expected);
    assert_eq!(holds[0].pickup_by, Some("2026-11-26".parse().unwrap()));
    assert_eq!(holds[0].pickup_branch.as_deref(), Some("Oak Park"));
    assert_eq!(holds[1].expires, None);
    assert_eq!(holds[2].expires, Some("2027-02-19".parse().unwrap()));
    assert_eq!(holds[2].author.as_deref(), Some("Ash, Pip"));
    let position = (age == Generation::Newer).then_some(9);
    assert_eq!(holds[2].position, position);
    assert_eq!(
        holds[3].suspended_until,
        Some("2026-12-21".parse().unwrap())
    );
    assert_eq!(holds[4].suspended_until, None);
}

#[rstest]
#[tokio::test]
async fn hidden_columns_are_unknown(
    #[values(Generation::Older, Generation::Newer)] age: Generation,
) {
    let (demo, library) = start(site(age)).await;
    demo.switches().set_hides_columns(true);
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(account.fines, None);
    for loan in account.loans.unwrap() {
        assert_eq!((loan.renewable, loan.renewable_reason), (None, None));
    }
}

#[rstest]
#[tokio::test]
async fn credit_is_negative(
    #[values(Generation::Older, Generation::Newer)] age: Generation,
    #[values(false, true)] is_translated: bool,
) {
    let mut site = site(age);
    site.patrons[0].fines_cents = -500;
    let (demo, library) = start(site).await;
    demo.switches().set_translated(is_translated);
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(account.fines, Some("-5.00".parse().unwrap()));
}

#[rstest]
#[tokio::test]
async fn expired_card_is_read_with_its_message(
    #[values(Generation::Older, Generation::Newer)] age: Generation,
) {
    let mut site = site(age);
    site.patrons[0].card_expires = Some(today() - chrono::Days::new(40));
    site.patrons[0].blocked = Some("too many maps are missing".to_owned());
    let (demo, library) = start(site).await;
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(account.card_expires, Some("2026-10-12".parse().unwrap()));
    assert_eq!(account.loans.unwrap().len(), 2);
    assert_eq!(account.messages.len(), 3);
    assert!(account.messages[2].contains("too many maps are missing"));
}

#[rstest]
#[tokio::test]
async fn fee_or_automatic_renewal_is_a_note_and_no_reason(
    #[values(Generation::Older, Generation::Newer)] age: Generation,
    #[values(false, true)] is_translated: bool,
    #[values(false, true)] is_blocked: bool,
) {
    let film = DemoLoan::new("A walk by the harbour", "", today()).of_format("DVD");
    let automatic = DemoLoan::new("Tides", "", today()).auto_renewed();
    let mut patron = Patron::new(NUMBER, PIN, "Jo Doe")
        .with_loan(film)
        .with_loan(automatic);
    patron.blocked = is_blocked.then(|| "too many maps are missing".to_owned());
    let site = Site::new(SystemKind::Koha, "Marsh Library", today())
        .with_generation(age)
        .with_patron(patron);
    let (demo, library) = start(site).await;
    demo.switches().set_translated(is_translated);
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(
        (loans[0].renewable, loans[0].renewable_reason.as_deref()),
        (Some(!is_blocked), None)
    );
    let note = loans[0].note.as_deref().unwrap();
    assert_eq!(
        note.matches(['.', ',']).count(),
        1,
        "expected one amount: {note}"
    );
    assert_eq!(
        (loans[1].renewable, loans[1].renewable_reason.as_deref()),
        (None, None)
    );
    let note = loans[1].note.as_deref().unwrap();
    assert!(note.ends_with('.'), "{note}");
}

#[rstest]
#[tokio::test]
async fn wrong_pin_is_sent_once(
    #[values(Generation::Older, Generation::Newer)] age: Generation,
    #[values(false, true)] is_silent: bool,
) {
    let (demo, library) = start(site(age)).await;
    demo.switches().set_refuses_silently(is_silent);
    let outcome = check(&demo, &library, NUMBER, "0000").await;
    assert_eq!(failure_kind(&outcome), FailureKind::WrongCredentials);
    assert!(!outcome.unwrap_err().login_in_doubt);
    assert_eq!(demo.login_attempts(NUMBER), 1);
}

#[rstest]
#[tokio::test]
async fn all_80_loans_and_40_holds_are_read(
    #[values(Generation::Older, Generation::Newer)] age: Generation,
) {
    let site = Site::generated(SystemKind::Koha, 1, 80, 40, today()).with_generation(age);
    let (demo, library) = start(site).await;
    let account = check(&demo, &library, &generated_number(0), &generated_pin(0))
        .await
        .unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans.len(), 80, "an overdue loan is listed once");
    assert!(loans.iter().any(|loan| loan.due < Some(today())));
    assert_eq!(account.holds.unwrap().len(), 40);
}

#[rstest]
#[case::nothing(Patron::new(NUMBER, PIN, "Jo Doe"), 0, 0)]
#[case::loans(
    Patron::new(NUMBER, PIN, "Jo Doe").with_loan(DemoLoan::new("Knots", "", today())), 1, 0)]
#[case::holds(
    Patron::new(NUMBER, PIN, "Jo Doe").with_hold(DemoHold::in_transit("Kites", "", "Oak Park")), 0, 1)]
#[tokio::test]
async fn missing_list_is_empty(
    #[case] patron: Patron,
    #[case] loans: usize,
    #[case] holds: usize,
    #[values(Generation::Older, Generation::Newer)] age: Generation,
) {
    let site = Site::new(SystemKind::Koha, "Marsh Library", today())
        .with_generation(age)
        .with_patron(patron);
    let (demo, library) = start(site).await;
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(account.loans.unwrap().len(), loans);
    assert_eq!(account.holds.unwrap().len(), holds);
}

#[rstest]
#[case::counts(Fault::WrongCounts, FailureKind::PageChanged)]
#[case::layout(Fault::ChangedLayout, FailureKind::PageChanged)]
#[case::half(Fault::HalfPage, FailureKind::PageChanged)]
#[case::empty(Fault::EmptyBody, FailureKind::PageChanged)]
#[case::down(Fault::Down { retry_after: None }, FailureKind::SiteDown)]
#[case::maintenance(Fault::Maintenance, FailureKind::SiteDown)]
#[case::refused(Fault::Refuse { retry_after: Some(60) }, FailureKind::SiteRefused)]
#[tokio::test]
async fn fault_gives_its_failure_kind_and_ends_the_session(
    #[case] fault: Fault,
    #[case] expected: FailureKind,
    #[values(Generation::Older, Generation::Newer)] age: Generation,
    #[values(false, true)] is_empty: bool,
) {
    let mut site = site(age);
    if is_empty {
        site.patrons[0] = Patron::new(NUMBER, PIN, "Jo Doe");
    }
    let (demo, library) = start(site).await;
    let rule = Rule::new(fault.clone()).only_for_path("opac-user.pl");
    demo.switches().add(rule.clone().only_for_patrons());
    if age == Generation::Older {
        // In older versions, the response to the login is the account.
        demo.switches().add(rule.only_for_method("POST"));
    }
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(failure_kind(&outcome), expected, "{fault:?} {outcome:?}");
    assert_eq!(demo.logins(), 1);
    assert!(has_logged_out(&demo, LOGOUT_PATH));
}

#[rstest]
#[tokio::test]
async fn recording_drops_parts_of_names_and_keeps_fines(
    #[values(Generation::Older, Generation::Newer)] age: Generation,
    #[values(false, true)] is_translated: bool,
) {
    let mut site = site(age);
    site.patrons[0].name = "Mahnke Finegold".to_owned();
    site.patrons[0].messages = vec!["Ask Mr. Mahnke, or Ms. Feeney.".to_owned()];
    let (demo, library) = start(site).await;
    demo.switches().set_translated(is_translated);
    let recorder = Arc::new(Recorder::default());
    let sites = Sites::new(BrowserOptions {
        observer: Some(recorder.clone()),
        ..BrowserOptions::default()
    })
    .unwrap();
    let secret = CardSecret {
        number: NUMBER.to_owned().into(),
        pin: PIN.to_owned().into(),
    };
    let account = sites
        .check(&library, &secret, &TestLoginPermit::default())
        .await
        .unwrap();
    let recording = recorder
        .finish(&recording_profile("koha"), &library, today())
        .unwrap();
    let text = serde_json::to_string(&recording.har).unwrap();
    for name in ["Mahn", "Finegol", "Feen"] {
        assert!(!text.contains(name), "{name}");
    }
    for prefix in text.match_indices("Fine").chain(text.match_indices("Fee")) {
        let word: String = text[prefix.0..]
            .chars()
            .take_while(|c| c.is_alphabetic())
            .collect();
        assert_eq!(word, prefix.1, "the start of a name was kept");
    }
    let recorded = recording.har.log.library.clone().unwrap();
    let url = recorded.base_url.parse().unwrap();
    let reread = read_recording("koha", &recording.har, &recorded.context(&url)).unwrap();
    assert_eq!(reread.fines, account.fines);
}

#[tokio::test]
async fn catalogue_url_leads_to_the_account() {
    let (demo, mut library) = start(site(Generation::Newer)).await;
    for copied in [
        "/cgi-bin/koha/opac-main.pl",
        "/cgi-bin/koha/opac-search.pl?q=x#y",
    ] {
        library.base_url = format!("{}{copied}", demo.base_url()).parse().unwrap();
        check(&demo, &library, NUMBER, PIN).await.unwrap();
    }
}
