use chrono_tz::Tz;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::VuFind;
use crate::offline::OfflineReader as _;

fn read(body: &str) -> Result<Account, Failure> {
    let base_url = Url::parse("https://books.test/").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%d.%m.%Y"),
        timezone: Tz::Europe__Berlin,
        card_number: None,
    };
    let page = SavedPage {
        name: "page".to_owned(),
        body: body.to_owned(),
    };
    VuFind.read(&[page], &context)
}

fn page(template: &str, content: &str, menu: &str) -> String {
    format!(
        "<body class=template-name-{template}><div id=content>{content}<div class=sidebar><div class=list-group>\
         <a class=list-group-item>{menu}</a><a href=/MyResearch/Logout>x</a></div></div></div></body>"
    )
}

#[test]
fn rows_of_both_layouts_are_read() {
    let rows = "<div id=recordX.1 class=result><input type=checkbox name='renewSelectedIDS[]' value=77>\
                <a class=title href=/Record/X.1>Nebel : Roman</a><br>by: <a href='/Author/Home?a=1'>Moor, Ada</a><br>\
                <span class=format>Roman</span><br><strong>Renewed:</strong> 1 / 2<br><strong>Due date: 20.02.2026</strong></div>\
                <div id=record class='row result'><div><strong>Bis morgen</strong> [Moor, Bo ]<br><strong>Medientyp :</strong> eBook,\
                <strong>Bis 21.02.2026</strong></div></div>";
    let account = read(&page("checkedout", rows, "Ausgeliehene Medien : 2")).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(
        (loans[0].id.as_str(), loans[0].title.as_str()),
        ("77", "Nebel : Roman")
    );
    assert_eq!(
        (loans[0].renewals, loans[0].renewable),
        (Some(1), Some(true))
    );
    assert_eq!(loans[1].title, "Bis morgen");
    assert_eq!(loans[1].author.as_deref(), Some("Moor, Bo"));
    assert_eq!(loans[1].due, Some("2026-02-21".parse().unwrap()));
    assert_eq!((loans[0].digital, loans[1].digital), (false, true));
}

#[rstest]
#[case("Verl&auml;ngerbar bis 01.02.2026<br>Leihfristende: 20.02.2026")]
#[case("Bis 01.02.2026 ausgestellt<br>F&auml;llig am 20.02.2026")]
#[case("Verl&auml;ngert bis 01.02.2026<br>Bis 20.02.2026")]
#[case("Due date: February 20, 2026")]
fn due_date_is_behind_its_own_label(#[case] lines: &str) {
    let row = format!("<div class=result><a class=title>Tau</a><br>{lines}</div>");
    let account = read(&page("checkedout", &row, "x")).unwrap();
    let due = account.loans.unwrap()[0].due;
    assert_eq!(due, Some("2026-02-20".parse().unwrap()));
}

#[rstest]
#[case("Available for pickup until 09.03.2026", HoldState::Ready)]
#[case("In transit to pickup location", HoldState::InTransit)]
#[case("Queue position: 3", HoldState::Waiting)]
#[case("Vorgemerkt", HoldState::Waiting)]
#[case("Wir melden uns", HoldState::Other)]
fn hold_has_the_state_of_its_words(#[case] words: &str, #[case] state: HoldState) {
    let row = format!(
        "<div class=result><a class=title>Tau</a><br><strong>Pickup location:</strong> S&uuml;d<br>{words}<br>\
         Created: 01.02.2026 | Expires: 05.06.2026</div>"
    );
    let account = read(&page("holds", &row, "Holds : 1")).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!(
        (hold.state, hold.pickup_branch.as_deref()),
        (state, Some("Süd"))
    );
    assert_eq!(hold.expires, Some("2026-06-05".parse().unwrap()));
    assert_eq!(hold.position, words.contains("position: 3").then_some(3));
}

#[rstest]
#[case("checkedout", "You do not have any items checked out")]
#[case("checkedout", "Sie haben zur Zeit keine Medien ausgeliehen")]
#[case("holds", "You do not have any holds or recalls placed")]
#[case("holds", "Sie haben keine Vormerkungen")]
fn empty_list_is_said_in_its_place(#[case] template: &str, #[case] words: &str) {
    let account = read(&page(template, words, "x")).unwrap();
    assert_eq!(account.loans.is_some(), template == "checkedout");
    assert_eq!(account.holds.is_some(), template == "holds");
}

#[rstest]
#[case::no_word(page("checkedout", "", "x"))]
#[case::words_beside_an_entry(page(
    "checkedout",
    "<p>You do not have any items checked out</p><div class=entry><a href='/Record/9'>Tau</a></div>",
    "x"
))]
#[case::words_of_another_sentence(page("holds", "No holds can be placed on new items.", "x"))]
#[case::other_count(page(
    "checkedout",
    "<div class=result><a class=title>Tau</a><br>Bis 20.02.2026</div>",
    "Ausgeliehene Medien : 2"
))]
#[case::no_due_date(page("checkedout", "<div class=result><a class=title>Tau</a></div>", "x"))]
#[case::breaks_off("<body class=template-name-checkedout><div id=content><div class=result><a class=title>T</a><br>Bis 20.02.2026</div>".to_owned())]
fn list_that_cannot_be_trusted_is_a_changed_page(#[case] page: String) {
    let failure = read(&page).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}
