//! The rules of lists whose cells say what they are, and of pages that a function helps to read.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use hippo_browser::ReadContext;
use hippo_browser::reading::Css;
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::account::{join_parts, read_page};
use super::part::ListPart;
use super::*;

static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("form"),
    number: &["number"],
    pin: &["pin"],
    messages: Css::new("nav"),
    outages: &["closed"],
    ..LoginDescription::default()
});

static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    has_account: |root| {
        static PAGE: Css = Css::new("main, aside");
        PAGE.is_in(root)
    },
    has_end_tag: false,
    first_page_counts: true,
    loans: vec![ListDescription {
        list: Css::new("table.loans"),
        header_row: Some(Css::new(".head")),
        has_marked_headers: true,
        remarks: Some(Css::new("tr:not(.entry)")),
        columns: vec![
            Column::cell(Field::Title, ".title", &["title"], Part::Text),
            Column::cell(Field::Note, ".note", &["note"], Part::Text),
            Column::cell(Field::Other, ".stars", &[], Part::Text),
        ],
        needed: &[Field::Title],
        total_at: Some(Css::new("tr.total, caption")),
        none: &["nothing out"],
        none_rows: Some(Css::new("tr:has(hr)")),
        complete: |loan, _, _| {
            loan.renewals = Some(7);
            Ok(())
        },
        ..ListDescription::table()
    }],
    holds: vec![ListDescription {
        list: Css::new("ul"),
        rows: Css::new("li"),
        columns: vec![
            Column::at(Field::Title, "b"),
            Column::at(Field::State, "i"),
            Column::presence(Field::Suspended, "input"),
        ],
        needed: &[Field::Title],
        states: &[(HoldState::Ready, &["ready"])],
        ..ListDescription::table()
    }],
    hold_counts: vec![Count(vec![Fact::read("a", |link| {
        Some(link.attr("title")?.to_owned())
    })])],
    patrons: |root| {
        static PATRONS: Css = Css::new("[data-patron]");
        let patrons = PATRONS
            .all(root)
            .filter_map(|element| element.attr("data-patron"));
        patrons.map(str::to_owned).collect::<BTreeSet<String>>()
    },
    complete: |part, root, _| {
        static FREE: Css = Css::new("s");
        if FREE.is_in(root) {
            part.loans = ListPart::of_total(Vec::new());
            part.holds = ListPart::of_total(Vec::new());
        }
        Ok(())
    },
    ..AccountDescription::default()
});

fn read(pages: &[&str]) -> Result<Account, Failure> {
    let base_url = Url::parse("https://books.test/").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%d.%m.%Y"),
        timezone: chrono_tz::UTC,
        card_number: None,
    };
    let parts = pages
        .iter()
        .map(|page| read_page(&ACCOUNT, &LOGIN, page, &context))
        .collect::<Result<Vec<_>, _>>()?;
    join_parts(&ACCOUNT, parts, Account::unknown("koha".parse().unwrap()))
}

/// Reads a list of loans with these rows; returns each title and note.
fn titles(rows: &str) -> Result<Vec<(String, Option<String>)>, Failure> {
    let headers = "<tr class=head><td>No.<td>Title<td>Note</tr>";
    let account = read(&[&format!("<main><table class=loans>{headers}{rows}</table>")])?;
    let loans = account.loans.unwrap().into_iter();
    Ok(loans.map(|loan| (loan.title, loan.note)).collect())
}

#[rstest]
#[case::below_the_headers("<tr><td>1<td>Tides<td>Late")]
#[case::by_their_classes("<tr><td class=note>Late<td class=title>Tides<td>1")]
#[case::by_class_and_header("<tr><td>1<td class=title>Tides<td>Late")]
#[case::with_a_cell_more("<tr><td>1<td>Tides<td>Late<td>5 stars")]
#[case::with_a_cell_less("<tr><td class=title>Tides<td class=note>Late")]
#[case::row_of_th("<tr><th>1<th>Tides<th>Late")]
fn cells_are_found_by_class_or_header(#[case] row: &str) {
    let expected = vec![("Tides".to_owned(), Some("Late".to_owned()))];
    assert_eq!(titles(row).unwrap(), expected);
}

#[test]
fn cell_of_something_else_is_not_read_as_a_value() {
    let read = titles("<tr><td>1<td class=title>Tides<td class=stars>5 stars").unwrap();
    assert_eq!(read, [("Tides".to_owned(), None)]);
}

#[test]
fn cell_is_not_read_as_another_one_that_its_class_tells() {
    let read = titles("<tr><td class=title>Tides<td>1<td class=title>More").unwrap();
    assert_eq!(read, [("Tides".to_owned(), None)]);
}

#[rstest]
#[case::without_a_described_one("<tr><td class=title>Tides<td>1")]
#[case::without_classes("<tr><td>Tides<td>Late")]
#[case::wider_by_a_span("<tr><td>1<td colspan=2>Tides<td>Late")]
fn short_row_is_a_changed_page(#[case] row: &str) {
    assert_eq!(titles(row).unwrap_err().kind, FailureKind::PageChanged);
}

const ROW: &str = "<tr class=entry><td>1<td>Tides<td>Late</tr>";

#[rstest]
#[case::total("<tr class=total><th colspan=3>1 loan</tr>", true)]
#[case::other_total("<tr class=total><th colspan=3>2 loans</tr>", false)]
#[case::remark_beside_the_total("<caption>1</caption><tr><td colspan=3>Ask us</tr>", true)]
#[case::remark_alone("<tr><td colspan=3>Ask us</tr>", false)]
#[case::remark_with_a_date("<caption>1</caption><tr><td colspan=3>By 1.2.2027</tr>", false)]
#[case::remark_with_a_month(
    "<caption>1</caption><tr><td colspan=3>Fällig 4. März 2027</tr>",
    false
)]
#[case::remark_with_a_number("<caption>1</caption><tr><td colspan=3>Call 555-0100</tr>", true)]
#[case::marked_entry("<caption>1</caption><tr class=entry><td colspan=3>Fog</tr>", false)]
#[case::blank_row("<tr><td></tr>", true)]
#[case::blank_entry("<tr class=entry><td></tr>", false)]
#[case::row_without_cells("<tr></tr>", false)]
#[case::headers_again(
    "<tr class=head id=a><td id=b>Title</tr><tr class=head id=a><td id=b>Title</tr>",
    true
)]
fn remark_is_no_entry_beside_a_total_that_matches(#[case] more: &str, #[case] is_read: bool) {
    assert_eq!(titles(&format!("{more}{ROW}")).is_ok(), is_read);
}

#[rstest]
#[case::stated_by_a_mark("<tr><td><hr></tr>", true)]
#[case::total_of_zero("<caption>0 loans</caption>", true)]
#[case::unknown_words("<caption>0 loans</caption><tr><td>Ask us</tr>", false)]
#[case::nothing("", false)]
#[case::words("<tr><td colspan=3>Nothing out.</tr>", true)]
#[case::words_in_a_short_entry("<tr><td>1<td>Nothing out</tr>", false)]
#[case::mark_and_an_entry("<tr><td><hr></tr><tr class=entry><td>1<td>Tides<td>Late</tr>", false)]
fn marked_list_is_empty_only_if_the_page_says_so(#[case] rows: &str, #[case] is_read: bool) {
    assert_eq!(titles(rows).is_ok(), is_read);
}

#[test]
fn loan_without_a_column_for_its_date_is_completed() {
    let page = format!("<main><table class=loans>{ROW}</table>")
        .replace("<td>Tides", "<td class=title>Tides");
    let loan = read(&[&page]).unwrap().loans.unwrap().remove(0);
    assert_eq!((loan.due, loan.renewals), (None, Some(7)));
}

#[rstest]
#[case("<i>3 before you</i>", HoldState::Other)]
#[case("<i>3 before you</i><input>", HoldState::Suspended)]
#[case("<i>ready</i><input>", HoldState::Ready)]
fn mark_suspends_a_hold_that_waits(#[case] cell: &str, #[case] state: HoldState) {
    let page = format!("<main><ul><li><b>Fog</b>{cell}</ul><a>Holds</a><a title=1>1</a>");
    let account = read(&[&page]).unwrap();
    assert_eq!(account.declared.holds, Some(1), "what a function reads");
    assert_eq!(account.holds.unwrap()[0].state, state);
}

#[test]
fn total_of_the_first_page_counts() {
    let list = "<main><ul><li><b>Fog</b></ul>";
    let other = "<main><a title=2>2</a>";
    let (one, two) = (
        format!("{list}<a title=1>1</a>"),
        format!("{list}<a title=2>2</a>"),
    );
    let account = read(&[&one, other]).unwrap();
    assert_eq!(account.declared.holds, Some(1));
    assert!(read(&[other, &one]).is_err());
    assert!(read(&[&two]).is_err());
}

#[test]
fn pages_are_of_one_patron() {
    let (one, other) = ("<main data-patron=7><s>", "<aside data-patron=8></aside>");
    let account = read(&[one, one]).unwrap();
    assert_eq!((account.loans, account.holds), (Some(vec![]), Some(vec![])));
    assert_eq!(
        read(&[other]).unwrap().loans,
        None,
        "a page of the account, too"
    );
    assert!(read(&[one, other]).is_err());
}

#[test]
fn page_without_an_end_breaks_off_only_within_a_list() {
    assert!(read(&["<html><main><table><tr><td>Welcome"]).is_ok());
    assert!(read(&["<main><table class=loans><tr class=entry><td class=title>Tides"]).is_err());
    let closed = read(&["<nav>Closed for repairs"]).unwrap_err();
    assert_eq!(closed.kind, FailureKind::SiteDown);
}
