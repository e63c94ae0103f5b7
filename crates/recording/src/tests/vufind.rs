//! A recording of pages as `VuFind`'s own templates write them, where a label has an element of its own.

use hippo_browser::SavedPage;
use hippo_core::account::Account;

use super::*;

fn page(name: &str, rows: &str) -> String {
    format!(
        "<body class='template-dir-{name} template-name-{name}'><div id=content class=container><div class=mainbody>\
         <ul class=record-list>{rows}</ul></div><div class=sidebar><nav class=myresearch-menu><ul class=account-menu>\
         <li><a href='/MyResearch/CheckedOut'>Ausgeliehene Medien</a><li><a href='/MyResearch/Logout'>Log out</a></ul>\
         </nav></div></div></body>"
    )
}

fn row(id: u32, title: &str, lines: &str) -> String {
    format!(
        "<li id='record0.{id}' class=result><div class=media-body><h2><a href='/Record/0.{id}' class=title>{title}</a>\
         <span class=authors>von: <a href='/Author/Home?author=x'>Zanary, Mo</a><br></span></h2>{lines}</div></li>"
    )
}

fn loans() -> String {
    let loan = |id, title, renewed, rest| {
        let lines = format!(
            "<span class='format book'>Buch</span><br><strong>Strichcode:</strong> 30001{id}<br>\
             <strong>Verl&auml;ngert:</strong> {renewed}<br><strong>R&uuml;ckgabedatum: 2{id}.02.2026</strong>{rest}"
        );
        row(id, title, &lines)
    };
    let wanted = "<div class='alert alert-info'>Dieses Medium wurde von einem anderen Benutzer vorgemerkt</div>";
    page(
        "checkedout",
        &(loan(1, "Zanary Nebel", "1 / 3", "") + &loan(2, "Zanary Tau", "12", wanted)),
    )
}

fn holds() -> String {
    let branch = "<strong>Abholung in Bibliothek:</strong> Zanary S&uuml;d<br><strong>Erstellt:</strong> 01.11.2025 | \
                  <strong>Ablaufdatum:</strong> 01.05.2026<br>";
    let hold = |id, title, lines: &str| row(id, title, &format!("{branch}{lines}"));
    let queue = "<p><strong>Position in der Warteschlange:</strong> 13</p>";
    let frozen = "<p><strong>Gesperrt (vor&uuml;bergehend deaktiviert) bis 01.04.2026</strong></p>";
    let rows = [
        hold(3, "Zanary Reif", queue),
        hold(4, "Zanary Fog", &format!("{queue}{frozen}")),
        hold(
            5,
            "Zanary Hagel",
            "<div class=text-success>Zur Abholung bereit bis am 05.12.2025</div>",
        ),
        hold(
            6,
            "Zanary Wind",
            "<div class=text-success>Unterwegs zum Abholort</div>",
        ),
    ];
    page("holds", &rows.concat())
}

/// Describes an account without its names, which a recording replaces.
fn describe(account: &Account) -> Vec<String> {
    let length = |text: &Option<String>| text.as_ref().map(|text| text.chars().count());
    let loans = account.loans.iter().flatten().map(|loan| {
        format!(
            "{} {:?} {:?} {}",
            loan.title.chars().count(),
            loan.renewals,
            loan.renewable,
            loan.due.is_some()
        )
    });
    let holds = account.holds.iter().flatten().map(|hold| {
        format!(
            "{} {:?} {:?} {:?} {} {} {}",
            hold.title.chars().count(),
            hold.state,
            hold.position,
            length(&hold.pickup_branch),
            hold.pickup_by.is_some(),
            hold.suspended_until.is_some(),
            hold.expires.is_some()
        )
    });
    loans.chain(holds).collect()
}

#[test]
fn recording_of_the_own_templates_reads_the_same() {
    let bodies = [loans(), holds()];
    let reader = hippo_systems::offline_reader("vufind-de").unwrap();
    let base_url = Url::parse("https://zanary.host/").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%d.%m.%Y"),
        timezone: chrono_tz::Europe::Berlin,
        card_number: None,
    };
    let pages: Vec<SavedPage> = bodies
        .iter()
        .map(|body| SavedPage {
            name: "page".to_owned(),
            body: body.clone(),
        })
        .collect();
    let original = reader.read(&pages, &context).unwrap();
    let session = ["CheckedOut", "Holds"]
        .iter()
        .zip(&bodies)
        .map(|(page, body)| exchange(&format!("https://zanary.host/MyResearch/{page}"), body));
    let recording = record(
        "vufind-de",
        base_url.as_str(),
        context.date_format,
        session.collect(),
    );
    assert!(!recording.to_json().to_lowercase().contains("zanary"));
    let reread = read(&recording.har, &|pages| reader.read(pages, &context)).unwrap();
    assert_eq!(describe(&reread), describe(&original));
    assert_eq!(reread.loans.unwrap()[1].renewals, Some(12));
    assert_eq!(reread.holds.unwrap()[0].position, Some(13));
}
