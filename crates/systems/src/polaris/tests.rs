use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::Polaris;
use crate::fingerprint::Detector as _;
use crate::offline::OfflineReader as _;

fn read(pages: &[String]) -> Result<Account, Failure> {
    let base_url = Url::parse("https://books.test/polaris").unwrap();
    let number = "21000099001".to_owned().into();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%m/%d/%Y"),
        timezone: chrono_tz::UTC,
        card_number: Some(&number),
    };
    let pages: Vec<SavedPage> = pages
        .iter()
        .map(|main| SavedPage {
            name: "page".to_owned(),
            body: format!("<html><body>{main}</body></html>"),
        })
        .collect();
    Polaris.read(&pages, &context)
}

const OUT: &str = "<a href='../logon.aspx?logoff=1'>Out</a>";

fn summary(total: usize, number: &str) -> String {
    format!(
        "{OUT}<table id=ctrlBasicInfo_tableBasicInfo><tr><td><span id=ctrlBasicInfo_labelBarcode>{number}</span>\
         <tr><td><span id=ctrlBasicInfo_labelExpirationDate>7/4/2027</span><td>\
         <a href='./itemsout.aspx'>1 item overdue</a> <a href='./itemsout.aspx'>{total} items checked out</a></table>"
    )
}

const TICK: &str = "<td><input type=checkbox name=a:b>";

fn grid(id: &str, headers: &str, rows: &str) -> String {
    format!("<table id={id} class=patrongrid><tr class=ColumnHeader>{headers}</tr>{rows}</table>")
}

fn loans(rows: &str) -> String {
    grid("datagridItemsOut", "<td><td>Título<td>Vence<td>Más", rows)
}

fn loan(title: &str, due: &str, left: &str) -> String {
    format!(
        "<tr>{TICK}<td><span id=d__ctl2_labelTitle>{title}</span><td><span id=d__ctl2_labelDueDate>{due}</span>\
         <td><span id=d__ctl2_labelRenewalsLeft>{left}</span></tr>"
    )
}

#[test]
fn values_are_identified_by_the_ends_of_their_ids() {
    let rows = loan("Tides : a walk<br>by Wells, Cy", "5/21/2026", "1")
        + &loan("Fog [electronic resource] /", "05/22/2026 Overdue", "0")
        + &loan("Ice", "05/23/2026", "");
    let account = read(&[summary(3, "*******9001") + &loans(&rows)]).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans[0].title, "Tides : a walk");
    assert_eq!(loans[0].author.as_deref(), Some("Wells, Cy"));
    assert_eq!(loans[0].due, Some("2026-05-21".parse().unwrap()));
    assert_eq!(loans[1].title, "Fog [electronic resource]");
    let renewable: Vec<_> = loans.iter().map(|loan| loan.renewable).collect();
    assert_eq!(renewable, [Some(true), Some(false), None]);
    assert_eq!(loans[0].renewals, None, "renewals left are no renewals");
    assert_eq!(account.card_expires, Some("2027-07-04".parse().unwrap()));
    assert_eq!(account.declared.loans, Some(3));
    assert_eq!(account.holds, None);
}

#[test]
fn grid_without_an_id_of_its_own_is_identified_by_its_headers() {
    let headers = "<th><th>Title<th>Due Date<th>Renewals Left";
    let row = "<tr class=patrongrid-row><td><td><span><a href='/view.aspx?cn=7'>Tides</a></span>\
               <td><span>5/21/2026</span><td><span>2</span></tr>";
    let requests = "<th><th>Title<th>Author<th>Status<th>Hold Position";
    let request = |state: &str| {
        format!(
            "<tr class=patrongrid-alternating-row><td><a class=requestdetailview href='r.aspx?reqid=5'>i</a>\
             <td><span><a href='x'>Kites</a></span><td>Ash, Pip<td><span>{state}</span><td>3 of 12</tr>"
        )
    };
    let states = [
        "Held</span> <span>(until 6/1/2026)",
        "Held</span> <span>(until tomorrow)",
        "Shipped</span> <span>(today)",
        "Active</span> <span>(since 5/1/2026)",
        "Inactive</span> <span>(until 7/1/2026)",
        "Unclaimed",
    ];
    let rows: String = states.iter().map(|state| request(state)).collect();
    let account = read(&[
        OUT.to_owned() + &grid("GridView1", headers, row),
        OUT.to_owned() + &grid("GridView1", requests, &rows),
    ])
    .unwrap();
    assert_eq!(account.loans.unwrap()[0].title, "Tides");
    let holds = account.holds.unwrap();
    let states: Vec<_> = holds.iter().map(|hold| hold.state).collect();
    assert_eq!(
        states,
        [
            HoldState::Ready,
            HoldState::Ready,
            HoldState::InTransit,
            HoldState::Waiting,
            HoldState::Suspended,
            HoldState::Other
        ]
    );
    assert_eq!(holds[0].pickup_by, Some("2026-06-01".parse().unwrap()));
    assert_eq!(holds[1].note.as_deref(), Some("Held (until tomorrow)"));
    assert_eq!(
        holds[4].suspended_until,
        Some("2026-07-01".parse().unwrap())
    );
    assert_eq!(holds[5].note.as_deref(), Some("Unclaimed"));
    assert_eq!(holds[0].author.as_deref(), Some("Ash, Pip"));
    assert_eq!(
        (holds[0].position, holds[0].queue_length),
        (Some(3), Some(12))
    );
    assert_eq!(holds[0].id, "5");
}

#[test]
fn grids_are_told_in_any_language() {
    let row = "<tr class=patrongrid-row><td><a href='/view.aspx?cn=7'>Mareas</a><td>2/20/2026</tr>";
    let headers = "<th>T&iacute;tulo<th>Vencimiento";
    let account = read(&[OUT.to_owned() + &grid("GridView1", headers, row)]).unwrap();
    assert_eq!(account.loans.unwrap()[0].title, "Mareas");
    assert_eq!(account.holds, None);
    let state = |class: &str, words: &str| {
        format!(
            "<tr class=patrongrid-row><td><a href='x'>Uno</a><td><span class={class}>{words}</span></tr>"
        )
    };
    let rows = state("HoldsHeld", "Retenido")
        + &state("HoldsActive", "Activo")
        + &state("HoldsMisc", "Inactivo");
    let headers = "<th>T&iacute;tulo<th>Estado";
    let account = read(&[OUT.to_owned() + &grid("GridView1", headers, &rows)]).unwrap();
    let holds = account.holds.unwrap();
    let states: Vec<_> = holds.iter().map(|hold| hold.state).collect();
    assert_eq!(
        states,
        [HoldState::Ready, HoldState::Waiting, HoldState::Suspended]
    );
    assert_eq!(account.loans, None);
}

/// Builds a grid whose ids of values end with the number of the row.
fn numbered_grid(headers: &str, rows: &[&[(&str, &str)]]) -> String {
    let rows: String = rows
        .iter()
        .enumerate()
        .map(|(number, values)| {
            let cells: String = values
                .iter()
                .map(|(name, value)| {
                    format!("<td><span id=Body_GridView1_label{name}_{number}>{value}</span>")
                })
                .collect();
            format!("<tr class=patrongrid-row>{TICK}{cells}</tr>")
        })
        .collect();
    OUT.to_owned() + &grid("GridView1", headers, &rows)
}

#[rstest]
#[case::spanish("<th>Título<th>Fecha de vencimiento<th>Renovaciones restantes")]
#[case::french("<th>Titre<th>Date d'échéance<th>Renouvellements restants")]
#[case::english("<th>Title<th>Due Date<th>Times Renewed")]
fn values_of_numbered_rows_are_identified_by_their_ids(#[case] headers: &str) {
    let row = |left| {
        [
            (
                "Title",
                "<a href='/view.aspx?cn=7'>Tides</a><br>par Wells, Cy",
            ),
            ("DueDate", "5/21/2026"),
            ("RenewalsLeft", left),
        ]
    };
    let page = numbered_grid(&format!("<th>{headers}"), &[&row("1"), &row("0")]);
    let account = read(&[page]).unwrap();
    assert_eq!(account.holds, None);
    let loans = account.loans.unwrap();
    let renewable: Vec<_> = loans.iter().map(|loan| loan.renewable).collect();
    assert_eq!(renewable, [Some(true), Some(false)]);
    assert_eq!(loans[0].title, "Tides");
    assert_eq!(loans[0].author.as_deref(), Some("Wells, Cy"));
    assert_eq!(loans[0].due, Some("2026-05-21".parse().unwrap()));
    assert_eq!(loans[0].id, "7");
    assert_eq!(
        loans[0].url.as_deref(),
        Some("https://books.test/view.aspx?cn=7")
    );
}

#[rstest]
#[case("HoldsHeld", "Retenido", "(hasta el 6/1/2026)", HoldState::Ready, None)]
#[case(
    "HoldsHeld",
    "Retenido",
    "(hasta mañana)",
    HoldState::Ready,
    Some("Retenido (hasta mañana)")
)]
#[case("HoldsPendingShipped", "Enviado", "(ayer)", HoldState::InTransit, None)]
#[case("HoldsPendingShipped", "Pendiente", "", HoldState::Waiting, None)]
#[case(
    "HoldsMisc",
    "Inactivo",
    "(hasta el 6/1/2026)",
    HoldState::Suspended,
    None
)]
#[case(
    "HoldsMisc",
    "No reclamado",
    "",
    HoldState::Other,
    Some("No reclamado")
)]
fn numbered_requests_are_read_in_spanish(
    #[case] class: &str,
    #[case] words: &str,
    #[case] day: &str,
    #[case] state: HoldState,
    #[case] note: Option<&str>,
) {
    let status = format!("<span class={class}>{words}</span> <span class=HoldsDate>{day}</span>");
    let row = [
        ("Title", "<a href='x'>Uno</a>"),
        ("Estado", &*status),
        ("HoldPosition", "5 de 12"),
        ("PickupBranch", "Pier"),
    ];
    let headers = "<th><th>Obra<th>Situación<th>Puesto<th>Lugar";
    let account = read(&[numbered_grid(headers, &[&row])]).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!((hold.state, hold.note.as_deref()), (state, note));
    let until = day.contains("6/1").then(|| "2026-06-01".parse().unwrap());
    assert_eq!(hold.pickup_by.or(hold.suspended_until), until);
    assert_eq!((hold.position, hold.queue_length), (Some(5), Some(12)));
    assert_eq!(hold.pickup_branch.as_deref(), Some("Pier"));
}

#[rstest]
#[case("javascript:showModalBasic('itemdetails.aspx?RecID=70','x')")]
#[case("itemdetails.aspx?ctx=1&RecID=70")]
fn newest_grid_has_the_number_in_the_link_to_details(#[case] details: &str) {
    let row = format!(
        "<tr class=patron-account__grid-row><td class='patron-account__grid-cell--title'><a href='/title.aspx?cn=12'>\
         Tides</a><td><span id=labelDueDate>5/21/2026</span><td class='patron-account__grid-cell--full-narrow'>\
         <a href=\"{details}\">Details</a></tr>"
    );
    let grid = grid("gridviewItemsOut", "<td>Title<td>Due<td>More", &row);
    let loans = read(&[OUT.to_owned() + &grid]).unwrap().loans.unwrap();
    assert_eq!(loans[0].id, "70");
    assert_eq!(
        loans[0].url.as_deref(),
        Some("https://books.test/title.aspx?cn=12")
    );
}

#[rstest]
#[case::of_all("2 requests", true)]
#[case::beside_those_of_a_state(
    "1 request ready for pickup</a> <a href='requests.aspx'>Hold requests: 2",
    true
)]
#[case::of_one_state("1 request ready for pickup", false)]
#[case::no_number("Requests", false)]
fn total_of_the_requests_is_compared(#[case] words: &str, #[case] is_total: bool) {
    let account = |rows: usize| {
        let info = format!(
            "{OUT}<table id=ctrlBasicInfo_tableBasicInfo><tr><td><a href='./requests.aspx'>{words}</a></table>"
        );
        let row = "<tr class=patrongrid-row><td><a href='x'>Kites</a><td><span class=HoldsActive>Active</span></tr>";
        read(&[info + &grid("GridView1", "<th>Title<th>Status", &row.repeat(rows))])
    };
    let total = is_total.then_some(2);
    assert_eq!(account(2).unwrap().declared.holds, total);
    assert_eq!(account(3).is_err(), is_total);
}

#[rstest]
#[case::counted(2, Ok(Some(1)))]
#[case::not_counted(1, Ok(Some(1)))]
#[case::another(3, Err(()))]
fn total_may_count_cancelled_requests(
    #[case] total: usize,
    #[case] expected: Result<Option<u32>, ()>,
) {
    let request = |words: &str| {
        format!(
            "<tr class=patrongrid-row><td><a href='x{words}'>Kites</a><td><span class=HoldsMisc>{words}</span></tr>"
        )
    };
    let rows = request("Cancelled") + &request("Active");
    let info = format!(
        "{OUT}<table id=ctrlBasicInfo_tableBasicInfo><tr><td><a href='./requests.aspx'>{total} requests</a></table>"
    );
    let account = read(&[
        info,
        OUT.to_owned() + &grid("GridView1", "<th>Title<th>Status", &rows),
    ]);
    let declared = account.map(|account| account.declared.holds);
    assert_eq!(declared.map_err(|_| ()), expected);
}

#[test]
fn cancelled_requests_are_over() {
    let request = |words: &str| {
        format!(
            "<tr class=patrongrid-row><td><a href='x'>Kites</a><td><span class=HoldsMisc>{words}</span></tr>"
        )
    };
    let requests = |rows: &str| {
        let headers = "<th>Title<th>Status";
        read(&[OUT.to_owned() + &grid("GridView1", headers, rows)])
            .map(|account| account.holds.unwrap())
    };
    let cancelled = request("Cancelled</span> <span>(on 11/1/2025)");
    let holds =
        requests(&(cancelled.clone() + &request("Unclaimed</span> <span>(on 11/1/2025)"))).unwrap();
    assert_eq!(holds.len(), 1);
    assert_eq!(holds[0].note.as_deref(), Some("Unclaimed (on 11/1/2025)"));
    assert_eq!(requests(&cancelled).unwrap(), []);
    assert_eq!(requests(&request("Cancelado")).unwrap(), []);
}

#[test]
fn empty_lists_fines_and_blocks_are_told_in_words() {
    let account = read(&[
        summary(0, "") + "<span id=labelCurrentBlocks>Ask at the desk</span>",
        OUT.to_owned() + "<p class=ErrorMessage>You have no requests.</p>",
        OUT.to_owned() + "<p>Total owed: $12.50</p>",
    ])
    .unwrap();
    assert_eq!((account.loans, account.holds), (Some(vec![]), Some(vec![])));
    assert_eq!(account.fines, Some("12.50".parse().unwrap()));
    assert_eq!(account.messages, ["Ask at the desk"]);
}

#[rstest]
#[case("You have no outstanding requests.")]
#[case("No current hold requests")]
#[case("There are no hold requests.")]
fn empty_list_of_requests_is_told_in_words(#[case] words: &str) {
    let page = format!("{OUT}<div id=panelMessage>{words}</div>");
    assert_eq!(read(&[page]).unwrap().holds, Some(vec![]));
}

#[rstest]
#[case::other_total(summary(2, "") + &loans(&loan("Ice", "5/1/2026", "1")))]
#[case::no_rows(OUT.to_owned() + &loans(""))]
#[case::no_date(OUT.to_owned() + &loans(&loan("Ice", "soon", "1")))]
#[case::other_card(summary(0, "21000099002"))]
#[case::short_row(OUT.to_owned() + &loans("<tr><td>Ice<td>5/1/2026</tr>"))]
fn page_that_cannot_be_trusted_is_a_changed_page(#[case] page: String) {
    let failure = read(&[page]).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[rstest]
#[case("textboxBarcodeUsername", "", FailureKind::PageChanged)]
#[case(
    "textboxOBarcode",
    "The password is incorrect.",
    FailureKind::WrongCredentials
)]
#[case(
    "ctl00$Main$textboxBarcodeUsername",
    "Your card has expired.",
    FailureKind::CardBlocked
)]
fn login_page_has_the_failure_of_its_words(
    #[case] field: &str,
    #[case] message: &str,
    #[case] kind: FailureKind,
) {
    let page = format!(
        "<form><p class=ErrorMessage>{message}</p><input name='{field}'>\
         <input name='ctl00$Main$textboxPassword' type=password></form>"
    );
    let failure = read(&[page]).unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
}

#[rstest]
#[case(
    "https://books.test/polaris/patronaccount/itemsout.aspx?ctx=1",
    "https://books.test/polaris"
)]
#[case(
    "https://books.test/Polaris/logon.aspx?header=1",
    "https://books.test/Polaris"
)]
#[case("https://books.test/logon.aspx", "https://books.test/")]
fn site_is_above_its_pages(#[case] page: &str, #[case] base_url: &str) {
    let url = Url::parse(page).unwrap();
    assert!(Polaris.is_address(&url));
    assert_eq!(
        Polaris.locate_site(&url).unwrap().base_url.as_str(),
        base_url
    );
}
