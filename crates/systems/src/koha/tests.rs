//! Rules of single pages, on invented pages; `tests/integration/koha.rs` reads the demo library's.

use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState, Loan};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::Koha;
use crate::offline::OfflineReader as _;

/// Builds a page with these tabs and panels.
fn page(tabs: &[(&str, &str)], panels: &str) -> String {
    let tabs: String = tabs
        .iter()
        .map(|(name, words)| format!("<li><a href='#opac-user-{name}'>{words}</a></li>"))
        .collect();
    format!(
        "<html><body><span class=loggedinusername data-borrowernumber=7>Jo</span>\
         <form id=modalAuth method=post><input name=userid><input type=password name=password></form>\
         <div id=userdetails><div id=opac-user-views><ul>{tabs}</ul>{panels}</div></div></body></html>"
    )
}

const LOAN: &str = "<tr><td class=title><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=3'>Tides</a></td>\
    <td class=date_due><span title='2026-12-06 23:59:00'>06.12.2026</span></td></tr>";
const HOLD: &str = "<tr><td class=title><a href='/cgi-bin/koha/opac-detail.pl?biblionumber=4'>Knots</a> Stone, Ada</td>\
    <td class=reservedate>-</td><td class=expirationdate>At no time</td><td class=status>In line</td><td></td></tr>";
const EMPTY_LOANS_PANEL: &str =
    "<div id=opac-user-checkouts><table><tr><td>Nothing</td></tr></table></div>";

fn loans(rows: &str) -> String {
    format!(
        "<div id=opac-user-checkouts><table id=checkoutst><caption>things</caption>\
         <thead><tr><th>A<th>B</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn holds(rows: &str) -> String {
    format!(
        "<div id=opac-user-holds><table id=holdst><thead><tr><th>A<th>B<th>C<th>D<th>E</tr></thead>\
         <tbody>{rows}</tbody></table></div>"
    )
}

fn read_with(pages: &[&str], date_format: Option<&str>) -> Result<Account, Failure> {
    let pages: Vec<SavedPage> = pages
        .iter()
        .map(|body| SavedPage {
            name: "saved.html".to_owned(),
            body: (*body).to_owned(),
        })
        .collect();
    let base_url = Url::parse("https://library.test").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format,
        timezone: chrono_tz::UTC,
        card_number: None,
    };
    Koha.read(&pages, &context)
}

fn read(page: &str) -> Result<Account, Failure> {
    read_with(&[page], None)
}

fn failure_detail(page: &str) -> String {
    let failure = read(page).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    failure.detail
}

#[test]
fn list_is_read_if_its_tab_and_rows_agree() {
    let tabs = [("checkouts", "Out (1)"), ("holds", "Wishes (1)")];
    let account = read(&page(&tabs, &(loans(LOAN) + &holds(HOLD)))).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!((loan.id.as_str(), loan.title.as_str()), ("3", "Tides"));
    assert_eq!(loan.due, Some("2026-12-06".parse().unwrap()));
    let hold = &account.holds.unwrap()[0];
    assert_eq!(hold.state, HoldState::Waiting);
    assert_eq!(hold.author.as_deref(), Some("Stone, Ada"));
}

#[test]
fn volume_of_a_hold_without_an_author_belongs_to_its_title() {
    let tabs = [("checkouts", "Out (0)"), ("holds", "Wishes (1)")];
    let hold = HOLD.replace(" Stone, Ada", "\n 2026 Nov 21\n <p class=hint>Item: 77</p>");
    let account = read(&page(
        &tabs,
        &(EMPTY_LOANS_PANEL.to_owned() + &holds(&hold)),
    ))
    .unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!(
        (hold.title.as_str(), &hold.author),
        ("Knots 2026 Nov 21", &None)
    );
}

#[rstest]
#[case::more_in_the_tab("Out (2)", LOAN)]
#[case::less_in_the_tab("Out (0)", LOAN)]
#[case::no_total("Out", LOAN)]
#[case::no_rows("Out (1)", "")]
fn rows_that_differ_from_the_total_are_a_changed_page(#[case] tab: &str, #[case] rows: &str) {
    failure_detail(&page(&[("checkouts", tab)], &loans(rows)));
}

#[rstest]
#[case::as_wide("", "", true)]
#[case::narrower("<th>C", "", false)]
#[case::wider("", "<td>c", false)]
#[case::without_cells_of_its_own("<th>C<th>D<th>E<th>F", "<td colspan=4>c", false)]
fn row_with_a_missing_cell_is_a_changed_page(
    #[case] header: &str,
    #[case] cells: &str,
    #[case] expected: bool,
) {
    let row = LOAN.replace("</tr>", &format!("{cells}</tr>"));
    let table = loans(&row).replace("<th>B", &format!("<th>B{header}"));
    let page = page(&[("checkouts", "Out (1)")], &table);
    assert_eq!(read(&page).is_ok(), expected);
}

#[rstest]
#[case("06/12/2026 renewed 20/11/2026")]
#[case("06/12/2026 - 20/12/2026")]
fn first_day_of_a_due_date_counts(#[case] words: &str) {
    let row = LOAN.replace("<span title='2026-12-06 23:59:00'>06.12.2026</span>", words);
    let page = page(&[("checkouts", "Out (1)")], &loans(&row));
    let account = read_with(&[&page], Some("%d/%m/%Y")).unwrap();
    let due = account.loans.unwrap()[0].due;
    assert_eq!(due, Some("2026-12-06".parse().unwrap()));
}

#[rstest]
#[case::waiting(
    "Requested <form action='/cgi-bin/koha/opac-recall.pl'></form>",
    HoldState::Waiting
)]
#[case::ready("Ready for pickup", HoldState::Ready)]
fn expiry_of_a_recall_is_read_only_as_long_as_it_waits(
    #[case] status: &str,
    #[case] state: HoldState,
) {
    let title = "<a href='/cgi-bin/koha/opac-detail.pl?biblionumber=5'>Fog</a>";
    let recalls = format!(
        "<table id=recalls-table><thead><tr><th>A<th>B<th>C<th>D</tr></thead><tbody><tr><td class=title>{title}</td>\
         <td class=expirationdate>06/12/2026</td><td class=branch>Pier</td><td class=status>{status}</td></tr></tbody></table>"
    );
    let tabs = [("checkouts", "Out (0)"), ("recalls", "Recalls (1)")];
    let page = page(&tabs, &(EMPTY_LOANS_PANEL.to_owned() + &recalls));
    let hold = |format| Ok(read_with(&[&page], format)?.holds.unwrap().remove(0));
    let read = hold(Some("%d/%m/%Y")).unwrap();
    let expires = (state == HoldState::Waiting).then(|| "2026-12-06".parse().unwrap());
    assert_eq!((read.state, read.expires), (state, expires));
    // Without a format, the day of a recall that waits can't be read.
    let without_format: Result<_, Failure> = hold(None);
    assert_eq!(without_format.is_err(), state == HoldState::Waiting);
}

#[test]
fn only_links_to_public_records_are_kept() {
    let url = |href: &str| {
        let row = LOAN.replace("/cgi-bin/koha/opac-detail.pl?biblionumber=3", href);
        let loan = read(&page(&[("checkouts", "Out (1)")], &loans(&row)))
            .unwrap()
            .loans
            .unwrap()
            .remove(0);
        loan.url
    };
    assert_eq!(
        url("/cgi-bin/koha/opac-detail.pl?biblionumber=3").as_deref(),
        Some("https://library.test/cgi-bin/koha/opac-detail.pl?biblionumber=3")
    );
    assert_eq!(url("javascript:go(&quot;?biblionumber=3&quot;)"), None);
    assert_eq!(url("/cgi-bin/koha/opac-renew.pl?item=3"), None);
}

#[rstest]
#[case::total_of_0(&[("checkouts", "Out (0)")], EMPTY_LOANS_PANEL, true)]
#[case::no_panel(&[("checkouts", "Out (0)")], "", false)]
#[case::no_total_but_a_sentence(&[("checkouts", "Out")], EMPTY_LOANS_PANEL, true)]
#[case::no_total_and_no_sentence(&[("checkouts", "Out")], "<div id=opac-user-checkouts></div>", false)]
#[case::no_tab(&[], EMPTY_LOANS_PANEL, false)]
#[case::part_of_a_loan(
    &[("checkouts", "Out (0)")],
    "<div id=opac-user-checkouts><form id=renewselected></form></div>",
    false
)]
fn loans_are_empty_only_if_the_tab_or_a_sentence_states_it(
    #[case] tabs: &[(&str, &str)],
    #[case] panels: &str,
    #[case] expected: bool,
) {
    let account = read(&page(tabs, panels));
    assert_eq!(
        account.is_ok_and(|account| account.loans == Some(vec![])),
        expected
    );
}

#[rstest]
#[case::none(("clubs", "Clubs (1/2)"), "", true)]
#[case::tab(("holds", "Wishes (1)"), "", false)]
#[case::unknown_tab(("wishes", "Wishes (1)"), "", false)]
#[case::panel(("clubs", "Clubs"), "<div id=opac-user-holds_panel></div>", false)]
#[case::form(("clubs", "Clubs"), "<form action='/cgi-bin/koha/opac-modrequest.pl'></form>", false)]
fn holds_are_empty_only_without_any_part_of_one(
    #[case] tab: (&str, &str),
    #[case] more: &str,
    #[case] expected: bool,
) {
    let page = page(
        &[("checkouts", "Out (0)"), tab],
        &format!("{EMPTY_LOANS_PANEL}{more}"),
    );
    let account = read(&page);
    assert_eq!(
        account.is_ok_and(|account| account.holds == Some(vec![])),
        expected
    );
}

#[test]
fn overdue_item_must_be_among_the_loans() {
    let overdue = |record: u32| {
        let table = format!(
            "<table id=overduest><tr><td><a href='/x?bib={record}'>Tides</a></td></tr></table>"
        );
        page(&[("checkouts", "Out (1)")], &(loans(LOAN) + &table))
    };
    assert_eq!(read(&overdue(3)).unwrap().loans.unwrap().len(), 1);
    assert!(failure_detail(&overdue(5)).contains("overdue"));
}

#[test]
fn two_copies_of_one_work_have_two_ids() {
    let two = page(&[("checkouts", "Out (2)")], &loans(&LOAN.repeat(2)));
    let loans = read(&two).unwrap().loans.unwrap();
    assert_eq!((loans[0].id.as_str(), loans[1].id.as_str()), ("3", "3-2"));
}

#[test]
fn page_of_two_patrons_is_a_changed_page() {
    let own = page(&[("checkouts", "Out (0)")], EMPTY_LOANS_PANEL);
    let mixed = own.replace("<ul>", "<input name=borrowernumber value=8><ul>");
    assert!(failure_detail(&mixed).contains("more than one patron"));
    let charges = |patron: u32| {
        format!(
            "<span class=loggedinusername data-borrowernumber={patron}></span>\
             <table id=finestable><tfoot><tr><td class=sum>-3.50</td></tr></tfoot></table></html>"
        )
    };
    let account = read_with(&[&own, &charges(7)], None).unwrap();
    assert_eq!(account.fines, Some("-3.50".parse().unwrap()));
    let failure = read_with(&[&own, &charges(8)], None).unwrap_err();
    assert!(failure.detail.contains("more than one patron"), "{failure}");
}

#[test]
fn due_date_without_its_twin_needs_a_format() {
    let bare = LOAN.replace("title='2026-12-06 23:59:00'", "");
    let bare = page(&[("checkouts", "Out (1)")], &loans(&bare));
    assert!(failure_detail(&bare).contains("date format"));
    let due = |account: Account| account.loans.unwrap()[0].due.unwrap().to_string();
    let declared = read_with(&[&bare], Some("%d.%m.%Y")).unwrap();
    assert_eq!(due(declared), "2026-12-06");
    let stated = bare.replace(
        "</body>",
        "<script>var dformat = \"dmydot\";</script></body>",
    );
    // The format that the page states wins.
    let stated = read_with(&[&stated], Some("%m.%d.%Y")).unwrap();
    assert_eq!(due(stated), "2026-12-06");
}

#[rstest]
#[case::ready(
    "<tr class=reserved>",
    "Here since 1.12.2026 until 5.12.2026",
    HoldState::Ready
)]
#[case::ready_without_its_class(
    "<tr>",
    "<input name=pickup>Here since 1.12.2026",
    HoldState::Ready
)]
#[case::in_transit_to_a_desk(
    "<tr>",
    "<input name=pickup>Coming to <b>us</b>",
    HoldState::InTransit
)]
#[case::in_transit("<tr class=transfered>", "Coming", HoldState::InTransit)]
#[case::in_transit_in_older_pages(
    "<tr>",
    "From <b>there</b> since 1.12.2026",
    HoldState::InTransit
)]
#[case::suspended("<tr>", "Asleep until 5.12.2026", HoldState::Suspended)]
#[case::suspended_in_words("<tr>", "Suspendue", HoldState::Suspended)]
#[case::in_line("<tr>", "In line", HoldState::Waiting)]
fn page_structure_decides_a_holds_state(
    #[case] row: &str,
    #[case] status: &str,
    #[case] expected: HoldState,
) {
    let hold = HOLD.replace("<tr>", row).replace("In line", status);
    let tabs = [("checkouts", "Out (0)"), ("holds", "Wishes (1)")];
    let page = page(&tabs, &format!("{EMPTY_LOANS_PANEL}{}", holds(&hold)));
    let account = read_with(&[&page], Some("%d.%m.%Y")).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!(hold.state, expected);
    let is_waiting_until = status.contains("until") && expected == HoldState::Ready;
    assert_eq!(hold.pickup_by.is_some(), is_waiting_until);
    assert_eq!(
        hold.suspended_until.is_some(),
        status.contains("until") && expected == HoldState::Suspended
    );
}

#[test]
fn hold_that_staff_handles_is_state_other_with_a_note() {
    let hold = HOLD
        .replace("At no time", "-")
        .replace("In line", "Being wrapped");
    let tabs = [("checkouts", "Out (0)"), ("holds", "Wishes (1)")];
    let page = page(&tabs, &format!("{EMPTY_LOANS_PANEL}{}", holds(&hold)));
    let hold = &read(&page).unwrap().holds.unwrap()[0];
    assert_eq!(hold.state, HoldState::Other);
    assert_eq!(hold.note.as_deref(), Some("Being wrapped"));
}

#[test]
fn fines_that_differ_from_the_tab_are_a_changed_page() {
    let fines = |tab: &str| {
        let panel =
            "<div id=opac-user-fines>You owe fees of <a href='opac-account.pl'>17.00</a></div>";
        let tabs = [("checkouts", "Out (0)"), ("fines", tab)];
        page(&tabs, &format!("{EMPTY_LOANS_PANEL}{panel}"))
    };
    let account = read(&fines("Fees (17.00)")).unwrap();
    assert_eq!(account.fines, Some("17.00".parse().unwrap()));
    assert!(failure_detail(&fines("Fees (18.00)")).contains("differ"));
}

/// Reads a loan with this renewal cell.
fn loan_with(renew: &str) -> Loan {
    let row = LOAN.replace("</tr>", &format!("<td class=renew>{renew}</td></tr>"));
    let table = loans(&row).replace("<th>B</tr>", "<th>B<th>C</tr>");
    let page = page(&[("checkouts", "Out (1)")], &table);
    read(&page).unwrap().loans.unwrap().remove(0)
}

#[rstest]
#[case("Renew (1 of 2 renewals remaining)")]
#[case("Verl&auml;ngern")]
fn offer_without_its_link_states_nothing(#[case] words: &str) {
    let loan = loan_with(words);
    assert_eq!((loan.renewable, loan.renewable_reason), (None, None));
}

#[rstest]
#[case::checkbox(
    "<input type=checkbox name=item> <span class=renewals>(2 left)</span>",
    Some(true),
    None
)]
#[case::nothing(" ", None, None)]
#[case::no_checkbox("<span class=renewals>(2 of 2 left)</span>", Some(false), None)]
#[case::no_checkbox_in_full_width("<span>（2 of 2 left）</span>", Some(false), None)]
#[case::no_checkbox_but_a_fee(
    "<span class='renewalfee label label-warning'>Fee: 5.00</span> <span class='renewalfee badge'>1.00 a day</span> \
     <span class=renewals>(2 of 2 left)</span>",
    Some(false),
    None
)]
#[case::reason(
    "Not renewable <span class=renewals>(on hold)</span>",
    Some(false),
    Some("Not renewable (on hold)")
)]
#[case::reason_in_an_element(
    "<span class='usr-msg no-renew-hold'>Not renewable <span class=renewals>(on hold)</span></span>",
    Some(false),
    Some("Not renewable (on hold)")
)]
#[case::reason_and_remaining_count(
    "<span class='usr-msg auto-renew-fines'>You have unpaid fines.</span> <span class=renewals>(2 left)</span>",
    Some(false),
    Some("You have unpaid fines. (2 left)")
)]
#[case::bare_refusal("Not renewable", Some(false), None)]
#[case::bare_refusal_by_class(
    "<span class='usr-msg no-renew-too-many'>Xyzzy</span>",
    Some(false),
    None
)]
#[case::automatic(
    "<br><span class='usr-msg automatic-renewal'>It renews itself.</span>",
    None,
    None
)]
#[case::automatic_with_a_count(
    "<span class=renewals>(2 left)</span><span class=automatic-renewal>It renews itself.</span>",
    None,
    None
)]
#[case::automatic_but_not_yet(
    "<span class=no-renewal-before>Not before May</span> <span class=automatic-renewal>It renews itself.</span>",
    Some(false),
    Some("Not before May")
)]
fn only_a_real_reason_is_kept_against_a_renewal(
    #[case] cell: &str,
    #[case] renewable: Option<bool>,
    #[case] reason: Option<&str>,
) {
    let loan = loan_with(cell);
    assert_eq!(
        (loan.renewable, loan.renewable_reason.as_deref()),
        (renewable, reason)
    );
    let note = loan.note.unwrap_or_default();
    assert_eq!(note.matches("5.00").count(), cell.matches("5.00").count());
    assert_eq!(
        note.contains("It renews itself."),
        cell.contains("It renews itself.")
    );
}

#[test]
fn branch_named_after_a_day_is_no_date() {
    let status = "Here, at <b>March 1 Library</b> since 1.12.2026 until 5.12.2026";
    let tabs = [("checkouts", "Out (0)"), ("holds", "Wishes (1)")];
    let hold = HOLD
        .replace("<tr>", "<tr class=reserved>")
        .replace("In line", status);
    let page = page(&tabs, &format!("{EMPTY_LOANS_PANEL}{}", holds(&hold)));
    let account = read_with(&[&page], Some("%d.%m.%Y")).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!(hold.pickup_by, Some("2026-12-05".parse().unwrap()));
    assert_eq!(hold.pickup_branch.as_deref(), Some("March 1 Library"));
}

#[rstest]
#[case::form("<div id=opac-auth>{FORM}</div>", FailureKind::PageChanged)]
#[case::login_instructions(
    "<div id=opac-auth><form id=auth method=post><input name=userid><input type=password name=password>\
     <div class=alert>Your PIN is your birthday.</div></form></div>",
    FailureKind::PageChanged
)]
#[case::notice_below_the_form(
    "<div id=opac-auth>{FORM}<div id=nologininstructions><p class=alert>Down for maintenance on Sunday.</div></div>",
    FailureKind::PageChanged
)]
#[case::message(
    "<div id=opac-auth><div class=alert>No.</div>{FORM}</div>",
    FailureKind::WrongCredentials
)]
#[case::hidden_message(
    "<div id=opac-auth><div class=alert style='display: none'>No.</div>{FORM}</div>",
    FailureKind::PageChanged
)]
#[case::message_without_form(
    "<div id=opac-auth><div class=alert>Expired.</div></div>",
    FailureKind::WrongCredentials
)]
#[case::outage(
    "<div id=opac-auth><div class=alert>Temporarily unavailable</div>{FORM}</div>",
    FailureKind::SiteDown
)]
#[case::hidden_form(
    "<form id=modalAuth><input name=userid></form>",
    FailureKind::PageChanged
)]
#[case::rejected_token("Wrong CSRF token", FailureKind::PageChanged)]
#[case::nothing("", FailureKind::PageChanged)]
fn login_page_refuses_only_with_a_message(#[case] page: &str, #[case] expected: FailureKind) {
    let form =
        "<form id=auth method=post><input name=userid><input type=password name=password></form>";
    let page = page.replace("{FORM}", form);
    assert_eq!(read(&page).unwrap_err().kind, expected);
}

#[test]
fn truncated_account_is_a_changed_page() {
    let whole = page(&[("checkouts", "Out (0)")], EMPTY_LOANS_PANEL);
    read(&whole).unwrap();
    assert!(failure_detail(&whole.replace("</html>", "")).contains("breaks off"));
}

#[test]
fn page_text_is_stored_without_markup_or_escapes() {
    let evil = LOAN.replace("Tides", "&lt;b&gt;\u{1b}[31m\u{202e}Tides");
    let page = page(&[("checkouts", "Out (1)")], &loans(&evil));
    assert_eq!(read(&page).unwrap().loans.unwrap()[0].title, "<b>[31mTides");
}
