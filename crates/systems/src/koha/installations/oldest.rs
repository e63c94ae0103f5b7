//! The templates before “bootstrap”, and those of LibLime and of Finland.

use hippo_core::account::{Account, HoldState};
use hippo_core::failure::Failure;
use rstest::rstest;

use super::read_with_date_format;

/// Builds an account with these boxes above its tabs, whose words have no totals.
fn page(boxes: &str, tabs: &[(&str, &str)], panels: &str) -> String {
    let tabs: String = tabs
        .iter()
        .map(|(name, words)| format!("<li><a href='#opac-user-{name}'>{words}</a></li>"))
        .collect();
    format!(
        "<html lang=en><body id=opac-user><span class=loggedinusername>Jo</span><div id=userdetails class=container>\
         {boxes}<div id=opac-user-views class=toptabs><ul>{tabs}</ul>{panels}</div></div></body></html>"
    )
}

fn read(page: &str) -> Result<Account, Failure> {
    read_with_date_format(page, Some("%m/%d/%Y"))
}

const LOANS_TAB: (&str, &str) = ("checkouts", "Out");

fn loans_panel(words: &str) -> String {
    format!("<div id=opac-user-checkouts><table>\n<tr><td>{words}</td></tr>\n</table></div>")
}

/// Builds a table of holds with these headers and rows.
fn holds(headers: &[&str], rows: &[&str]) -> String {
    let headers: String = headers
        .iter()
        .map(|header| format!("<th>{header}</th>"))
        .collect();
    format!(
        "<table id=holdst><caption>Holds <span class=count>({} total)</span></caption><thead><tr>{headers}</tr></thead>\
         <tbody>{}</tbody></table>",
        rows.len(),
        rows.concat()
    )
}

const HOLD: &str = "<tr><td><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=4'>Fog</a> Ash, Pip</td>\
    <td>10/01/2026</td><td>12/24/2026</td><td>Pier</td><td>2</td><td>Pending</td></tr>";

#[rstest]
#[case("You have nothing out", true)]
#[case("Nichts ausgeliehen", true)]
#[case("Vous n'avez rien emprunté", true)]
#[case("", false)]
#[case("Your checkouts can't be shown now", false)]
#[case("Keine Verbindung", false)]
#[case("3 items", false)]
#[case("<a href=/more>All items</a>", false)]
#[case("Tides</td><td>Stone", false)]
#[case("Tides</td></tr><tr><td>Fog", false)]
#[case("Sorry</td></tr></table><p>Come again</p><table><tr><td>Later", false)]
fn sentence_alone_below_a_tab_without_a_total_means_no_loans(
    #[case] words: &str,
    #[case] expected: bool,
) {
    let account = read(&page("", &[LOANS_TAB], &loans_panel(words)));
    assert_eq!(
        account.is_ok_and(|account| account.loans == Some(vec![])),
        expected
    );
}

#[rstest]
#[case(["Title", "Placed", "Expires on", "Pick up location", "Priority", "Status"])]
#[case(["Titel", "Reserverad", "Går ut", "Hämtställe", "Prioritet", "Status"])]
fn columns_of_holds_are_known_by_translated_headers(#[case] headers: [&str; 6]) {
    let panels = loans_panel("Nothing") + &holds(&headers, &[HOLD]);
    let account = read(&page("", &[LOANS_TAB, ("holds", "Holds")], &panels)).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!(hold.position, Some(2));
    assert_eq!(hold.pickup_branch.as_deref(), Some("Pier"));
    assert_eq!(hold.expires, Some("2026-12-24".parse().unwrap()));
}

#[test]
fn second_table_has_the_suspended_holds() {
    let headers = [
        "Title",
        "Placed",
        "Expires on",
        "Pick up",
        "Priority",
        "Status",
    ];
    let resumed = [
        "Title",
        "Placed",
        "Pick up",
        "Priority",
        "Resume on",
        "Resume now",
    ];
    let row = "<tr><td><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=9'>Rain</a> Ash</td><td>10/01/2026</td>\
        <td>Pier</td><td>3</td><td>12/24/2026</td><td><input type=submit value=Resume></td></tr>";
    let tabs = [LOANS_TAB, ("holds", "Holds")];
    let second = holds(&resumed, &[row]);
    let panels = loans_panel("Nothing") + &holds(&headers, &[HOLD]) + &second;
    let holds_of =
        |panels: &str| read(&page("", &tabs, panels)).map(|account| account.holds.unwrap());
    let read = holds_of(&panels).unwrap();
    let states: Vec<HoldState> = read.iter().map(|hold| hold.state).collect();
    assert_eq!(states, [HoldState::Waiting, HoldState::Suspended]);
    assert_eq!(read[1].suspended_until, Some("2026-12-24".parse().unwrap()));
    assert_eq!(
        (read[1].title.as_str(), read[1].position),
        ("Rain", Some(3))
    );
    assert_eq!(read[1].pickup_branch.as_deref(), Some("Pier"));
    assert_eq!(read[0].suspended_until, None);
    // Otherwise, it is unclear which of the two counts.
    assert!(holds_of(&panels.replace("Resume now", "Status")).is_err());
    assert!(holds_of(&(panels + &second)).is_err());
}

#[test]
fn boxes_have_the_staffs_messages_and_the_cards_expiry() {
    let boxes = "<div class='dialog message'><h3>For you</h3><ul><li>Please see us</li></ul></div>\
        <div class='dialog alert'><strong>Please note:</strong> Your card will expire on 01/15/2027. Ask us.</div>";
    let account = read(&page(boxes, &[LOANS_TAB], &loans_panel("Nothing"))).unwrap();
    assert_eq!(account.card_expires, Some("2027-01-15".parse().unwrap()));
    assert_eq!(account.messages.len(), 2);
    assert!(account.messages.contains(&"Please see us".to_owned()));
}

#[test]
fn last_day_to_pick_up_has_a_column_of_its_own() {
    let row = "<tr class=reserved><td class=title><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=4'>Fog</a></td>\
        <td class=lastpickupdate><span title=2026-12-05><span class=tdlabel>Last:</span> 05.12.2026</span></td>\
        <td class=status>Here</td></tr>";
    let panels = loans_panel("Nothing") + &holds(&["A", "B", "C"], &[row]);
    let account = read(&page("", &[LOANS_TAB, ("holds", "Holds (1)")], &panels)).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!(hold.state, HoldState::Ready);
    assert_eq!(hold.pickup_by, Some("2026-12-05".parse().unwrap()));
}

#[rstest]
#[case(
    "<table><tfoot><tr><th>Due<td class=sum>12.00</tr></tfoot></table>",
    Some("12.00")
)]
#[case("<h2>You have no fines or charges</h2>", Some("0.00"))]
#[case("<h2>You have fines</h2>", None)]
#[case(
    "<table><tfoot><tr><td class=sum>1.00</table><table><tfoot><tr><td class=sum>2.00</table>",
    None
)]
fn charges_are_known_without_the_id_of_their_table(
    #[case] charges: &str,
    #[case] expected: Option<&str>,
) {
    let page = format!(
        "<html><body><span class=loggedinusername>Jo</span><div id=useraccount>{charges}</div></body></html>"
    );
    let fines = read(&page).unwrap().fines;
    assert_eq!(fines.map(|fines| fines.to_string()).as_deref(), expected);
}

#[rstest]
#[case("A teljes fizetési kötelezettsége:", Some("12.50"))]
#[case("Többlet van a számládon:", Some("-12.50"))]
#[case("În prezent datorați amenzi şi taxe în valoare de:", Some("12.50"))]
#[case("Du har et tilgodebeløb på:", Some("-12.50"))]
#[case("Actualmente debe:", Some("12.50"))]
#[case("Xyzzy:", None)]
fn words_beside_a_sum_tell_a_debt_from_a_credit(
    #[case] words: &str,
    #[case] expected: Option<&str>,
) {
    let fines = format!(
        "<div id=opac-user-fines><table><tr><td>{words}</td><td><a href=/cgi-bin/koha/opac-account.pl>12.50</a></td>\
         </tr></table></div>"
    );
    let panels = loans_panel("Nothing") + &fines;
    let account = read(&page("", &[LOANS_TAB, ("fines", "Fines")], &panels)).unwrap();
    let fines = account.fines.map(|fines| fines.to_string());
    assert_eq!(fines.as_deref(), expected);
}
