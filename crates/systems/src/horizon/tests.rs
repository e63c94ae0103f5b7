use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::Horizon;
use crate::fingerprint::Detector as _;
use crate::offline::OfflineReader as _;

fn read(pages: &[String]) -> Result<Account, Failure> {
    let base_url = Url::parse("https://books.test/").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%m/%d/%Y"),
        timezone: chrono_tz::UTC,
        card_number: None,
    };
    let pages: Vec<SavedPage> = pages
        .iter()
        .map(|main| SavedPage {
            name: "page".to_owned(),
            body: format!(
                "<html><body><a href='https://books.test/ipac.jsp?session=1&logout=true'>Out</a>{main}</body></html>"
            ),
        })
        .collect();
    Horizon.read(&pages, &context)
}

fn header(query: &str, words: &str) -> String {
    format!(
        "<td><a class=boldWhiteFont2 href='https://books.test/ipac.jsp?menu=account&{query}'>{words}</a>"
    )
}

/// A list within a layout table.
fn list(tick: &str, headers: &[String], rows: &str) -> String {
    let headers = headers.concat();
    format!(
        "<table><tr><td><input type=submit name=renewitems></tr><tr><td><table><tr><td>{tick}{headers}</tr>{rows}\
         </table></td></tr></table>"
    )
}

fn loans(rows: &str) -> String {
    let sort = |key: &str, words: &str| header(&format!("submenu=itemsout&sortby={key}"), words);
    let headers = [
        sort("disptitle", "Titre"),
        sort("ckodate", "Sorti"),
        sort("rawduedate", "Retour"),
        sort("numrenewals", "Fois"),
    ];
    list("<input type=checkbox name=renewall>", &headers, rows)
}

fn work(title: &str, lines: &[&str]) -> String {
    let lines: String = lines
        .iter()
        .map(|line| format!("<tr><td><a class=normalBlackFont1>{line}</a>"))
        .collect();
    format!(
        "<td><table><tr><td><a class=mediumBoldAnchor href='https://books.test/ipac.jsp?session=9X.1&profile=p\
         &uri=full=31~!4711~!0&menu=search'>{title} /</a>{lines}</table>"
    )
}

const BOX: &str = "<td><input type=checkbox name=renewitemkeys value=3900>";

fn count(total: usize) -> String {
    format!(
        "<a class=normalBlackFont2>Checked Out: {total}</a><a class=normalBlackFont2>Overdue: 9</a>"
    )
}

#[test]
fn columns_are_identified_by_the_links_of_their_headers() {
    let dates = "<td><a>05/01/2026</a><td><a>05/21/2026</a>";
    let rows = format!(
        "<tr>{BOX}{one}{dates}<td>2</tr><tr><td><center>Somebody waits</center>{two}{words}<td>&nbsp;</tr>",
        one = work("Tides : a walk", &["by Wells, Cy, 1900-", "Book 1"]),
        two = work("Fog", &["&nbsp;", "<b>item:</b>00100"]),
        words = "<td>x<td><a class=boldRedFont1>Mon, Nov, 24, 2008 Overdue</a>",
    );
    let account = read(&[count(2) + &loans(&rows)]).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans[0].title, "Tides : a walk");
    assert_eq!(loans[0].author.as_deref(), Some("Wells, Cy, 1900-"));
    assert_eq!(loans[0].due, Some("2026-05-21".parse().unwrap()));
    assert_eq!(
        (loans[0].renewable, loans[0].renewals),
        (Some(true), Some(2))
    );
    assert_eq!(loans[0].id, "4711");
    assert_eq!(
        loans[0].url.as_deref(),
        Some("https://books.test/ipac.jsp?profile=p&uri=full%3D31%7E%214711%7E%210&menu=search"),
        "a link has no session"
    );
    assert_eq!(loans[1].author, None);
    assert_eq!(loans[1].due, Some("2008-11-24".parse().unwrap()));
    assert_eq!((loans[1].renewable, loans[1].renewals), (Some(false), None));
    assert_eq!(loans[1].renewable_reason.as_deref(), Some("Somebody waits"));
    assert_eq!(loans[1].id, "00100");
    assert_eq!((account.holds, account.declared.loans), (None, Some(2)));
}

#[test]
fn title_follows_a_red_remark() {
    let title = "<td><table><tr><td><a class=boldRedFont1>Too often</a><tr><td><a class=mediumBoldAnchor>Ice</a>\
                 <tr><td><a class=normalBlackFont1>by Ash, Pip</a></table>";
    let rows = format!("<tr>{BOX}{title}<td>x<td>05/21/2026<td>2</tr>");
    let account = read(&[count(1) + &loans(&rows)]).unwrap();
    let loan = account.loans.unwrap().remove(0);
    assert_eq!(
        (loan.title.as_str(), loan.author.as_deref()),
        ("Ice", Some("Ash, Pip"))
    );
    assert_eq!(loan.id, "3900");
}

#[test]
fn author_may_be_a_name_below_the_title() {
    let lines = [
        "Ash, Pip, 1970-",
        "Harbour Press, 2004",
        "Station : Press, Ada",
        "New York",
    ];
    let rows: String = lines
        .iter()
        .map(|line| {
            let link = "<a class=mediumBoldAnchor href='https://books.test/ipac.jsp?session=1&uri=full=31~!7~!0'>Ice</a>";
            format!("<tr>{BOX}<td><table><tr><td>{link}<tr><td>{line}<tr><td>x</table><td>x<td>05/21/2026<td>2</tr>")
        })
        .collect();
    let account = read(&[count(4) + &loans(&rows)]).unwrap();
    let loans = account.loans.unwrap();
    let authors: Vec<_> = loans.iter().map(|loan| loan.author.as_deref()).collect();
    assert_eq!(authors, [Some("Ash, Pip, 1970-"), None, None, None]);
    assert_eq!(loans[0].id, "7");
    let url = loans[0].url.as_deref();
    assert_eq!(
        url,
        Some("https://books.test/ipac.jsp?uri=full%3D31%7E%217%7E%210")
    );
}

#[test]
fn holds_are_ready_or_wait() {
    let ready = list(
        "",
        &[
            header("submenu=holds&ready_sortby=sorttitle", "Title"),
            header("submenu=holds&ready_sortby=loc", "Pickup Location"),
            header("submenu=holds&ready_sortby=date", "Expires"),
        ],
        &format!(
            "<tr><td><input name=readyholdselected value=12:88>{}<td>Oak Park<td>06/01/2026</tr>",
            work("Lamps", &["T 1", "by Reed, Bo"])
        ),
    );
    let states = ["In Transit", "Active", "Suspended", "Under water", "&nbsp;"];
    let rows: String = states
        .iter()
        .zip(["&nbsp;", "&nbsp;", "07/01/2026", "&nbsp;", "&nbsp;"])
        .map(|(state, until)| {
            format!(
                "<tr><td><input name=waitingholdselected value=13:0>{}<td>{state}<td>9 of 83<td>{until}</tr>",
                work("Kites", &["by Ash, Pip", "Pickup Location: Mill Street"])
            )
        })
        .collect();
    let waiting = list(
        "",
        &[
            header("submenu=holds&sortby=sorttitle", "Title"),
            header("submenu=holds&sortby=status", "Status"),
            header("submenu=holds&sortby=position", "Position"),
            header("submenu=holds&sortby=date", "Reactivate"),
        ],
        &rows,
    );
    let account = read(&[ready + &waiting]).unwrap();
    let holds = account.holds.unwrap();
    assert_eq!(holds[0].state, HoldState::Ready);
    assert_eq!(holds[0].author.as_deref(), Some("Reed, Bo"));
    assert_eq!(holds[0].pickup_by, Some("2026-06-01".parse().unwrap()));
    assert_eq!(holds[0].pickup_branch.as_deref(), Some("Oak Park"));
    assert_eq!((holds[0].id.as_str(), holds[0].expires), ("12", None));
    let states: Vec<_> = holds.iter().skip(1).map(|hold| hold.state).collect();
    assert_eq!(
        states,
        [
            HoldState::InTransit,
            HoldState::Waiting,
            HoldState::Suspended,
            HoldState::Other,
            HoldState::Other
        ]
    );
    assert_eq!(
        holds[3].suspended_until,
        Some("2026-07-01".parse().unwrap())
    );
    assert_eq!(holds[4].note.as_deref(), Some("Under water"));
    assert_eq!(
        (holds[1].position, holds[1].queue_length),
        (Some(9), Some(83))
    );
    assert_eq!(holds[1].pickup_branch.as_deref(), Some("Mill Street"));
    assert_eq!(account.loans, None);
}

#[rstest]
#[case(
    "<td>Active<td>03/21/2011",
    HoldState::Waiting,
    None,
    Some("Active, 03/21/2011")
)]
#[case("<td>Active<td>&nbsp;", HoldState::Waiting, None, None)]
#[case("<td>In process<td>&nbsp;", HoldState::Waiting, None, None)]
#[case("<td>Available<td>&nbsp;", HoldState::Ready, None, None)]
#[case("<td>Ready for pickup<td>03/21/2027", HoldState::Ready, None, None)]
#[case("<td>Not ready<td>&nbsp;", HoldState::Other, None, Some("Not ready"))]
#[case(
    "<td>Suspended<td>03/21/2027",
    HoldState::Suspended,
    Some("2027-03-21"),
    None
)]
#[case(
    "<td>&nbsp;<td>03/21/2027",
    HoldState::Suspended,
    Some("2027-03-21"),
    None
)]
fn active_hold_is_not_suspended_by_a_day(
    #[case] cells: &str,
    #[case] state: HoldState,
    #[case] until: Option<&str>,
    #[case] note: Option<&str>,
) {
    let headers = [
        header("submenu=holds&sortby=sorttitle", "Title"),
        header("submenu=holds&sortby=status", "Status"),
        header("submenu=holds&sortby=date", "Reactivation date"),
    ];
    let title = "<td><table><tr><td><a class=mediumBoldAnchor>Fog</a><tr><td><a class=normalBlackFont1>J FIC</a>\
                 <tr><td><a class=normalBlackFont2>Ash, Pip</a></table>";
    let row = format!("<tr><td><input name=waitingholdselected value=13:0>{title}{cells}</tr>");
    let account = read(&[list("", &headers, &row)]).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!((hold.state, hold.note.as_deref()), (state, note));
    assert_eq!(hold.suspended_until, until.map(|day| day.parse().unwrap()));
    assert_eq!(hold.author.as_deref(), Some("Ash, Pip"));
}

#[test]
fn day_and_time_may_have_a_column_each() {
    let headers = [
        header("submenu=itemsout&sortby=disptitle", "Title"),
        header("x", "Due Time"),
        header("x", "Due Date"),
    ];
    let row = format!("<tr>{BOX}{}<td>20:00<td>05/21/2026</tr>", work("Fog", &[]));
    let account =
        read(&[count(1) + &list("<input type=checkbox name=renewall>", &headers, &row)]).unwrap();
    let due = account.loans.unwrap()[0].due;
    assert_eq!(due, Some("2026-05-21".parse().unwrap()));
}

#[rstest]
#[case("Lost", None)]
#[case("Claimed Returned", None)]
#[case("05/21/2026", Some("2026-05-21"))]
fn lost_item_without_a_date_keeps_the_other_loans(#[case] due: &str, #[case] day: Option<&str>) {
    let row = |due| format!("<tr>{BOX}{}<td>x<td>{due}<td>2</tr>", work("T", &[]));
    let other = row("05/22/2026").replace("3900", "3901");
    let account = read(&[count(2) + &loans(&(row(due) + &other))]).unwrap();
    let loan = account.loans.unwrap().remove(0);
    assert_eq!(loan.due, day.map(|day| day.parse().unwrap()));
    assert_eq!(loan.note.as_deref(), day.is_none().then_some(due));
}

#[rstest]
#[case("You have no hold requests.")]
#[case("You currently have no holds.")]
#[case("There are no requests for you at this time.")]
fn empty_lists_and_fines_are_told_in_words(#[case] words: &str) {
    let holds = format!("<a class=normalBlackFont1>{words}</a>");
    let blocks =
        "<a class=normalBlackFont2>Total owed: $2.50</a><table><tr><td>x</table>".to_owned();
    let account = read(&[count(0), holds, blocks]).unwrap();
    assert_eq!((account.loans, account.holds), (Some(vec![]), Some(vec![])));
    assert_eq!(account.fines, Some("2.50".parse().unwrap()));
}

#[rstest]
#[case::other_total(count(2) + &loans(&format!("<tr>{BOX}{}<td>x<td>05/21/2026<td>2</tr>", work("T", &[]))))]
#[case::no_total_and_no_rows(loans(""))]
#[case::no_date(loans(&format!("<tr>{BOX}{}<td>x<td>soon<td>2</tr>", work("T", &[]))))]
#[case::short_row(loans(&format!("<tr>{BOX}{}<td>05/21/2026<td>2</tr>", work("T", &[]))))]
fn list_that_cannot_be_trusted_is_a_changed_page(#[case] page: String) {
    let failure = read(&[page]).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[rstest]
#[case("", FailureKind::PageChanged)]
#[case(
    "<a class=boldRedFont1>Login failed</a>",
    FailureKind::WrongCredentials
)]
#[case(
    "<a class=boldRedFont1>Your card has expired</a>",
    FailureKind::CardBlocked
)]
#[case(
    "<a class=boldRedFont1>Your session has timed out</a>",
    FailureKind::SessionExpired
)]
fn login_page_has_the_failure_of_its_words(#[case] message: &str, #[case] kind: FailureKind) {
    let form = "<form name=security><input name=sec1><input name=sec2 type=password></form>";
    let base_url = Url::parse("https://books.test/").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: None,
        timezone: chrono_tz::UTC,
        card_number: None,
    };
    let page = SavedPage {
        name: "page".to_owned(),
        body: format!("<html><body>{message}{form}</body></html>"),
    };
    let failure = Horizon.read(&[page], &context).unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
}

#[test]
fn site_is_above_the_portal() {
    let url = Url::parse("https://books.test/x/ipac20/ipac.jsp?session=1&profile=dial").unwrap();
    assert!(Horizon.is_address(&url));
    let site = Horizon.locate_site(&url).unwrap();
    assert_eq!(site.base_url.as_str(), "https://books.test/x");
    assert_eq!(site.options["profile"], "dial");
}
