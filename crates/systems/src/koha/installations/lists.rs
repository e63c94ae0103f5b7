//! The lists of loans and holds on such pages.

use hippo_core::account::HoldState;
use hippo_core::failure::FailureKind;
use rstest::rstest;

use super::{EMPTY_LOANS_PANEL, EMPTY_LOANS_TAB, list, newest_account_page, read, title};

/// Builds a row of the newest list of holds; `cells` follow the branch.
fn hold_row(class: &str, record: u32, lapse: &str, cells: &str) -> String {
    format!(
        "<tr class='{class}'><td class=title>{}\n v. 2\n Ash, Pip\n<p class=hint>Item: 77</p></td>\
         <td class=reservedate data-order=2026-11-01> 01/11/2026 </td>\
         <td class=expirationdate data-order={}> {lapse} </td><td class=branch> Oak Park \
         <button>Change</button><div class=modal><select name=new_pickup_location><option>Oak Park<option>Mill \
         Street</select></div></td>{cells}<td class=modify></td><td></td></tr>",
        title(record, "Fog"),
        if lapse == "-" {
            "0000-00-00"
        } else {
            "2027-01-31"
        },
    )
}

/// Builds a page of the oldest templates (3.14 to 16.05): Bootstrap 2, labels in cells, the author beside the title.
fn oldest(tabs: &str, panels: &str) -> String {
    format!(
        "<html lang=en><body id=opac-user class=scrollto><div id=wrap><div id=members>\
         <span class=loggedinusername data-borrowernumber=12>Jo</span></div>\
         <div id=loginModal class='modal hide'><form id=modalAuth action=/cgi-bin/koha/opac-user.pl method=post>\
         <input name=userid><input type=password name=password></form></div>\
         <div class=main><div id=userdetails class=maincontent><h2>Good day</h2>\
         <p>Our <b>error</b> of Monday: maintenance is over. Wrong password? Ask us.</p>\
         <div id=opac-user-views class=toptabs><ul>{tabs}</ul>{panels}</div></div></div></div>\
         <script>$.datepicker.regional[''] = {{ dateFormat: 'mm/dd/yy' }};</script></body></html>"
    )
}

#[test]
fn oldest_pages_have_each_holds_state() {
    let row = |class: &str, status: &str, sleep: &str| {
        format!(
            "<tr{class}><td class=title><a class=title href='/cgi-bin/koha/opac-detail.pl?biblionumber=4'>Knots  \
             tied</a> Reed, Bo</td><td class=reservedate><span title=2026-11-01><span class=tdlabel>Asked:</span> \
             11/01/2026</span></td><td class=lastpickupdate><span title=''><span class=tdlabel>Last:</span></span></td>\
             <td class=expirationdate><span class=tdlabel>Lapses:</span> Never</td><td class=branch><span \
             class=tdlabel>Desk:</span> Oak Park</td><td class=status><span class=tdlabel>State:</span> {status}</td>\
             <td>{sleep}</td><td class=modify></td></tr>"
        )
    };
    let rows = [
        row(
            " class=reserved",
            "Here at <b> Oak Park</b> since 11/20/2026<input type=hidden name=pickup value=OP>",
            "",
        ),
        row("", "To be fetched from <b> Oak Park</b>", ""),
        row(
            " class=transfered",
            "Coming to <b> Oak Park</b><input type=hidden name=pickup value=OP>",
            "",
        ),
        row("", "Coming from <b> Mill Street</b> since 11/20/2026", ""),
        row("", "Asleep until 2026-12-24 00:00:00", ""),
        row("", "Xyzzy", "<button><i class=icon-play></i> Wake</button>"),
        row(
            "",
            "Xyzzy",
            "<a href='#s'><i class=icon-pause></i> Sleep</a>",
        ),
    ];
    let holds = list(
        "holdst",
        "Holds <span class=count>(7 in all)</span>",
        8,
        &rows.concat(),
    );
    let page = oldest(
        "<li><a href='#opac-user-checkouts'>Out (0)</a></li><li><a href='#opac-user-waiting'>Here (1)</a></li>\
         <li><a href='#opac-user-holds'>Asked for (7)</a></li>",
        &format!(
            "<div id=opac-user-checkouts><table><tr><td>None</table></div><div id=opac-user-waiting><table \
             id=waitingt><tr><td><a class=title href='opac-detail.pl?biblionumber=4'>Knots</a></table></div>\
             <div id=opac-user-holds>{holds}</div>"
        ),
    );
    let account = read(&page).unwrap();
    let holds = account.holds.unwrap();
    let states: Vec<HoldState> = holds.iter().map(|hold| hold.state).collect();
    use HoldState::{InTransit, Other, Ready, Suspended, Waiting};
    assert_eq!(
        states,
        [
            Ready, Other, InTransit, InTransit, Suspended, Suspended, Waiting
        ]
    );
    assert_eq!(
        holds[1].note.as_deref(),
        Some("To be fetched from Oak Park")
    );
    // Printed as an ISO date, whatever the site's date format.
    assert_eq!(holds[4].suspended_until, "2026-12-24".parse().ok());
    assert_eq!((account.loans, account.messages), (Some(vec![]), vec![]));
}

#[test]
fn oldest_pages_have_the_reason_against_a_renewal() {
    let row = |record: u32, renew: &str| {
        format!(
            "<tr><td class=jacketcell><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=99'><img></a></td><td \
             class=title><a class=title href='/cgi-bin/koha/opac-detail.pl?biblionumber={record}'>Tides </a> no. 3 \
             <span class=item-details>Stone, Ada</span></td><td class=date_due><span title='2026-12-06T23:59:00'>\
             <span class=tdlabel>Due:</span> 12/06/2026</span></td><td class=itype><span class=tdlabel>Kind:</span> \
             <img> Film</td><td class=barcode><span class=tdlabel>Code:</span> 30{record}</td><td class=renew>{renew}\
             </td><td class=links><table><tr><td><a href='?biblionumber=5'>More</a></table><p>Due 1/1/2020</td></tr>"
        )
    };
    let rows = row(3, "<span class=renewals>(On hold)</span>")
        + &row(
            4,
            "Automatic renewal <span class=renewals>(1 of 2 left)</span>",
        )
        + &row(5, "<span class=renewals>(1 of 2 left)</span>");
    let table = list("checkoutst", "3 things", 7, &rows);
    let page = oldest(
        "<li><a href='#opac-user-checkouts'>Out (3)</a></li>",
        &format!("<div id=opac-user-checkouts>{table}</div>"),
    );
    let loans = read(&page).unwrap().loans.unwrap();
    assert_eq!(
        (loans[0].id.as_str(), loans[0].title.as_str()),
        ("303", "Tides no. 3")
    );
    assert_eq!(loans[0].author.as_deref(), Some("Stone, Ada"));
    assert_eq!(loans[0].due, Some("2026-12-06".parse().unwrap()));
    assert_eq!(loans[0].format.as_deref(), Some("Film"));
    let renewals: Vec<_> = loans
        .iter()
        .map(|loan| (loan.renewable, loan.renewable_reason.as_deref()))
        .collect();
    assert_eq!(
        renewals,
        [
            (Some(false), Some("On hold")),
            (None, None),
            (Some(false), None)
        ]
    );
    assert_eq!(loans[1].note.as_deref(), Some("Automatic renewal"));
}

#[test]
fn newest_loan_is_read_with_any_extra_columns() {
    let row = format!(
        "<tr class=overdue><td class=jacketcell><a href='#'><span class=no-image>No cover</span></a></td>\
         <td class=title>{}<em class=onsite_checkout>(Stays here)</em><div class=results_summary><a href='#'>5 stars</a></div><br>\
         <i>Called back.</i></td><td class=author>Stone, Ada</td>\
         <td class=checkout_date data-order='2026-11-01 09:30:00'> 01/11/2026 </td>\
         <td class='date_due overdue' data-order='2026-11-20 14:00:00'> 20/11/2026 02:00 PM </td>\
         <td class=itype><img alt=Film> <span class=itypetext>Film</span></td><td class=call_no> F 3 </td>\
         <td class=renew data-order=0><span class='usr-msg no-renew-overdue'>Not allowed <span class=renewals>(late)\
         </span></span></td><td class=fines><span>Yes</span></td>\
         <td class=links><ul><li><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=44'>Buy</a></ul></td>\
         <td> note </td><td class=note><div>note</div><a class=btn-add-note>Edit</a></td><td></td></tr>",
        title(3, "Harbour").replace(
            "</a>",
            ",<span class=subtitle>a walk</span> <span class=part-number>2</span></a>"
        )
    );
    let late = list(
        "overduest",
        "Late <span class=count>(1 in all)</span>",
        2,
        &format!(
            "<tr><td>{}</td><td data-order='2026-11-20 14:00:00'>20/11/2026</td></tr>",
            title(3, "Harbour")
        ),
    );
    let page = newest_account_page(
        "",
        &[
            ("checkouts", "借出（1）"),
            ("overdues", "逾期（1）"),
            ("clubs", "Clubs (1/2)"),
        ],
        &[
            ("checkouts", &list("checkoutst", "1 件", 13, &row)),
            ("overdues", &late),
            ("clubs", "Loading..."),
        ],
    );
    let account = read(&page).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!(loan.title, "Harbour: a walk: 2");
    assert_eq!(loan.due, Some("2026-11-20".parse().unwrap()));
    assert_eq!(loan.renewable_reason.as_deref(), Some("Not allowed (late)"));
    assert_eq!(loan.note.as_deref(), Some("(Stays here) Called back."));
}

#[rstest]
#[case::each_on_its_own("Wishes (2)", "Wishes (2 in all)", true)]
#[case::of_one_group("Wishes (1)", "Wishes (2 in all)", true)]
#[case::one_too_few("Wishes (3)", "Wishes (3 in all)", false)]
#[case::one_more_in_the_tab("Wishes (3)", "Wishes (2 in all)", false)]
#[case::one_less_in_both("Wishes (1)", "Wishes (1 in all)", false)]
#[case::none_in_the_tab("Wishes (0)", "Wishes (2 in all)", false)]
fn group_of_holds_counts_as_one_in_the_tab(
    #[case] tab: &str,
    #[case] caption: &str,
    #[case] is_read: bool,
) {
    let rows = hold_row(
        "reserved",
        4,
        "-",
        "<td data-order=0 class=priority> 0 </td><td class=status><i class=fa></i> Here at <strong> Oak Park</strong>, \
         Desk 1, since 20/11/2026 until 27/11/2026 <input type=hidden name=pickup value=OP></td><td></td>",
    ) + &hold_row(
        "",
        5,
        "31/01/2027",
        "<td data-order=3 class=priority> 3 </td><td class=status><span>Next of kind 'DVD'</span></td><td><form \
         action=/cgi-bin/koha/opac-modrequest-suspend.pl><input type=hidden name=op value=cud-suspend><input \
         type=hidden name=reserve_id value=5></form></td>",
    );
    let page = newest_account_page(
        "",
        &[EMPTY_LOANS_TAB, ("holds", tab)],
        &[
            ("checkouts", EMPTY_LOANS_PANEL),
            ("holds", &list("holdst", caption, 9, &rows)),
        ],
    );
    let account = read(&page);
    assert_eq!(account.is_ok(), is_read, "{account:?}");
    let Ok(account) = account else { return };
    assert_eq!(account.declared.holds, Some(2));
    let holds = account.holds.unwrap();
    assert_eq!(holds[0].title, "Fog v. 2");
    assert_eq!(holds[0].author.as_deref(), Some("Ash, Pip"));
    assert_eq!(holds[0].pickup_by, "2026-11-27".parse().ok());
    assert_eq!(holds[0].pickup_branch.as_deref(), Some("Oak Park"));
    assert_eq!(
        (holds[1].state, holds[1].position),
        (HoldState::Waiting, Some(3))
    );
    assert_eq!(holds[1].expires, "2027-01-31".parse().ok());
}

#[test]
fn request_from_closed_stacks_is_a_hold() {
    let row = hold_row(
        "",
        4,
        "-",
        "<td class=status><span>Being fetched</span></td><td></td>",
    );
    let table = |caption: &str| list("closed-stack-requests-table", caption, 8, &row);
    let page = |tab: &str, table: &str| {
        newest_account_page(
            "",
            &[EMPTY_LOANS_TAB, ("closed-stack-requests", tab)],
            &[
                ("checkouts", EMPTY_LOANS_PANEL),
                ("closed-stack-requests", table),
            ],
        )
    };
    let account = read(&page("Stacks (1)", &table("Stacks (1)"))).unwrap();
    let holds = account.holds.unwrap();
    assert_eq!((holds.len(), holds[0].state), (1, HoldState::Other));
    assert_eq!(holds[0].note.as_deref(), Some("Being fetched"));
    for (tab, table) in [
        ("Stacks (2)", table("Stacks (1)")),
        ("Stacks (1)", String::new()),
    ] {
        let failure = read(&page(tab, &table)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    }
}

#[test]
fn recall_with_misplaced_row_ends_is_a_hold() {
    let row = |record: u32, status: &str, last: &str| {
        format!(
            "<tr><td class=title>{}</td><td class=recalldate data-order=2026-11-01><span title=2026-11-01>01/11/2026\
             </span></td><td class=expirationdate data-order=2027-01-31><span title=2027-01-31>31/01/2027</span></td>\
             <td class=branch> Oak Park </td><td class=status><span>{status}</span></td><td class=cancelrecall>{last}</td>",
            title(record, "Kites")
        )
    };
    let take_back = "<form action=/cgi-bin/koha/opac-recall.pl method=post></form>";
    let rows = row(3, "Wanted", take_back)
        + &row(4, "In transit to Oak Park", "")
        + &row(5, "Ready for pickup", "")
        + &row(6, "Xyzzy", "")
        + "<td></td></tr>";
    let page = newest_account_page(
        "",
        &[
            EMPTY_LOANS_TAB,
            ("recalls", "Called back (4)"),
            ("article-requests", "Articles (2)"),
        ],
        &[
            ("checkouts", EMPTY_LOANS_PANEL),
            (
                "recalls",
                &list("recalls-table", "Called back (4)", 7, &rows),
            ),
        ],
    );
    let holds = read(&page).unwrap().holds.unwrap();
    let states: Vec<HoldState> = holds.iter().map(|hold| hold.state).collect();
    use HoldState::{InTransit, Other, Ready, Waiting};
    assert_eq!(states, [Waiting, InTransit, Ready, Other]);
    assert_eq!(holds[0].expires, "2027-01-31".parse().ok());
    assert_eq!(holds[2].pickup_by, None);
    assert_eq!(holds[3].note.as_deref(), Some("Xyzzy"));
}

#[test]
fn digital_loans_of_the_shared_german_service_are_loans() {
    let row = format!(
        "<tr><td class=itype><span class=tdlabel>Art:</span> eBook</td><td class=jacketcell></td><td class=title>{}</td>\
         <td class=author>Reed, Bo</td><td class=date_due><span title='2026-12-01T10:15:00'><span class=tdlabel>Bis:\
         </span> 01/12/2026 10:15</span></td><td class=renew>Hier nicht</td></tr>",
        title(9, "Nebel")
    );
    let page = |table: &str| {
        newest_account_page(
            "",
            &[
                ("checkouts", "Daheim (0)"),
                ("divibibcheckouts", "Dateien (1)"),
            ],
            &[
                ("checkouts", EMPTY_LOANS_PANEL),
                ("divibibcheckouts", table),
            ],
        )
    };
    let account = read(&page(&list("divibibcheckoutst", "1 Datei(en)", 6, &row))).unwrap();
    assert_eq!(
        (account.declared.loans, account.holds),
        (Some(1), Some(vec![]))
    );
    let loan = &account.loans.unwrap()[0];
    assert!(loan.digital);
    assert_eq!(loan.due, Some("2026-12-01".parse().unwrap()));
    assert_eq!(loan.format.as_deref(), Some("eBook"));
    let without_its_table = read(&page("")).unwrap_err();
    assert_eq!(without_its_table.kind, FailureKind::PageChanged);
}

#[test]
fn hold_states_are_read_without_the_expiration_column() {
    let row = |class: &str, status: &str, sleep: &str| {
        format!(
            "<tr{class}><td class=title>{}</td><td class=reservedate data-order=2026-11-01>1/11/2026</td><td \
             class=status>{status}</td><td>{sleep}</td></tr>",
            title(4, "Ice")
        )
    };
    let rows = row(" class=reserved", "Hier: <b>Oak Park</b>", "")
        + &row("", "Vorgemerkt", "<i class='fa fa-pause'></i>")
        + &row("", "Ausgesetzt bis 2026-12-24", "")
        + &row("", "Bestellt", "");
    let page = newest_account_page(
        "",
        &[EMPTY_LOANS_TAB, ("holds", "Wünsche (4)")],
        &[
            ("checkouts", EMPTY_LOANS_PANEL),
            ("holds", &list("holdst", "", 4, &rows)),
        ],
    );
    let holds = read(&page).unwrap().holds.unwrap();
    let states: Vec<HoldState> = holds.iter().map(|hold| hold.state).collect();
    assert_eq!(
        states,
        [
            HoldState::Ready,
            HoldState::Waiting,
            HoldState::Suspended,
            HoldState::Other
        ]
    );
    assert_eq!(holds[2].suspended_until, "2026-12-24".parse().ok());
    assert_eq!(holds[3].note.as_deref(), Some("Bestellt"));
}

#[test]
fn repeated_row_is_no_group() {
    let row = hold_row("", 4, "Never", "<td class=status>In line</td><td></td>");
    let page = newest_account_page(
        "",
        &[EMPTY_LOANS_TAB, ("holds", "Wishes (1)")],
        &[
            ("checkouts", EMPTY_LOANS_PANEL),
            (
                "holds",
                &list("holdst", "Wishes (2 in all)", 8, &row.repeat(2)),
            ),
        ],
    );
    assert_eq!(read(&page).unwrap_err().kind, FailureKind::PageChanged);
}
