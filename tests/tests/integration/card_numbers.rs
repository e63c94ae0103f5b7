//! Card numbers and PINs as people paste and pipe them, through every command that accepts them.

use hippo_demo_library::{DemoLibrary, Patron, Site, SystemKind};
use hippo_tests::{CommandOutput, Home};

const NUMBER: &str = "29000000001234";
const PRINTED: &str = "2 9000-0000 01234";
const PIN: &str = "47 11";
/// The PIN with its inner space, surrounded by the invisible characters of a paste and a pipe.
const PASTED_PIN: &str = "\u{feff}\u{200b} 47 11\u{a0}\u{2060}\r\n";

async fn home_with_library() -> (Home, DemoLibrary) {
    let home = Home::new();
    home.add_family("conrad");
    home.add_family("lee");
    let today = chrono::Utc::now().date_naive();
    let site = Site::new(SystemKind::Koha, "A Public Library", today)
        .with_patron(Patron::new(NUMBER, PIN, "Pat"))
        .with_patron(Patron::new("mary-jane smith", "se cret", "Mary"));
    let library = DemoLibrary::start(site).await.unwrap();
    home.add_library("wpl", "koha", &library.base_url());
    (home, library)
}

fn add_card(home: &Home, family: &str, number: &str, pin: &str) -> CommandOutput {
    let arguments = [
        "card",
        "add",
        "--family",
        family,
        "--library",
        "wpl",
        "--patron",
        "Pat",
        "--number",
        number,
        "--pin-stdin",
    ];
    home.run_with_input(&arguments, pin)
}

#[tokio::test(flavor = "multi_thread")]
async fn card_add_and_set_pin_accept_pasted_numbers() {
    let (home, _library) = home_with_library().await;
    add_card(&home, "conrad", PRINTED, PASTED_PIN).expect_code(0);
    let card = home.card_ids().pop().unwrap();
    for number in [NUMBER, "\u{feff}29000000001234\u{a0}", PRINTED] {
        let arguments = ["card", "set-pin", &card, "--number", number, "--pin-stdin"];
        home.run_with_input(&arguments, PASTED_PIN).expect_code(0);
    }
    home.run_with_input(&["card", "set-pin", &card, "--pin-stdin"], PASTED_PIN)
        .expect_code(0);
    // A space inside a PIN is part of it.
    home.run_with_input(&["card", "set-pin", &card, "--pin-stdin"], "4711")
        .expect_code(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_numbers_match_in_any_print_format() {
    let (home, library) = home_with_library().await;
    add_card(&home, "conrad", PRINTED, PIN).expect_code(0);
    for number in [NUMBER, "29000-000001234", "2\u{a0}9000 0000 0123 4"] {
        let again = add_card(&home, "conrad", number, PIN).expect_code(2);
        assert!(again.stderr.contains("already"), "{}", again.stderr);
    }
    add_card(&home, "lee", NUMBER, PIN).expect_code(0);
    let logins = library.logins();
    home.run(&["check-cards", "--no-delay"]).expect_code(0);
    assert_eq!(library.logins(), logins + 1, "one login for both families");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_name_is_sent_unchanged() {
    let (home, _library) = home_with_library().await;
    add_card(&home, "conrad", " mary-jane smith ", "se cret\r\n").expect_code(0);
    add_card(&home, "conrad", "maryjane smith", "se cret").expect_code(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn number_and_pin_from_the_environment_log_in() {
    let (mut home, _library) = home_with_library().await;
    home.set_variable("PAT_PIN", PASTED_PIN);
    home.set_variable("MARY_PIN", "\u{a0}se cret\n");
    let file = home.path().join("cards.toml");
    let card = |number: &str, pin: &str| {
        format!(
            "[[card]]\nfamily = \"conrad\"\nlibrary = \"wpl\"\npatron = \"Pat\"\nnumber = \"{number}\"\n\
             pin_env = \"{pin}\"\n"
        )
    };
    let twice = [card(PRINTED, "PAT_PIN"), card(NUMBER, "PAT_PIN")].concat();
    std::fs::write(&file, twice).unwrap();
    let refused = home
        .run(&["import", &file.to_string_lossy()])
        .expect_code(2);
    assert!(refused.stderr.contains("already"), "{}", refused.stderr);
    let cards = [
        card(PRINTED, "PAT_PIN"),
        card("\u{feff}mary-jane smith ", "MARY_PIN"),
    ];
    std::fs::write(&file, format!("\u{feff}{}", cards.concat())).unwrap();
    home.run(&["import", &file.to_string_lossy()])
        .expect_code(0);
    home.run(&["check-cards", "--no-delay"]).expect_code(0);
}
