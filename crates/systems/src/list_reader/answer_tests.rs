//! The rules of lists that come as answers to a script, on an invented one.

use std::sync::LazyLock;

use hippo_browser::ReadContext;
use hippo_browser::reading::Css;
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use serde_json::json;
use url::Url;

use super::account::{join_parts, read_page};
use super::*;

static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("form"),
    messages: Css::new(".error"),
    ..LoginDescription::default()
});

static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    fragments: &["content"],
    account_marker: Css::new("main, table, ul"),
    error_page_marker: Css::new("#system-error"),
    loans: vec![ListDescription {
        entry_rows: Some(Css::new("tr.entry")),
        columns: vec![
            Column::part_at(Field::Title, "b", Part::Without(Css::new("small"))),
            Column::part_at(Field::Id, "b", Part::Attribute("id")),
            Column::at(Field::Due, "i"),
            Column::at_visible(Field::NotRenewable, ".why"),
            Column::in_headers(Field::Format, "th.due", Part::Text),
            Column::at(Field::Renewals, "u"),
            Column::part_at(Field::RemainingRenewals, "u", Part::After(&["of"])),
            Column::in_headers(Field::RemainingRenewals, "s", Part::After(&["left"])),
        ],
        takes_first_date: true,
        needed: &[Field::Title, Field::Due],
        none: &["nothing out"],
        empty_with: Some(Css::new("th.due")),
        blank_page: Some(BlankPage {
            entry: Css::new("b"),
            elsewhere: Css::new("aside"),
        }),
        ..ListDescription::table()
    }],
    holds: vec![ListDescription {
        list: Css::new("ul"),
        rows: Css::new("li"),
        columns: vec![Column::at(Field::Title, "b"), Column::at(Field::State, "i")],
        needed: &[Field::Title],
        states: &[
            (HoldState::Ready, &["ready"]),
            (HoldState::Waiting, &["in"]),
        ],
        states_begin: true,
        ..ListDescription::table()
    }],
    loan_counts: vec![Count(vec![Fact::beside(&["items out"])])],
    ..AccountDescription::default()
});

fn read_part(body: &str) -> Result<AccountPart, Failure> {
    let context = ReadContext {
        base_url: &Url::parse("https://books.test/").unwrap(),
        date_format: Some("%d.%m.%Y"),
        timezone: chrono_tz::UTC,
        card_number: None,
    };
    read_page(&ACCOUNT, &LOGIN, body, &context)
}

fn join(parts: Vec<AccountPart>) -> Result<Account, Failure> {
    join_parts(&ACCOUNT, parts, Account::unknown("koha".parse().unwrap()))
}

/// Reads the answer with this HTML.
fn read(html: &str) -> Result<Account, Failure> {
    let answer = json!({ "content": html, "script": "<form></form>" });
    join(vec![read_part(&answer.to_string())?])
}

fn table(rows: &str) -> String {
    format!("<table><tr><th>Work<th class=due>Due</tr>{rows}</table>")
}

const ROW: &str =
    "<tr class=entry><td><b id=work-7>Tides <small>New</small></b><td><i>20.02.2026</i></tr>";

#[test]
fn entry_of_an_answer_is_read() {
    let account = read(&table(ROW)).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!((loan.title.as_str(), loan.id.as_str()), ("Tides", "work-7"));
    assert_eq!(loan.format.as_deref(), Some("Due"), "from the header");
    assert_eq!((loan.renewable, account.holds), (None, None));
}

#[rstest]
#[case::made("", "2", Some(2))]
#[case::remaining_by_the_cell("", "2 of 3", None)]
#[case::remaining_by_a_header("<tr><th><th>Renewals <s>left now</s></tr>", "2", None)]
#[case::other_header("<tr><th><th>Renewals <s>now</s></tr>", "2", Some(2))]
fn remaining_renewals_are_not_those_that_were_made(
    #[case] headers: &str,
    #[case] count: &str,
    #[case] expected: Option<u32>,
) {
    let row = ROW.replace("<td><i>", &format!("<td><u>{count}</u><i>"));
    let account = read(&table(&format!("{headers}{row}"))).unwrap();
    assert_eq!(account.loans.unwrap()[0].renewals, expected);
}

#[test]
fn other_row_without_words_is_skipped() {
    let rows = format!("<tr></tr>{ROW}<tr><td><td></tr>");
    assert_eq!(read(&table(&rows)).unwrap().loans.unwrap().len(), 1);
}

#[rstest]
#[case("20.02.2026 - 22.02.2026")]
#[case("20.02.2026 (was 11.02.2026)")]
fn first_date_may_count(#[case] due: &str) {
    let account = read(&table(&ROW.replace("20.02.2026", due))).unwrap();
    let due = account.loans.unwrap()[0].due;
    assert_eq!(due, Some("2026-02-20".parse().unwrap()));
}

#[rstest]
#[case("class=why", Some(false))]
#[case("class=why hidden", None)]
fn hidden_part_of_a_row_says_nothing(#[case] attributes: &str, #[case] renewable: Option<bool>) {
    let mark = format!("<p {attributes}>Asked for</p><td><i>");
    let account = read(&table(&ROW.replace("<td><i>", &mark))).unwrap();
    assert_eq!(account.loans.unwrap()[0].renewable, renewable);
}

#[rstest]
#[case::header_alone(table(""))]
#[case::sentence("<main><p>Nothing out.</p></main>".to_owned())]
#[case::sentence_alone("<p>There is:</p><p>Currently nothing out!</p>".to_owned())]
#[case::total_of_zero("<main><p>Items out: 0</p></main>".to_owned())]
#[case::sentence_in_a_row(table("<tr><td colspan=2>Nothing out.</tr>"))]
fn answer_without_entries_says_that_there_are_none(#[case] html: String) {
    assert_eq!(read(&html).unwrap().loans, Some(vec![]));
}

#[rstest]
#[case("<main><p>Nothing out of the ordinary</p></main>")]
#[case("<main><aside><p>Nothing out.</p></aside></main>")]
#[case("<main><p>Nothing out.</p><b>Tides</b></main>")]
#[case("<main><p>Items out: 0</p><b>Tides</b></main>")]
fn other_answer_says_nothing_of_the_list(#[case] html: &str) {
    assert_eq!(read(html).unwrap().loans, None);
}

#[rstest]
#[case::no_known_header("<table></table>".to_owned())]
#[case::total(format!("<p>Items out: 2</p>{}", table(ROW)))]
#[case::entry_without_cells(table("<tr class=entry></tr>"))]
#[case::entry_of_headers(table("<tr class=entry><th>Tides</th></tr>"))]
#[case::words_in_two_cells(table("<tr><td><b>Tides</b><td><i>20.02.2026</i></tr>"))]
#[case::number_in_a_row(table("<tr><td colspan=2>0</tr>"))]
#[case::words_in_a_row(table("<tr><td colspan=2>Nothing out for long</tr>"))]
#[case::neither("<p>Welcome</p>".to_owned())]
fn answer_that_cannot_be_trusted_is_a_changed_page(#[case] html: String) {
    let failure = read(&html).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[rstest]
#[case::broken(r#"{"content":"<p id=system-error>Sorry</p>"}"#, FailureKind::SiteDown)]
#[case::cut_short(r#"{"content":"<main>"#, FailureKind::PageChanged)]
#[case::redirect(
    r#"{"redirect":"/login","content":"<main></main>"}"#,
    FailureKind::PageChanged
)]
fn answer_without_a_list_has_its_failure(#[case] body: &str, #[case] kind: FailureKind) {
    assert_eq!(read_part(body).unwrap_err().kind, kind);
}

#[rstest]
#[case("Ready", HoldState::Ready)]
#[case("in the queue", HoldState::Waiting)]
#[case("Ready soon", HoldState::Other)]
#[case("Never ready", HoldState::Other)]
fn state_may_have_to_begin_its_text(#[case] words: &str, #[case] state: HoldState) {
    let account = read(&format!("<ul><li><b>Fog</b> <i>{words}</i></li></ul>")).unwrap();
    assert_eq!(account.holds.unwrap()[0].state, state);
}

#[test]
fn lists_of_a_page_can_be_left_out() {
    let html = format!(
        "<p>Items out: 1</p>{}<ul><li><b>Fog</b></li></ul>",
        table(ROW)
    );
    let part = || read_part(&html).unwrap();
    let lists = |part| {
        let account = join(vec![part]).unwrap();
        (
            account.loans.is_some(),
            account.declared.loans,
            account.holds.is_some(),
        )
    };
    assert_eq!(lists(part()), (true, Some(1), true));
    assert_eq!(lists(part().without_loans()), (false, None, true));
    assert_eq!(lists(part().without_holds()), (true, Some(1), false));
    assert_eq!(lists(part().without_lists()), (false, Some(1), false));
}
