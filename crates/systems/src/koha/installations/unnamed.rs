//! The templates before 2012, whose cells have no classes.

use hippo_core::account::{Account, HoldState};
use hippo_core::failure::Failure;
use rstest::rstest;

use super::read_with_date_format;

const LOAN: &str = "<tr><td class=jacketcell><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=3'><img alt=''></a></td>\
    <td><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=3'>Tides :</a><span class=item-details> Stone, Ada. </span></td>\
    <td>PB 12/08</td><td>10/27/2026</td><td><a href='/cgi-bin/koha/opac-renew.pl?item=7&borrowernumber=12'>Renew</a> \
    <span class=renewals>(1 of 2 renewals remaining)</span></td><td>No</td></tr>";

const HOLD: &str = "<tr><td><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=4'>Fog</a> Ash, Pip</td><td>10/01/2026</td>\
    <td></td><td>Pier</td><td>2</td><td>Pending</td><td><form action=/cgi-bin/koha/opac-modrequest.pl method=post>\
    <input type=submit value=Cancel></form></td></tr>";

/// Builds an account of these loans and holds, with fines.
fn page(loans: &[&str], holds: &[&str]) -> String {
    format!(
        "<html lang=en><body id=opac-user><span class=loggedinusername>Jo</span><div id=userdetails><h2>Hello</h2>\
         <div id=opac-user-views class=toptabs><ul><li><a href='/cgi-bin/koha/opac-user.pl#opac-user-checkouts'>Out</a></li>\
         <li><a href='/cgi-bin/koha/opac-user.pl#opac-user-fines'>Fines</a></li>\
         <li><a href='/cgi-bin/koha/opac-user.pl#opac-user-holds'>Holds</a></li></ul>\
         <div id=opac-user-fines><table><tr><th colspan=2>Amount</th></tr><tr><td>You owe fines and charges of:</td>\
         <td><a href=/cgi-bin/koha/opac-account.pl>2.05</a></td></tr></table></div>\
         <div id=opac-user-checkouts><table id=checkoutst><caption>{} Items Checked Out</caption><thead><tr><th>&nbsp;</th>\
         <th>Title</th><th>Call No.</th><th>Due</th><th>Renew</th><th>Fines</th></tr></thead><tbody>{}</tbody></table></div>\
         <div id=opac-user-holds><table id=holdst><caption>Holds <span class=count>({} total)</span></caption><thead><tr>\
         <th>Title</th><th>Placed On</th><th>Expires On</th><th>Pick Up Location</th><th>Priority</th><th>Status</th>\
         <th>Cancel</th></tr></thead><tbody>{}</tbody></table></div></div></div></body></html>",
        loans.len(),
        loans.concat(),
        holds.len(),
        holds.concat(),
    )
}

fn read(page: &str) -> Result<Account, Failure> {
    read_with_date_format(page, Some("%m/%d/%Y"))
}

#[test]
fn columns_without_classes_are_read() {
    let account = read(&page(&[LOAN], &[HOLD])).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!(
        (loan.title.as_str(), loan.author.as_deref()),
        ("Tides", Some("Stone, Ada."))
    );
    assert_eq!(loan.due, Some("2026-10-27".parse().unwrap()));
    assert_eq!((loan.renewable, loan.id.as_str()), (Some(true), "3"));
    let hold = &account.holds.unwrap()[0];
    assert_eq!(
        (hold.title.as_str(), hold.author.as_deref()),
        ("Fog", Some("Ash, Pip"))
    );
    assert_eq!((hold.state, hold.position), (HoldState::Waiting, Some(2)));
    assert_eq!(
        (hold.pickup_branch.as_deref(), hold.expires),
        (Some("Pier"), None)
    );
    assert_eq!(account.fines, Some("2.05".parse().unwrap()));
    assert_eq!(
        (account.declared.loans, account.declared.holds),
        (Some(1), Some(1))
    );
}

#[test]
fn empty_table_with_a_total_of_0_is_an_empty_list() {
    let account = read(&page(&[], &[])).unwrap();
    assert_eq!(
        (account.loans, account.holds),
        (Some(Vec::new()), Some(Vec::new()))
    );
}

#[rstest]
#[case(
    "<tr class=reserved>",
    "Item waiting at <b>Pier</b> since 10/20/2026",
    HoldState::Ready
)]
#[case(
    "<tr class=transfered>",
    "Item in transit from <b>Pier</b> since 10/20/2026",
    HoldState::InTransit
)]
#[case("<tr>", "Suspended until 2026-12-01", HoldState::Suspended)]
#[case("<tr>", "Ausstehend", HoldState::Waiting)]
#[case("<tr>", "Being repaired", HoldState::Other)]
fn state_of_a_hold_is_read_from_its_row(
    #[case] row: &str,
    #[case] status: &str,
    #[case] expected: HoldState,
) {
    let hold = HOLD.replacen("<tr>", row, 1).replace("Pending", status);
    let holds = read(&page(&[], &[&hold])).unwrap().holds.unwrap();
    assert_eq!(holds[0].state, expected);
}

#[rstest]
#[case::no_column_of_dates(LOAN.replace("10/27/2026", "soon"))]
#[case::two_columns_of_dates_without_a_header(LOAN.replace("PB 12/08", "10/01/2026").replace("Due", "x"))]
#[case::no_record(LOAN.replace("biblionumber", "x"))]
fn unclear_column_of_loans_is_a_changed_page(#[case] loan: String) {
    let page = page(&[&loan], &[]).replace("<th>Due</th>", "<th>Until</th>");
    assert!(read(&page).is_err());
}

#[test]
fn column_of_loans_is_identified_by_its_header_if_two_have_dates() {
    let loan = LOAN.replace("PB 12/08", "10/01/2026");
    let loans = read(&page(&[&loan], &[])).unwrap().loans.unwrap();
    assert_eq!(loans[0].due, Some("2026-10-27".parse().unwrap()));
}

#[test]
fn refused_renewal_is_found_by_the_column_of_the_others() {
    let refused = LOAN.replace("biblionumber=3", "biblionumber=5").replace(
        "<a href='/cgi-bin/koha/opac-renew.pl?item=7&borrowernumber=12'>Renew</a> \
    <span class=renewals>(1 of 2 renewals remaining)</span>",
        "On hold",
    );
    let page = page(&[LOAN, &refused], &[]).replace("<th>Renew</th>", "<th>?</th>");
    let loans = read(&page).unwrap().loans.unwrap();
    assert_eq!(loans[0].renewable, Some(true));
    assert_eq!(
        (loans[1].renewable, loans[1].renewable_reason.as_deref()),
        (Some(false), Some("On hold"))
    );
}

#[test]
fn holds_without_a_status_column_are_a_changed_page() {
    let page = page(&[], &[HOLD]).replace("<th>Status</th>", "<th>Etat</th>");
    assert!(read(&page).is_err());
}

#[test]
fn second_row_of_headers_is_ignored() {
    let page = page(&[LOAN], &[HOLD]).replace("</tr></thead>", "</tr><tr><th>x</th></tr></thead>");
    let account = read(&page).unwrap();
    assert_eq!(account.loans.unwrap().len(), 1);
    assert_eq!(account.holds.unwrap().len(), 1);
}
