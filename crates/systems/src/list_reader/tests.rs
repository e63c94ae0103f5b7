//! The rules of every described list, on an invented one.

use std::sync::LazyLock;

use hippo_browser::ReadContext;
use hippo_browser::reading::Css;
use hippo_core::account::{Account, HoldState, Loan};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::account::{join_parts, read_page};
use super::list::read_known_list;
use super::*;

static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("form"),
    number: &["number"],
    pin: &["pin"],
    messages: Css::new(".error"),
    refused: &["wrong"],
    blocked: &["blocked"],
    outages: &["closed"],
    ..LoginDescription::default()
});

static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    account_marker: Css::new("main"),
    loans: vec![ListDescription {
        list: Css::new("table"),
        identified_by: vec![ListMark::Header(&[])],
        rows: Css::new("tr"),
        may_repeat_rows: false,
        header_row: Some(Css::new("tr.head, a.sort")),
        ignored_rows: Some(Css::new(".group")),
        columns: vec![
            Column::part_below(Field::Title, &["title"], Part::Line(0)),
            Column::part_below(Field::Author, &["title"], Part::Line(1)),
            Column::below(Field::Due, &["due", "back"]),
            Column::below_element(Field::Due, "a[href*='by=due']", Part::Text),
            Column::part_at(Field::Link, "a", Part::Attribute("href")),
            Column::count(Field::Renewals, &["renewed"], &["times renewed"]),
            Column::presence(Field::Renewable, "input"),
            Column::presence(Field::NotRenewable, "input[disabled], .asked-for"),
            Column::at(Field::RenewalReason, ".why"),
            Column::at(Field::Note, ".why"),
        ],
        needed: &[Field::Title, Field::Due],
        total: &["total"],
        none: &["nothing out"],
        none_at: Some(Css::new(".none")),
        ..ListDescription::table()
    }],
    holds: vec![ListDescription {
        list: Css::new("ul.holds"),
        rows: Css::new("li"),
        columns: vec![Column::at(Field::Title, "b"), Column::at(Field::State, "i")],
        needed: &[Field::Title],
        none: &["no holds"],
        states: &[
            (HoldState::Ready, &["ready"]),
            (HoldState::Waiting, &["queue"]),
        ],
        ..ListDescription::table()
    }],
    has_several_pages: true,
    loan_counts: vec![Count(vec![Fact::after("nav", &["loans"])])],
    hold_counts: vec![Count(vec![
        Fact::after("nav", &["holds"]),
        Fact::after("nav", &["orders"]),
    ])],
    fines: vec![Fact::after("p", &["you owe"])],
    card_expires: vec![Fact::after("p", &["valid until"])],
    number: vec![Fact::at(".number")],
    ..AccountDescription::default()
});

fn read(pages: &[&str]) -> Result<Account, Failure> {
    with_context(|context| {
        let parts = pages
            .iter()
            .map(|page| read_page(&ACCOUNT, &LOGIN, &format!("<main>{page}</main>"), context))
            .collect::<Result<Vec<_>, _>>()?;
        join_parts(&ACCOUNT, parts, Account::unknown("koha".parse().unwrap()))
    })
}

fn with_context<T>(read: impl FnOnce(&ReadContext<'_>) -> T) -> T {
    let base_url = Url::parse("https://books.test/").unwrap();
    let number = "21000099001".to_owned().into();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%d.%m.%Y"),
        timezone: chrono_tz::UTC,
        card_number: Some(&number),
    };
    read(&context)
}

fn table(rows: &str) -> String {
    format!("<table><tr><th>No.<th>Title<th>Due</tr>{rows}</table>")
}

const ROW: &str = "<tr><td>1<td><a href=/r/1>Tides</a><br>Wells, Cy<td>01.02.2026 - 20.02.2026";

#[test]
fn columns_lines_spans_and_links_are_read() {
    let row = "<tr class=group><td colspan=3>February</tr>";
    let account = read(&[&table(&format!("{row}{ROW}"))]).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!(loan.title, "Tides");
    assert_eq!(loan.author.as_deref(), Some("Wells, Cy"));
    assert_eq!(loan.due, Some("2026-02-20".parse().unwrap()));
    assert_eq!(loan.url.as_deref(), Some("https://books.test/r/1"));
    assert_eq!(account.holds, None, "a page without the list says nothing");
}

#[rstest]
#[case::by_its_class("<tr class=head><td>No.<td>Title<td>Due</tr>")]
#[case::by_a_link("<tr><td>No.<td>Title<td><a class=sort href='?by=due'>Fini</a></tr>")]
fn row_of_headers_may_have_plain_cells(#[case] headers: &str) {
    // A table around the list has its cells within its own row.
    let table = format!("<table><tr><td><table>{headers}{ROW}</table></table>");
    let account = read(&[&table]).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans.len(), 1);
    assert_eq!(loans[0].due, Some("2026-02-20".parse().unwrap()));
}

#[rstest]
#[case::no_control("", None, None, None)]
#[case::note("<i class=why>Large print</i>", None, None, Some("Large print"))]
#[case::control("<input><i class=why>Soon</i>", Some(true), None, Some("Soon"))]
#[case::disabled("<input disabled>", Some(false), None, None)]
#[case::refused(
    "<input><i class=asked-for></i><i class=why>Asked for</i>",
    Some(false),
    Some("Asked for"),
    None
)]
fn refusal_of_a_renewal_counts_more_than_its_control(
    #[case] marks: &str,
    #[case] renewable: Option<bool>,
    #[case] reason: Option<&str>,
    #[case] note: Option<&str>,
) {
    let row = ROW.replace("<td>1<td>", &format!("<td>{marks}<td>"));
    let loan = &read(&[&table(&row)]).unwrap().loans.unwrap()[0];
    let read = (loan.renewable, loan.renewable_reason.as_deref());
    assert_eq!(read, (renewable, reason));
    assert_eq!(loan.note.as_deref(), note);
}

#[rstest]
#[case("Renewed: 2", Some(2))]
#[case("3 times renewed", Some(3))]
#[case("Renewed by the library, 3 holds", None)]
fn count_is_read_beside_its_words(#[case] words: &str, #[case] renewals: Option<u32>) {
    let row = ROW.replace("<td>1<td>", &format!("<td>{words}<td>"));
    let loan = &read(&[&table(&row)]).unwrap().loans.unwrap()[0];
    assert_eq!(loan.renewals, renewals);
}

#[test]
fn list_without_a_table_is_read() {
    let list = "<ul class=holds><li><b>Kites</b> <i>ready</i></li><li><b>Fog</b> <i>2. in the queue</i></li>\
                <li><b>Ice</b> <i>not yet ready</i></li></ul><nav>Holds 1 Orders 2</nav>";
    let account = read(&[list]);
    // Both counts are in one text, so the number after each of its words counts.
    let account = account.unwrap();
    let states: Vec<_> = account
        .holds
        .unwrap()
        .iter()
        .map(|hold| hold.state)
        .collect();
    assert_eq!(
        states,
        [HoldState::Ready, HoldState::Waiting, HoldState::Other]
    );
    assert_eq!(account.declared.holds, Some(3));
}

#[rstest]
#[case::words_in_a_row(table("<tr><td colspan=3>Nothing out</tr>"))]
#[case::words_elsewhere("<p class=none>Nothing out.</p>".to_owned())]
#[case::total_of_zero(table("<tr><td colspan=3>Total: 0</tr>"))]
#[case::count_of_zero(table("") + "<nav>Loans (0)</nav>")]
fn list_is_empty_only_if_the_page_says_so(#[case] page: String) {
    assert_eq!(read(&[&page]).unwrap().loans, Some(vec![]));
}

#[rstest]
#[case::no_word(table(""))]
#[case::unknown_words(table("<tr><td colspan=3>Ask at the desk</tr>"))]
#[case::words_and_rows(table(&format!("{ROW}<tr><td colspan=3>Nothing out</tr>")))]
#[case::words_elsewhere_and_rows(table(ROW) + "<p class=none>Nothing out.</p>")]
#[case::other_count(table(ROW) + "<nav>Loans (2)</nav>")]
#[case::other_total(table(&format!("{ROW}<tr><td colspan=3>Total: 0</tr>")))]
#[case::count_without_rows(table("") + "<nav>Loans (2)</nav>")]
#[case::narrow_row(table("<tr><td>Tides<td>20.02.2026"))]
#[case::wide_row(table("<tr><td>1<td>Tides<td>20.02.2026<td>x"))]
#[case::row_without_a_title(table("<tr><td>1<td><td>20.02.2026"))]
#[case::two_dates(table("<tr><td>1<td>Tides<td>01.02.2026, renewed 20.02.2026"))]
#[case::other_format(table("<tr><td>1<td>Tides<td>2/20/2026"))]
#[case::twice(table(ROW) + &table(ROW))]
#[case::same_row_twice(table(
    "<tr id=a><td>1<td id=b>T<td>20.02.2026</tr><tr id=a><td>1<td id=b>T<td>20.02.2026"
))]
#[case::another_card(table(ROW) + "<p class=number>21000099002</p>")]
fn list_that_cannot_be_trusted_is_a_changed_page(#[case] page: String) {
    let failure = read(&[&page]).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[test]
fn total_is_checked_over_all_pages() {
    let page = table(ROW) + "<nav>Loans (2)</nav>";
    let account = read(&[&page, &page]).unwrap();
    let ids: Vec<_> = account
        .loans
        .unwrap()
        .into_iter()
        .map(|loan| loan.id)
        .collect();
    assert_ne!(ids[0], ids[1], "each entry has an id of its own");
    let other = table(ROW) + "<nav>Loans (3)</nav>";
    assert!(read(&[&page, &other]).is_err());
    assert!(read(&[&page, &page, &page]).is_err());
}

#[test]
fn facts_are_the_text_after_their_words() {
    let account =
        read(&["<p>You owe nothing to us. <p>YOU OWE: 1,50 € <p>Valid until Dec 31, 2027"])
            .unwrap();
    assert_eq!(
        account.fines, None,
        "the first place that has the words counts"
    );
    assert_eq!(account.card_expires, Some("2027-12-31".parse().unwrap()));
    let account = read(&["<p>You owe 1,50 €", "<p>You owe EUR 1,50"]).unwrap();
    assert_eq!(account.fines, Some("1.50".parse().unwrap()));
    assert!(read(&["<p>You owe 1,50 €", "<p>You owe 2,50 €"]).is_err());
}

#[rstest]
#[case::script("<script>row = '<tr><td>' + x;</script>", true)]
#[case::track("<video><track></video>", true)]
#[case::open_table("<table><tr><td>Welcome", false)]
fn only_an_open_table_breaks_a_fragment_off(#[case] more: &str, #[case] is_read: bool) {
    assert_eq!(read(&[more]).is_ok(), is_read);
    let page = format!("<html>{more}</html>");
    assert!(read(&[&page]).is_ok(), "a page with its end");
}

static DUE: TableColumn =
    TableColumn::with_cells(".due", "due", CellTest::SomeMatch(Css::new("i[title]")));

/// A table whose second column is found by its cells, and which may repeat a row.
static KNOWN: LazyLock<ListDescription<Loan>> = LazyLock::new(|| ListDescription {
    rows: Css::new(":scope > tbody > tr"),
    may_repeat_rows: true,
    columns: vec![
        Column::at(Field::Title, "b"),
        Column::of(
            Field::Due,
            &DUE,
            Part::AttributeOf(Css::new("i"), "title", ""),
        ),
    ],
    needed: &[Field::Title, Field::Due],
    ..ListDescription::table()
});

#[rstest]
#[case::found_column(
    "<th>",
    "<tr><td><b>Tides</b><td><i title=2026-02-20>Friday</i>",
    Ok(1)
)]
#[case::table_in_a_cell(
    "<th>",
    "<tr><td><b>Tides</b><td><i title=2026-02-20></i><table><tr><td>x</table>",
    Ok(1)
)]
#[case::row_that_may_be_there_twice(
    "<th>",
    "<tr><td><b id=a>Tides</b><td><i title=2026-02-20></i><tr><td><b id=a>Tides</b><td><i title=2026-02-20></i>",
    Ok(2)
)]
#[case::too_wide("<th>", "<tr><td><b>Tides</b><td><i title=2026-02-20></i><td>", Err(()))]
#[case::marked_column(
    "<th>",
    "<tr><td class=due><i title=2026-02-20></i><td><b>Tides</b><i></i>",
    Ok(1)
)]
#[case::no_such_column("<th>Day", "<tr><td><b>Tides</b><td><i>Friday</i>", Err(()))]
fn known_list_is_read(
    #[case] header: &str,
    #[case] rows: &str,
    #[case] expected: Result<usize, ()>,
) {
    static TABLE: Css = Css::new("table");
    let page = format!("<table><tr><th>Title{header}</tr>{rows}</table>");
    let page = hippo_browser::reading::parse_page(&page).unwrap();
    let table = TABLE.first(page.root_element()).unwrap();
    let loans = with_context(|context| read_known_list(&KNOWN, table, context));
    let loans = loans.map_err(|failure| assert_eq!(failure.kind, FailureKind::PageChanged));
    let due = |loan: &Loan| assert_eq!(loan.due, "2026-02-20".parse().ok());
    loans.iter().flatten().for_each(due);
    assert_eq!(loans.map(|loans| loans.len()), expected);
}
