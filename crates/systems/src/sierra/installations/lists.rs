//! The lists of loans and holds, as releases in many languages show them.

use hippo_core::account::{HoldState, Loan};
use rstest::rstest;

use super::*;

const ENGLISH: [&str; 5] = ["RENEW", "TITLE", "BARCODE", "STATUS", "CALL NUMBER"];
const FRENCH: [&str; 5] = ["PROLONGER", "TITRE", "CODE À BARRES", "ÉTAT", "COTE"];

/// Builds a table in its form; the header row is left open, as in the catalogue.
fn table(form: &str, title: &str, headers: &[&str], rows: &str) -> String {
    let heads: String = headers
        .iter()
        .map(|header| format!("<th class=patFuncHeaders> {header} </th>"))
        .collect();
    format!(
        "<form name={form} method=POST id={form}><input type=HIDDEN id=pagecmd /><table lang=en class=patFunc \
         id=patfunc_main><tr class=patFuncTitle><th colspan=5 class=patFuncTitle>{title}</th></tr>\
         <tr class=patFuncHeaders>{heads}{rows}</table></form>"
    )
}

fn loans(title: &str, headers: &[&str], rows: &str) -> String {
    account("", &table("checkout_form", title, headers, rows))
}

/// Builds a row of the newer releases with this title cell and this status.
fn loan_row(index: u32, title_cell: &str, status: &str) -> String {
    format!(
        "<tr class=patFuncEntry><td class=patFuncMark><input type=checkbox name=renew{index} id=renew{index} \
         value=i70{index} /></td>{title_cell}<td class=patFuncBarcode> 3000000000007{index} </td>\
         <td class=patFuncStatus> {status} </td><td class=patFuncCallNo> X 1 </td></tr>"
    )
}

fn title_cell(words: &str) -> String {
    format!(
        "<td class=patFuncTitle><label for=renew0><a href='/record=b71~S1'><span class=patFuncTitleMain>{words}\
         </span></a></label><br /></td>"
    )
}

fn one_loan(page: &str) -> Loan {
    let mut loans = read(page).unwrap().loans.unwrap();
    assert_eq!(loans.len(), 1);
    loans.remove(0)
}

#[test]
fn loans_of_the_newest_release_are_read() {
    let renewed = "DUE 12-03-26  <span  class=patFuncRenewCount>Renewed 1 time</span>";
    let rows = loan_row(0, &title_cell("Tides / Ada Stone."), renewed)
        + &loan_row(1, &title_cell("Knots"), "DUE 12-04-26 +1 HOLD");
    let read = read(&loans("2 ITEMS CHECKED OUT", &ENGLISH, &rows)).unwrap();
    assert_eq!(read.declared.loans, Some(2));
    let loans = read.loans.unwrap();
    assert_eq!(loans[0].title, "Tides");
    assert_eq!(loans[0].author.as_deref(), Some("Ada Stone."));
    assert_eq!(loans[0].due, Some("2026-12-03".parse().unwrap()));
    assert_eq!(
        (loans[0].renewals, loans[0].note.as_deref()),
        (Some(1), None)
    );
    assert_eq!(
        (loans[1].renewals, loans[1].note.as_deref()),
        (None, Some("+1 HOLD"))
    );
}

#[rstest]
#[case("1 ITEM CHECKED OUT")]
#[case("1 ITEMS CHECKED OUT")]
#[case("<label id=items_count>1 items checked out</label>")]
#[case("1 ITEM CHECKED OUT <a href='?sortByDueDate=byduedate'>SORT BY DUE DATE</a>")]
#[case("ITEMS CHECKED OUT")]
fn list_heading_is_read_in_every_wording(#[case] title: &str) {
    let row = loan_row(0, &title_cell("Tides"), "DUE 12-03-26");
    one_loan(&loans(title, &ENGLISH, &row));
    let two = title.replace('1', "2");
    assert_eq!(two != title, read(&loans(&two, &ENGLISH, &row)).is_err());
}

#[rstest]
#[case::row_heading(
    "<th class=patFuncBibTitle scope=row><a href='/record=b71~S1'><span class=patFuncTitleMain>Tides / Ada Stone</span>\
     </a><br /></th>"
)]
#[case::behind_a_picture(
    "<td class=patFuncTitle><a href='/record=b71~S1'><img src=/cover.jpg alt=''></a><label><a \
     href='/record=b71~S1'>Tides / Ada Stone</a></label></td>"
)]
#[case::from_another_library_without_a_link(
    "<td class=patFuncTitle><label for=renew0>Tides / Ada Stone</label><br /></td>"
)]
#[case::bare("<td class=patFuncTitle>Tides / Ada Stone<br /></td>")]
fn title_is_read_from_every_kind_of_cell(#[case] cell: &str) {
    let loan = one_loan(&loans(
        "1 ITEM CHECKED OUT",
        &ENGLISH,
        &loan_row(0, cell, "DUE 12-03-26"),
    ));
    assert_eq!(
        (loan.title.as_str(), loan.author.as_deref()),
        ("Tides", Some("Ada Stone"))
    );
}

#[test]
fn column_of_stars_is_ignored() {
    let cell = title_cell("Tides")
        + "<td class=patFuncRating><form><input type=radio name=stars value=5> 5 stars</form></td>";
    let headers = [
        "RENEW",
        "TITLE",
        "RATINGS",
        "BARCODE",
        "STATUS",
        "CALL NUMBER",
    ];
    let loan = one_loan(&loans(
        "1 ITEM CHECKED OUT",
        &headers,
        &loan_row(0, &cell, "DUE 12-03-26"),
    ));
    assert_eq!((loan.id.as_str(), loan.renewals), ("30000000000070", None));
}

#[rstest]
#[case(
    "%y-%m-%d",
    "RETOUR 26-12-03 <span class=patFuncRenewCount>Renouvelé 2 fois</span>",
    Some(2)
)]
#[case("%y-%m-%d", "到期 26-12-03", None)]
#[case(
    "%d-%m-%y",
    "ÅTER 03-12-26 <span class=patFuncRenewCount>Omlånad 1 gång</span>",
    Some(1)
)]
fn list_in_another_language_is_recognised_by_its_classes(
    #[case] format: &str,
    #[case] status: &str,
    #[case] renewals: Option<u32>,
) {
    let row = loan_row(0, &title_cell("Tides"), status);
    let page = loans("1 TITRE EMPRUNTÉ", &FRENCH, &row);
    for page in [page.clone(), page.replace("checkout_form", "f1")] {
        let read = read_with_date_format(&page, Some(format)).unwrap();
        assert_eq!(read.declared.loans, Some(1));
        let loan = &read.loans.unwrap()[0];
        assert_eq!(loan.due, Some("2026-12-03".parse().unwrap()));
        assert_eq!(loan.renewals, renewals);
        assert_eq!(loan.renewable, None);
    }
    let taken = page.replace("<input type=checkbox", "<input type=checkbox disabled");
    assert_eq!(
        read_with_date_format(&taken, Some(format))
            .unwrap()
            .loans
            .unwrap()[0]
            .renewable,
        Some(false)
    );
}

#[rstest]
#[case("11-12-26", "%m-%d-%y", "2026-11-12")]
#[case("11-12-26", "%d-%m-%y", "2026-12-11")]
#[case("11-12-2026", "%m-%d-%Y", "2026-11-12")]
#[case("11-12-2026 10:00AM", "%m-%d-%y", "2026-11-12")]
#[case("11/12/2026", "%d/%m/%Y", "2026-12-11")]
#[case("2026-11-12", "%Y-%m-%d", "2026-11-12")]
#[case("26-11-12", "%y-%m-%d", "2026-11-12")]
fn date_is_read_only_in_the_declared_format(
    #[case] written: &str,
    #[case] format: &str,
    #[case] expected: &str,
) {
    let row = loan_row(0, &title_cell("Tides"), &format!("DUE {written}"));
    let page = loans("1 ITEM CHECKED OUT", &ENGLISH, &row);
    let loans = read_with_date_format(&page, Some(format))
        .unwrap()
        .loans
        .unwrap();
    assert_eq!(loans[0].due, Some(expected.parse().unwrap()));
    assert_eq!(
        read_with_date_format(&page, None).unwrap_err().kind,
        FailureKind::PageChanged
    );
}

#[rstest]
#[case::with_headers(&ENGLISH)]
#[case::in_another_language(&FRENCH)]
#[case::without(&[])]
fn no_entries_row_is_an_empty_list_in_any_language(#[case] headers: &[&str]) {
    let none =
        "<tr class=patFuncNoEntries><td class=patFuncNoEntries colspan=5>Ei lainoja.</td></tr>";
    let page = |form: &str, rows: &str| {
        let page = account("", &table(form, "", headers, rows));
        match headers {
            [] => page.replace("<tr class=patFuncHeaders>", ""),
            _ => page,
        }
    };
    assert_eq!(
        read(&page("checkout_form", none)).unwrap().loans,
        Some(Vec::new())
    );
    if headers != ENGLISH {
        let read = read(&page("hold_form", none)).unwrap();
        assert_eq!((read.loans, read.holds), (None, Some(Vec::new())));
    }
    let both = none.to_owned() + &loan_row(0, &title_cell("Tides"), "DUE 12-03-26");
    assert_eq!(
        kind(&page("checkout_form", &both)),
        FailureKind::PageChanged
    );
}

#[test]
fn tables_of_other_kinds_are_ignored() {
    let history = "<form name=PHISTORYFORM><table class=patFunc><tr class=patFuncTitle><th colspan=5 class=patFuncTitle>\
        READING HISTORY (1 TITLE)</th></tr><tr class=patFuncHeaders><th>MARK</th><th>TITLE</th><th>AUTHOR</th>\
        <th>CHECKED OUT</th><th>DETAILS</th></tr><tr class=patFuncEntry><td class=patFuncMark><input type=checkbox \
        name=rsh1></td><td class=patFuncTitle><span class=patFuncTitleMain>Fog</span></td><td class=patFuncAuthor>Ash</td>\
        <td class=patFuncDate>01-02-20</td><td class=patFuncDetails></td></tr></table></form>";
    let row = loan_row(0, &title_cell("Tides"), "DUE 12-03-26");
    let out = table("checkout_form", "1 ITEM CHECKED OUT", &ENGLISH, &row);
    let alone = read(&account("", history)).unwrap();
    assert_eq!((alone.loans, alone.holds), (None, None));
    one_loan(&account("", &(out + history)));
}

const HOLD_HEADERS: [&str; 6] = [
    "CANCEL",
    "TITLE",
    "STATUS",
    "PICKUP LOCATION",
    "CANCEL IF NOT FILLED BY",
    "FREEZE",
];

fn hold_row(id: &str, status: &str, pickup: &str, freeze: &str) -> String {
    format!(
        "<tr class=patFuncEntry><td class=patFuncMark><input type=checkbox name=cancel{id} id=cancel{id} /></td>\
         <td class=patFuncTitle><label for=cancel{id}><a href='/record=b81~S1'><span class=patFuncTitleMain>Lamps / Bo \
         Reed</span></a></label><br /></td><td class=patFuncStatus> {status} </td><td class=patFuncPickup>{pickup}</td>\
         <td class=patFuncCancel>12-31-26</td><td class=patFuncFreeze>{freeze}</td></tr>"
    )
}

#[test]
fn holds_of_the_newest_release_are_read() {
    let choice = "<div class=patFuncPickupLabel><label for=locb1>Pickup Location</label></div><select name=locb1>\
        <option value='p++++'>Pier</option><option value='d    ' selected=selected>Dune</option></select>";
    let box_ = |checked: &str| {
        format!(
            "<div class=patFuncFreezeLabel><label for=freezeb1>Freeze</label></div><input type=checkbox name=freezeb1 \
             {checked} />"
        )
    };
    let pickup = "<div class=patFuncPickupLabel><label>Pickup Location</label></div>Pier";
    let rows = hold_row("b1x00", "2 of 12 holds", choice, &box_("checked"))
        + &hold_row(
            "i2x01",
            "Ready. Must be picked up by 11-28-26",
            pickup,
            "This hold can not be frozen.",
        )
        + &hold_row("b3@pierx02", "&nbsp;", "Dune", &box_(""))
        + &hold_row("b4x03", "READY SOON", "Dune", "");
    let page = account("", &table("hold_form", "4 HOLDS", &HOLD_HEADERS, &rows));
    let holds = read(&page).unwrap().holds.unwrap();
    let states: Vec<_> = holds
        .iter()
        .map(|hold| (hold.id.as_str(), hold.state, hold.pickup_branch.as_deref()))
        .collect();
    assert_eq!(
        states,
        [
            ("b1x00", HoldState::Suspended, Some("Dune")),
            ("i2x01", HoldState::Ready, Some("Pier")),
            ("b3@pierx02", HoldState::Other, Some("Dune")),
            ("b4x03", HoldState::Other, Some("Dune")),
        ]
    );
    assert_eq!(
        (holds[0].position, holds[0].queue_length),
        (Some(2), Some(12))
    );
    assert_eq!(holds[1].pickup_by, Some("2026-11-28".parse().unwrap()));
    assert_eq!(holds[2].note, None);
    assert_eq!(holds[3].note.as_deref(), Some("READY SOON"));
    assert!(
        holds
            .iter()
            .all(|hold| hold.expires == Some("2026-12-31".parse().unwrap()))
    );
}

#[test]
fn holds_in_another_language_are_recognised_by_their_classes() {
    let headers = ["ANNULER", "TITRE", "ÉTAT", "LIEU", "ANNULER APRÈS", "GELER"];
    let rows = hold_row(
        "b1x00",
        "2 de 12 réservations",
        "Quai",
        "<input type=checkbox name=freezeb1>",
    );
    let page = account("", &table("f1", "1 RÉSERVATION", &headers, &rows));
    let read = read(&page).unwrap();
    assert_eq!((read.loans, read.declared.holds), (None, Some(1)));
    let hold = &read.holds.unwrap()[0];
    assert_eq!((hold.state, hold.position), (HoldState::Waiting, Some(2)));
    assert_eq!(
        (hold.id.as_str(), hold.pickup_branch.as_deref()),
        ("b1x00", Some("Quai"))
    );
}

#[test]
fn both_lists_on_one_page_are_distinguished() {
    let row = loan_row(0, &title_cell("Tides"), "DUE 12-03-26");
    let held = hold_row("b1x00", "TRANSIT", "Dune", "");
    let below = table("checkout_form", "1 ITEM CHECKED OUT", &ENGLISH, &row)
        + &table("hold_form", "1 HOLD", &HOLD_HEADERS, &held);
    let read = read(&account("", &below)).unwrap();
    assert_eq!(read.loans.unwrap()[0].title, "Tides");
    assert_eq!(read.holds.unwrap()[0].state, HoldState::InTransit);
}
