//! The description of `VuFind`'s pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere};
use hippo_browser::reading::Css;

use super::row;
use crate::list_reader::{
    AccountDescription, Column, Count, Fact, Field, HOLD_STATES, ListDescription, LoginDescription,
    Part, ToldBy,
};

static LOANS_PAGE: Css = Css::new(".template-name-checkedout");
static HOLDS_PAGE: Css = Css::new(".template-name-holds, .template-dir-holds.template-name-list");

/// The content of a page, within which each entry is a `.result`.
const CONTENT: &str = "#content";
/// The content of a page that has nothing that could be an entry. Only here do we trust the words for an empty list.
const CONTENT_WITHOUT_ENTRIES: &str =
    "#content:not(:has(a[href*='/Record/'], [id^=record], input[type=checkbox]))";

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("form[name=loginForm], form input[name=password]"),
    number: &["username"],
    pin: &["password"],
    button: Some(Css::new(
        "input[name=processLogin], button[name=processLogin]",
    )),
    messages: Css::new(".alert-danger, .flash-message, .error"),
    refused: &["invalid login", "invalid patron login"],
    blocked: &["gesperrt", "abgelaufen", "blocked", "expired"],
    outages: &["at this time", "zur zeit nicht", "zurzeit nicht"],
    ..LoginDescription::default()
});

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    // The menu follows the list, so that a page that breaks off within the list does not have it. Only somebody who is
    // logged in can log out.
    is_account: Css::new(
        ".sidebar .list-group a[href*='/MyResearch/Logout'], .account-menu a[href*='/MyResearch/Logout'], \
         .myresearch-menu a[href*='/MyResearch/Logout']",
    ),
    loans: vec![ListDescription {
        list: Css::new(CONTENT),
        told_by: vec![ToldBy::Page(|root| LOANS_PAGE.is_in(root))],
        rows: Css::new(".result"),
        columns: vec![
            Column::read(Field::Title, row::read_title),
            Column::read(Field::Author, row::read_author),
            Column::read(Field::Id, row::read_id),
            Column::read(Field::Due, row::read_due),
            Column::read(Field::Format, row::read_format),
            Column::line_after(
                Field::Renewals,
                &["renewed", "verlängert", "verlängerungen"],
            ),
            Column::part_at(Field::Link, "a.title", Part::Attribute("href")),
            // A sentence that forbids renewal overrides the checkbox.
            Column::read(Field::NotRenewable, row::read_refusal),
            Column::presence(
                Field::NotRenewable,
                "input[type=checkbox][name^=renewSelected][disabled]",
            ),
            Column::presence(
                Field::Renewable,
                "input[type=checkbox][name^=renewSelected]",
            ),
            Column::read(Field::RenewalReason, row::read_alerts),
            Column::read(Field::Note, row::read_alerts),
        ],
        needed: &[Field::Title, Field::Due],
        none: &[
            "do not have any items checked out",
            "you have no items checked out",
            "keine medien ausgeliehen",
            "keine medien entliehen",
            "keine ausgeliehenen medien",
            "keine entliehenen medien",
            "keine ausleihen",
            "nichts ausgeliehen",
        ],
        none_at: Some(Css::new(CONTENT_WITHOUT_ENTRIES)),
        complete: |loan, _, _| {
            loan.digital = row::is_digital(loan);
            Ok(())
        },
        ..ListDescription::table()
    }],
    holds: vec![ListDescription {
        list: Css::new(CONTENT),
        told_by: vec![ToldBy::Page(|root| HOLDS_PAGE.is_in(root))],
        rows: Css::new(".result"),
        columns: vec![
            Column::read(Field::Title, row::read_title),
            Column::read(Field::Author, row::read_author),
            Column::read(Field::Id, row::read_id),
            Column::read(Field::State, row::read_state),
            Column::line_after(
                Field::Position,
                &[
                    "queue position",
                    "position in queue",
                    "position in the queue",
                    "warteschlangenposition",
                    "position in der warteschlange",
                    "position in warteschlange",
                    "warteposition",
                ],
            ),
            Column::line_after(
                Field::PickupBy,
                &[
                    "available until",
                    "available for pickup until",
                    "available for pickup by",
                    "abholbereit bis",
                    "abholbar bis",
                    "bereit bis",
                ],
            ),
            Column::line_after(
                Field::Expires,
                &["expires", "gültig bis", "läuft ab am", "vorgemerkt bis"],
            ),
            Column::read(Field::PickupBranch, row::read_branch),
            Column::part_at(Field::Link, "a.title", Part::Attribute("href")),
        ],
        needed: &[Field::Title],
        none: &[
            "do not have any holds",
            "you have no holds",
            "keine vorbestellungen",
            "keine vormerkungen",
            "keine reservierungen",
            "nichts vorbestellt",
            "nichts vorgemerkt",
            "keine medien vorbestellt",
            "keine medien vorgemerkt",
        ],
        none_at: Some(Css::new(CONTENT_WITHOUT_ENTRIES)),
        states: HOLD_STATES,
        ..ListDescription::table()
    }],
    has_several_pages: true,
    // A badge in a menu may count the holds that are ready, so that only text counts.
    loan_counts: vec![
        Count(vec![Fact::after(
            MENU,
            &["ausgeliehene medien", "ausleihen", "checked out items"],
        )]),
        Count(vec![Fact::after(
            ".template-name-checkedout .search-stats",
            RESULTS,
        )]),
    ],
    hold_counts: vec![
        Count(vec![Fact::after(
            MENU,
            &[
                "vorbestellungen",
                "vormerkungen",
                "holds and recalls",
                "holds",
            ],
        )]),
        Count(vec![Fact::after(
            ".template-name-holds .search-stats",
            RESULTS,
        )]),
    ],
    fines: vec![
        Fact::after(MENU, &["gebühren", "fines"]),
        Fact::with(
            ".template-name-fines #content p, .template-name-fines .alert",
            &[
                "not have any fines",
                "sie haben keine gebühren",
                "keine offenen gebühren",
            ],
        ),
    ],
    card_expires: vec![Fact::after(
        ".sidebar .list-group-item, .sidebar li",
        &["ausweis gültig bis", "gültig bis", "valid until"],
    )],
    number: vec![Fact::after(
        ".sidebar .list-group-item",
        &["ausweis", "ausweisnummer"],
    )],
    messages: Some(Css::new(".flash-message")),
    ..AccountDescription::default()
});

/// The menu, with counts behind the names.
const MENU: &str = "a.list-group-item";

/// The words before the total of a list on several pages.
const RESULTS: &[&str] = &["results of", "of", "von"];

/// The words by which rows are read.
pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let labels = [row::DUE, row::KIND, row::ITEM, row::BRANCH]
        .into_iter()
        .flatten();
    let labels = labels.chain([&row::UNTIL]).map(|words| Anywhere(words));
    let stems = [
        "verlängert",
        "verlängerbar",
        "verlängern",
        "verlängerung",
        "verlängerungen",
        "renew",
        "renewal",
    ];
    labels.chain(stems.map(Anywhere)).collect()
});
