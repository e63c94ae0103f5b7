//! Families that several tests use.

use hippo_core::account::{Account, Hold, HoldState, Loan};
use hippo_core::failure::FailureKind;
use hippo_core::notice::NoticeCard;

use crate::notice::fixture::*;

/// One item of each kind in a notice.
pub(crate) fn one_of_each() -> Vec<NoticeCard> {
    let account = Account {
        card_expires: Some(in_days(30)),
        ..account(
            vec![
                loan("The Salt Roads of Winter", "Ilves, Maarja", -3),
                not_renewable(
                    loan("A Field Guide to Puddles", "Okafor, Ngozi", 2),
                    "Another patron is waiting for it.",
                ),
                loan("Bread, Slowly: Forty Loaves", "Marchetti, Luca", 12),
            ],
            vec![
                ready("The Lighthouse Keeper’s Cat", "Brandt, Hanne", 4),
                hold(
                    "Small Engines, Explained",
                    "Price, Tom",
                    HoldState::InTransit,
                ),
                waiting("Night Trains", "Duval, Claire", 9, Some(83)),
                Hold {
                    suspended_until: Some(in_days(41)),
                    ..hold("Knitting for Giants", "", HoldState::Suspended)
                },
                Hold {
                    note: Some("Please ask at the desk".into()),
                    ..hold("Maps of the Moon", "", HoldState::Other)
                },
            ],
        )
    };
    vec![card(1, "Ada", millbrook(), account)]
}

/// A family's cards in yesterday's notice, and today.
pub(crate) fn example() -> (Vec<NoticeCard>, Vec<NoticeCard>) {
    let here = ready("The Otter Who Could Count", "Lindqvist, Eva", 3);
    let coming = hold(
        "A Short History of Fog",
        "Walsh, Aoife",
        HoldState::InTransit,
    );
    let bridges = loan("How Bridges Stand Up", "Tanaka, Yuki", 2);
    let cards = |fog: Hold, bridges: Loan| {
        let ada = account(
            vec![
                loan("The Salt Roads of Winter", "Ilves, Maarja", -1),
                loan("Bread, Slowly: Forty Loaves", "Marchetti, Luca", 12),
            ],
            vec![
                here.clone(),
                waiting("Night Trains", "Duval, Claire", 9, Some(83)),
            ],
        );
        let ben = Account {
            card_expires: Some(in_days(7)),
            ..account(vec![bridges], vec![fog])
        };
        vec![
            card(1, "Ada", millbrook(), ada),
            card(2, "Ben", fernhill(), ben),
        ]
    };
    let arrived = Hold {
        pickup_branch: Some("Hill Street".into()),
        ..ready("A Short History of Fog", "Walsh, Aoife", 6)
    };
    let today = cards(
        arrived,
        not_renewable(bridges.clone(), "Others are waiting"),
    );
    (cards(coming, bridges), today)
}

/// Two patrons at three libraries, one of which did not answer this morning.
pub(crate) fn two_patrons_at_three_libraries() -> Vec<NoticeCard> {
    let ada = account(
        vec![
            loan("The Salt Roads of Winter", "Ilves, Maarja", -1),
            loan("Bread, Slowly: Forty Loaves", "Marchetti, Luca", 3),
        ],
        vec![waiting("Night Trains", "Duval, Claire", 2, None)],
    );
    let ben = account(
        vec![
            loan("How Bridges Stand Up", "Tanaka, Yuki", 0),
            loan("Dinosaurs of the Back Garden", "Obi, Chidi", 9),
        ],
        vec![ready("The Otter Who Could Count", "Lindqvist, Eva", 2)],
    );
    let ben_at_fernhill = account(
        vec![not_renewable(
            loan("Ukulele in a Week", "Kealoha, Noa", 3),
            "Renewed twice already",
        )],
        vec![
            ready("A Short History of Fog", "Walsh, Aoife", 6),
            Hold {
                pickup_branch: Some("Hill Street".into()),
                ..hold("Comets", "Petrov, Ilya", HoldState::InTransit)
            },
        ],
    );
    let ada_at_harbour = account(
        vec![loan("Tide Tables for Dreamers", "Reyes, Sol", 1)],
        vec![],
    );
    vec![
        card(1, "Ada", millbrook(), ada),
        card(2, "Ben", millbrook(), ben),
        card(3, "Ben", fernhill(), ben_at_fernhill),
        failing(
            card(4, "Ada", harbour(), ada_at_harbour),
            14,
            FailureKind::SiteDown,
        ),
    ]
}

/// A title with every hostile character that a page could have.
pub(crate) fn awkward_words() -> Vec<NoticeCard> {
    let mut hostile = loan(
        "<script>alert(\"1\")</script> & 'Sons' \u{1b}[31m\u{202e}</b></style>",
        "O'Neil & <i>Co</i>",
        1,
    );
    hostile.note = Some("<img src=x onerror=alert(1)>".into());
    let mut right_to_left = ready("ספר הטיולים הגדול", "לוי, נועה", 3);
    right_to_left.pickup_branch = Some("\"Central\" <East>".into());
    let emoji = not_renewable(loan("🦛 Hippo Goes to Sea", "", 2), "הוזמן על ידי אחר");
    let long = loan(
        &"A Complete and Unabridged Account of the Journey, with Maps, Notes and Weather "
            .repeat(4),
        "Longfellow-Featherstonehaugh, Bartholomew",
        3,
    );
    let account = Account {
        messages: vec!["Closed on <b>Monday</b> & Tuesday".into()],
        ..account(vec![hostile, emoji, long], vec![right_to_left])
    };
    vec![card(1, "Zoë <3", millbrook(), account)]
}

/// Twenty loans on each of three cards.
pub(crate) fn sixty_loans() -> Vec<NoticeCard> {
    let subjects = ["Beetles", "Canals", "Dumplings", "Echoes", "Ferns"];
    let forms = [
        "A Little Book of",
        "The Secret Life of",
        "Drawing",
        "All About",
    ];
    ["Ada", "Ben", "Cleo"]
        .into_iter()
        .zip([millbrook(), fernhill(), millbrook()])
        .zip(1..)
        .map(|((patron, library), number)| {
            let titles = forms.iter().flat_map(|form| {
                subjects
                    .iter()
                    .map(move |subject| format!("{form} {subject}"))
            });
            let loans = titles
                .zip(-2..)
                .map(|(title, days)| loan(&title, "Moss, Ivy", days % 18))
                .collect();
            card(number, patron, library, account(loans, vec![]))
        })
        .collect()
}
