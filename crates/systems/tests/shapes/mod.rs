//! Generated pages of any size, which repeat one thing in a frame that a reader knows.

use std::fmt::Write as _;

/// The things that a page can repeat.
pub(crate) const SHAPES: [&str; 14] = [
    "forms",
    "inputs",
    "options",
    "alerts",
    "rows",
    "cells",
    "wide row",
    "nested lists",
    "nested tables",
    "bold tables",
    "words",
    "dates",
    "entities",
    "links",
];

/// Lists each system that reads pages, with the kinds of page.
pub(crate) fn pages() -> impl Iterator<Item = (&'static str, &'static str)> {
    let systems = hippo_systems::systems_with_pages();
    let kinds = systems.flat_map(|system| [(system, "login"), (system, "account")]);
    kinds.chain([("koha", OLDER_ACCOUNT)])
}

/// The account of an older version, whose cells have no classes.
const OLDER_ACCOUNT: &str = "older account";

/// Builds a page of about this many bytes.
pub(crate) fn page(system: &str, kind: &str, shape: &str, bytes: usize) -> String {
    let is_account = kind != "login";
    let row = |number| match kind {
        OLDER_ACCOUNT => older_row(system, number),
        _ => row(system, number),
    };
    let rows = match shape {
        "rows" if is_account => bytes / row(0).len(),
        _ => 1,
    };
    let is_wide = is_account && shape == "wide row" && row(0).contains("</tr>");
    // On a login page, fields go into the login form. The rows of an account are made of its list.
    let is_in_login_form = kind == "login" && matches!(shape, "inputs" | "options");
    let in_login_form = if is_in_login_form {
        build_filler(shape, bytes)
    } else {
        String::new()
    };
    let is_in_list = is_wide || (is_account && shape == "rows");
    let filler = if is_in_login_form || is_in_list {
        String::new()
    } else {
        build_filler(shape, bytes)
    };
    if kind == "login" {
        return login(system, &filler, &in_login_form);
    }
    let mut list: String = (0..rows).map(row).collect();
    if is_wide {
        let cells = "<td>1".repeat(bytes / "<td>1<th>".len());
        list = list.replacen("</tr>", &format!("{cells}</tr>"), 1);
    }
    let page = account(system, &filler, rows, &list);
    if is_wide {
        // The first row has the headers.
        let headers = "<th>".repeat(bytes / "<td>1<th>".len());
        return page.replacen("</tr>", &format!("{headers}</tr>"), 1);
    }
    page
}

/// Builds the page of an account around this list.
fn account(system: &str, filler: &str, rows: usize, list: &str) -> String {
    match system {
        "bibliocommons" => bibliocommons(filler, rows, list),
        "bibliotheca" => format!(
            "<html><body><div class=kontotitelzeile>Konto</div>{filler}<table><tr><th class=tabHeaderKonto>Verfasser\
             <th>Titel<th>Frist</tr>{list}<tr><td colspan=3>Anzahl: {rows}</table></body></html>"
        ),
        "horizon" => format!(
            "<html><body><a class=navBarCurrent href='?submenu=itemsout'>Out</a>{filler}\
             <a class=normalBlackFont2>Checked Out: {rows}</a><table><tr><td><input type=checkbox name=renewall>\
             <td><a href='?submenu=itemsout&sortby=title'>Title</a><td><a href='?submenu=itemsout&sortby=duedate'>Due</a>\
             </tr>{list}</table></body></html>"
        ),
        "polaris" => format!(
            "<html><body><a href='/logon.aspx?logoff=1'>Out</a>{filler}<table id=datagridItemsOut>\
             <tr class=ColumnHeader><td>Title<td>Due Date</tr>{list}</table></body></html>"
        ),
        "enterprise" => format!(
            "<html><body>{filler}<table class=checkoutsList><thead><tr class=checkoutsHeader><th>Title<th>Author\
             <th class=checkoutsDueDateHeader>Due</tr></thead><tbody>{list}</tbody></table>\
             <script>'librarycheckoutsaccordion'</script></body></html>"
        ),
        "koha" => format!(
            "<html><body id=opac-user><div id=userdetails>{filler}<div id=opac-user-views class=toptabs><ul>\
             <li><a href='#opac-user-checkouts'>Checked out ({rows})</a></li></ul><div id=opac-user-checkouts>\
             <table id=checkoutst><thead><tr><th>Title<th>Due</tr></thead><tbody>{list}</tbody></table></div></div>\
             </div></body></html>"
        ),
        "sierra" => format!(
            "<html><body>{filler}<div class=patNameAddress>DOE, JO</div><table class=patFunc>\
             <tr class=patFuncTitle><th class=patFuncTitle colspan=4>{rows} ITEMS CHECKED OUT</tr>\
             <tr class=patFuncHeaders><th>RENEW<th>TITLE<th>BARCODE<th>STATUS</tr>{list}</table></body></html>"
        ),
        "symphony-ws" => {
            let text = serde_json::Value::from(filler);
            let list = list.trim_end_matches(',');
            format!(
                "{{\"resource\":\"/user/patron\",\"key\":\"7\",\"fields\":{{\"circRecordList\":[{list}],\
                 \"holdRecordList\":[],\"blockList\":[{{\"fields\":{{\"patron\":{{\"key\":\"7\"}},\
                 \"owed\":{{\"amount\":\"1.00\"}},\"comment\":{text}}}}}]}}}}"
            )
        }
        "sisis" => format!(
            "<html><body>{filler}<form id=UserAccountForm></form><div id=active1>Ausleihen ({rows})</div><h2>Ausleihen</h2>\
             <table class=data><tr><th>Nr.<th>Titel<th>Leihfrist</tr>{list}</table></body></html>"
        ),
        "touchpoint" => format!(
            "<html><body>{filler}<ul id=account-nav><li id=loaned>Ausleihen ({rows})</ul><div id=account-data>\
             <table class=data><tr><th>Nr.<th>Titel<th>Leihfrist</tr>{list}</table></div></body></html>"
        ),
        "vufind-de" => format!(
            "<html><body class=template-name-checkedout>{filler}<div id=content>{list}<div class=sidebar>\
             <div class=list-group><a class=list-group-item>Ausgeliehene Medien : {rows}</a><a href=/MyResearch/Logout>x</a></div></div></div></body></html>"
        ),
        "winbiap" => format!(
            "<html><body>{filler}<span id=m_LabelAccountTableResult>Medien entliehen: {rows}</span>\
             <table id=m_BorrowDetailListExtendable><thead><tr><th>Titel<th>F</tr></thead><tbody>{list}</tbody></table>\
             </body></html>"
        ),
        _ => panic!("write the frame of an account page of {system} here"),
    }
}

fn row(system: &str, number: usize) -> String {
    match system {
        "bibliocommons" => format!(
            "\"{number}\":{{\"materialType\":\"PHYSICAL\",\"dueDate\":\"2026-12-03\",\"metadataId\":\"S1\",\"bibTitle\":\"T\"}},"
        ),
        "bibliotheca" => {
            format!(
                "<tr class=tabKonto><td class=abstand bgcolor=white>Stone, Ada of the Shore</td>\
                 <td class=abstand bgcolor=white>Work {number}</td><td class=abstand>03.12.2026</td></tr>"
            )
        }
        "horizon" => format!(
            "<tr><td><input type=checkbox name=renewitemkeys value={number}><td><table><tr><td>\
             <a class=mediumBoldAnchor href='https://x.test/ipac.jsp?uri=full=1~!{number}~!0'>Work {number}</a>\
             <tr><td>by Stone</table><td>12/3/26</tr>"
        ),
        "polaris" => format!(
            "<tr><td><span id=g_{number}_labelTitle>Work {number}</span><td><span id=g_{number}_labelDueDate>12/3/26\
             </span></tr>"
        ),
        "enterprise" => format!(
            "<tr class=checkoutsLine><td><a class=hideIE id=checkoutTitleLinkDiv_{number}>Work {number}</a>\
             <td>Stone<td class=checkoutsDueDate>12/3/26</tr>"
        ),
        "koha" => format!(
            "<tr><td class=title><a href='/cgi-bin/koha/opac-detail.pl?biblionumber={number}'>Work {number}</a>\
             <td class=date_due data-order='2026-12-03 23:59:00'>3 December</tr>"
        ),
        "sierra" => format!(
            "<tr class=patFuncEntry><td class=patFuncMark><input type=checkbox name=renew{number} value=i{number}>\
             <td class=patFuncTitle><a href=/record=b{number}>Work {number}</a><td class=patFuncBarcode>{number}\
             <td class=patFuncStatus>DUE 12-03-26</tr>"
        ),
        "symphony-ws" => format!(
            "{{\"key\":\"{number}:1\",\"fields\":{{\"patron\":{{\"key\":\"7\"}},\"item\":{{\"fields\":{{\"barcode\":\"{number}\",\
             \"bib\":{{\"fields\":{{\"title\":\"Work {number}\"}}}}}}}},\"dueDate\":\"2026-12-03\",\"renewalCount\":null}}}},"
        ),
        "sisis" | "touchpoint" => format!(
            "<tr><th scope=row>{number}.</th><td><strong>Work {number}</strong><br>Stone, Ada<br>{number:09} / Shelf<br>\
             <a href='/userAccount.do?methodToCall=renewalPossible&actPos={number}'>x</a></td>\
             <td>03.11.2026 - 03.12.2026<br>Oak Park</td></tr>"
        ),
        "vufind-de" => format!(
            "<div id=record{number} class=result><a class=title href='/Record/x.{number}'>Work {number}</a><br>\
             <a href='/Author/Home?author=Stone'>Stone, Ada</a><br><span class=format>Buch</span><br>\
             <strong>Leihfrist bis: 03.12.2026</strong></div>"
        ),
        "winbiap" => format!(
            "<tr id=m_rowBorrow_{number}><td><span id=m_LabelTitle_{number} class=title>Work {number}</span></td>\
             <td><span class=matureDate>03.12.2026</span></td></tr><tr class=rowDetails><td colspan=2>\
             <span id=m_labelMediennr_{number}>{number}</span></td></tr>"
        ),
        _ => panic!("write a loan of {system} here"),
    }
}

fn older_row(system: &str, number: usize) -> String {
    match system {
        "koha" => format!(
            "<tr><td><a href='/cgi-bin/koha/opac-detail.pl?biblionumber={number}'>Work {number}</a><td>12/3/26</tr>"
        ),
        _ => panic!("write an older loan of {system} here"),
    }
}

fn login(system: &str, filler: &str, in_login_form: &str) -> String {
    let (open, fields) = match system {
        "bibliocommons" => (
            "<form class=loginForm>",
            "<input name=name><input name=user_pin type=password>",
        ),
        "bibliotheca" => (
            "<form id=webopac>",
            "<input name=AUSWEIS><input name=PWD type=password>",
        ),
        "horizon" => (
            "<form name=security>",
            "<input name=sec1><input name=sec2 type=password>",
        ),
        "polaris" => (
            "<form name=formMain>",
            "<input name=textboxBarcodeUsername><input name=textboxPassword type=password>",
        ),
        "enterprise" => (
            "<form id=loginPageForm>",
            "<input name=j_username><input name=j_password type=password>",
        ),
        "koha" => (
            "<form id=auth>",
            "<input name=userid><input name=password type=password>",
        ),
        "sierra" => (
            "<form id=fm1>",
            "<input name=code><input name=pin type=password>",
        ),
        // The interface has no login page; one may stand in its place.
        "symphony-ws" => (
            "<form>",
            "<input name=login><input name=password type=password>",
        ),
        "sisis" | "touchpoint" | "vufind-de" => (
            "<form name=loginForm>",
            "<input name=username><input name=password type=password>",
        ),
        "winbiap" => (
            "<form id=formMain>",
            "<input name=TextBoxLoginName><input name=TextBoxLoginPassword type=password>",
        ),
        _ => panic!("write the login form of {system} here"),
    };
    format!(
        "<html><body><div id=opac-auth>{filler}{open}{in_login_form}{fields}</form></div></body></html>"
    )
}

fn bibliocommons(filler: &str, rows: usize, list: &str) -> String {
    let mut items = String::new();
    for number in 0..rows {
        let _ = write!(items, "\"{number}\",");
    }
    let (items, list) = (items.trim_end_matches(','), list.trim_end_matches(','));
    let text = serde_json::Value::from(filler);
    format!(
        "<html><body><script type=\"application/json\" data-iso-key=\"_0\">{{\"app\":{{\"currentURL\":\"/v2/checkedout\"}},\
         \"auth\":{{\"currentUserId\":7}},\"borrowing\":{{\"fines\":{{\"summaries\":{{\"checkedout\":{{\"total\":{rows}}}}}}},\
         \"checkedout\":{{\"items\":[{items}],\"pagination\":{{\"count\":{rows},\"page\":1,\"limit\":{rows},\"pages\":1}}}}}},\
         \"entities\":{{\"checkouts\":{{{list}}},\"bibs\":{{\"S1\":{{\"briefInfo\":{{\"title\":{text}}}}}}},\
         \"messages\":[{text}]}}}}</script></body></html>"
    )
}

fn build_filler(shape: &str, bytes: usize) -> String {
    let mut filler = String::with_capacity(bytes + 100);
    let mut number = 0;
    while filler.len() < bytes {
        number += 1;
        let _ = match shape {
            "forms" => write!(filler, "<form id=f{number}><input name=a></form>"),
            "inputs" => write!(filler, "<input name=n{number}>"),
            "options" => write!(
                filler,
                "<select name=s{number}>{}</select>",
                "<option>x".repeat(100)
            ),
            "alerts" => write!(
                filler,
                "<div class='alert error patMessage accountMessage errors'>Word {number}</div>"
            ),
            "rows" => write!(filler, "<table><tr><td>{number}</td></tr></table>"),
            "cells" => write!(filler, "<table><tr>{}</tr></table>", "<td>1".repeat(100)),
            "wide row" if number == 1 => write!(filler, "<table><tr><td>1"),
            "wide row" => write!(filler, "<td>{number}"),
            "nested lists" => write!(
                filler,
                "{}{number}{}",
                "<ul><li>".repeat(100),
                "</li></ul>".repeat(100)
            ),
            "nested tables" => write!(
                filler,
                "{}{number}{}",
                "<table class=patFunc><tr class=patFuncHeaders><th>TITLE<tr id=x><td>".repeat(20),
                "</table>".repeat(20)
            ),
            // The bold text is never closed, and so the heading of each table.
            "bold tables" => write!(
                filler,
                "{}<table><tr><th>Titel<th>Verfasser<tr><td>{number}</table>",
                if number == 1 { "<b>" } else { "" }
            ),
            "words" => write!(filler, "of 1 items session {number} holds ready "),
            "dates" => write!(filler, "12/3/26 2026-12-03 3 December {number}, "),
            "entities" => write!(filler, "&&amp;&#{number}&lt "),
            _ => write!(
                filler,
                "<a href='/patroninfo/1{number}/items'>1 of {number}</a>"
            ),
        };
    }
    filler
}
