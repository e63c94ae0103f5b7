//! Invented pages that show how installations differ: Koha's templates of many versions, and the options of a
//! library.

mod lists;
mod oldest;
mod unnamed;

use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use rstest::rstest;
use url::Url;

use super::Koha;
use crate::offline::OfflineReader as _;

fn read_with_date_format(page: &str, date_format: Option<&str>) -> Result<Account, Failure> {
    let page = SavedPage {
        name: "saved.html".to_owned(),
        body: page.to_owned(),
    };
    let base_url = Url::parse("https://library.test").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format,
        timezone: chrono_tz::Europe::Berlin,
        card_number: None,
    };
    Koha.read(&[page], &context)
}

fn read(page: &str) -> Result<Account, Failure> {
    read_with_date_format(page, None)
}

/// Builds a page of the newest templates (from 24.05): Bootstrap 5, tabs and panels of a shared template.
fn newest_account_page(notices: &str, tabs: &[(&str, &str)], panels: &[(&str, &str)]) -> String {
    let tabs: String = tabs
        .iter()
        .map(|(name, words)| {
            format!(
                "<li class=nav-item role=presentation><a href='#opac-user-{name}_panel' class=nav-link \
                 id=opac-user-{name}-tab data-bs-toggle=tab data-bs-target='#opac-user-{name}_panel' role=tab>\
                 <span>{words}</span></a></li>"
            )
        })
        .collect();
    let panels: String = panels
        .iter()
        .map(|(name, words)| {
            format!("<div role=tabpanel class=tab-pane id=opac-user-{name}_panel>{words}</div>")
        })
        .collect();
    format!(
        "<!DOCTYPE html><html lang=ar dir=rtl><body id=opac-user class='branch-MS scrollto'><div id=wrapper>\
         <header id=header-region><ul id=members><li><span class=loggedinusername data-borrowernumber=12 \
         data-branchcode=MS data-categorycode=A>Yours</span><a class=logout id=logout \
         href='/cgi-bin/koha/opac-main.pl?logout.x=1'>Out</a></li></ul></header>\
         <main class=main><div id=userdetails class=maincontent><h1>Yours</h1>{notices}\
         <div class='alert alert-info' id=notesaved style='display:none;'></div>\
         <form id=autorenewal_option method=post><input type=hidden name=op value=cud-update_arc></form>\
         <div id=opac-user-views class=toptabs><ul class='nav nav-tabs' role=tablist>{tabs}</ul>\
         <div class=tab-content>{panels}</div></div></div></main>\
         <div id=suspendHoldModal class=modal><form action=/cgi-bin/koha/opac-modrequest-suspend.pl method=post>\
         <input type=hidden name=op value=cud-suspend><input type=hidden name=reserve_id value=''></form></div>\
         <script>var dateformat_pref = \"metric\"; flatpickr.setDefaults({{dateFormat: \"Y-m-d\"}});</script>\
         </div></body></html>"
    )
}

const EMPTY_LOANS_PANEL: &str = "<table class=table><caption class=visually-hidden>Out</caption><tr><td>Nothing</td></tr></table>\
     <div class=modal id=addNoteModal><form id=addNoteForm><input type=hidden name=issue_id></form></div>";

const EMPTY_LOANS_TAB: (&str, &str) = ("checkouts", "خارج (0)");

fn list(id: &str, caption: &str, columns: usize, rows: &str) -> String {
    format!(
        "<table id={id} class=table><caption>{caption}</caption><thead><tr>{}</tr></thead><tbody>{rows}</tbody></table>",
        "<th>x</th>".repeat(columns)
    )
}

fn title(record: u32, title: &str) -> String {
    format!(
        "<a href='/cgi-bin/koha/opac-detail.pl?biblionumber={record}' class=title>\
         <span class=biblio-title>{title}</span></a>"
    )
}

#[test]
fn relatives_loans_and_fines_are_ignored() {
    let relatives = list(
        "opac-user-relative-issues-table",
        "",
        6,
        &format!(
            "<tr><td>{}</td><td> 01/12/2026 </td><td> 901 </td><td> F 1 </td><td> Mo Doe </td><td></td></tr>",
            title(8, "Lamps")
        ),
    );
    let page = newest_account_page(
        "",
        &[
            EMPTY_LOANS_TAB,
            ("relative-issues", "Of relatives"),
            ("relative-fines", "Owed by relatives"),
        ],
        &[
            ("checkouts", EMPTY_LOANS_PANEL),
            (
                "relative-fines",
                "<table><tr><td>Mo Doe owes charges of:</td><td><a href='/cgi-bin/koha/opac-account.pl#g9'>41.00</a>\
                 </td></tr></table>",
            ),
            ("relative-issues", &relatives),
        ],
    );
    let account = read(&page).unwrap();
    assert_eq!((account.loans, account.holds), (Some(vec![]), Some(vec![])));
    assert_eq!(account.fines, None);
}

#[rstest]
#[case("metric", "04/05/2026", "2026-05-04")]
#[case("us", "04/05/2026", "2026-04-05")]
#[case("dmydot", "04.05.2026", "2026-05-04")]
#[case("iso", "2026-05-04", "2026-05-04")]
fn card_expiry_is_read_in_the_sites_format(
    #[case] setting: &str,
    #[case] written: &str,
    #[case] expected: &str,
) {
    let notices = format!(
        "<div class='alert alert-info'><h3>For you</h3><ul><li><strong>Error in your form?</strong><br><em>On {written} \
         by Oak Park</em></li><form id=dismiss-message-form></form></ul></div>\
         <div class='alert alert-warning' id=warnexpired><strong>Note:</strong> <span>Over since {written}.</span></div>\
         <div class='alert alert-warning'><ul><li class='userdebarred blocker'><strong>Frozen.</strong> <ul><li \
         class=manual_restriction>Until {written}</li><li>Ask us.</li></ul></li><li id=lost>Lost.</li><li id=gonenoaddress>Moved?</li></ul></div>"
    );
    let page = newest_account_page(
        &notices,
        &[EMPTY_LOANS_TAB],
        &[("checkouts", EMPTY_LOANS_PANEL)],
    );
    let page = page.replace("\"metric\"", &format!("{setting:?}"));
    let account = read_with_date_format(&page, Some("%Y, day %j")).unwrap();
    assert_eq!(account.card_expires, expected.parse().ok());
    assert_eq!(account.messages.len(), 5, "{:?}", account.messages);
    assert_eq!(
        account.messages[2],
        format!("Frozen. Until {written} Ask us.")
    );
}

#[rstest]
#[case("1 204,50", "1204.50")]
#[case("1\u{a0}204,50 €", "1204.50")]
#[case("1.204,50", "1204.50")]
#[case("1'204.50", "1204.50")]
#[case("12,00 CFP", "12.00")]
fn blocked_patron_owes_the_amount_in_any_language(#[case] sum: &str, #[case] expected: &str) {
    let panel = format!(
        "<table><tr><td>Xyzzy</td><td><a href='/cgi-bin/koha/opac-account.pl'>{sum}</a></td></tr></table>"
    );
    let page = |notices: &str| {
        let tab = format!("Xyzzy ({sum})");
        newest_account_page(
            notices,
            &[EMPTY_LOANS_TAB, ("fines", &tab)],
            &[("checkouts", EMPTY_LOANS_PANEL), ("fines", &panel)],
        )
    };
    assert_eq!(read(&page("")).unwrap().fines, None);
    let blocked = "<div class='alert alert-warning' id=blockedonfines>Too much.</div>";
    let account = read(&page(blocked)).unwrap();
    assert_eq!(account.fines, Some(expected.parse().unwrap()));
}

#[test]
fn charges_page_has_the_patrons_balance_after_credits() {
    let own = "<table class=finestable id=finestable><tfoot><tr><th class=sum>Due</th><td class=sum>17.00</td></tr>\
               <tr class=outstanding><td class=credit>-5.00</td></tr>\
               <tr><th class=sum>With credits</th><td class=sum>12.00</td></tr></tfoot></table>";
    let relatives = "<h3 id=g9>Mo Doe</h3><table class=finestable id=finestable-9><tfoot><tr><td class=sum>41.00</td>\
                     </tr></tfoot></table>";
    let fines = |tables: &str| {
        let page =
            format!("<html><body id=opac-account><div id=useraccount>{tables}</div></body></html>");
        read(&page).unwrap().fines
    };
    assert_eq!(fines(&format!("{own}{relatives}")), "12.00".parse().ok());
    assert_eq!(
        fines(&own.replace("<td class=sum>12.00", "<td>12.00")),
        None
    );
    assert_eq!(fines(&format!("<h3>You owe nothing</h3>{relatives}")), None);
}

#[rstest]
#[case::closed(
    "<body id=opac_maintenance><div id=opac-maintenance-message><p>Wir sind bald zurück.</p></div>",
    "site_down"
)]
#[case::consent_required(
    "<body id=opac-patron-consent><span class=loggedinusername data-borrowernumber=12></span><div id=patronconsents>\
     <div class=alert>Datenschutz</div><form action=/cgi-bin/koha/opac-patron-consent.pl></form></div>",
    "card_blocked"
)]
#[case::password_required(
    "<div id=opac-auth><div class='alert alert-info'><p>Setzen Sie ein Passwort.</p></div><a \
     href='/cgi-bin/koha/opac-reset-password.pl'>Setzen</a></div>",
    "wrong_credentials"
)]
fn interstitial_page_is_recognised_in_any_language(#[case] page: &str, #[case] expected: &str) {
    assert_eq!(read(page).unwrap_err().kind.as_str(), expected);
}
