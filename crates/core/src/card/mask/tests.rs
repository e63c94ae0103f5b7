use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::account::HoldState;

fn mask_of(number: &str, pin: &str) -> SecretMask {
    SecretMask::new(&CardSecret {
        number: number.into(),
        pin: pin.into(),
    })
}

fn masked(number: &str, pin: &str, text: &str, field: Field) -> String {
    mask_of(number, pin)
        .mask(text, field)
        .unwrap_or_else(|| text.to_owned())
}

#[rstest]
#[case::whole("Card 29000000001234 is blocked.", "Card ••••1234 is blocked.")]
#[case::in_groups("Card 2 9000-0000 01234 is blocked.", "Card ••••1234 is blocked.")]
#[case::no_break_spaces("2\u{a0}9000\u{a0}0000 01234", "••••1234")]
#[case::twice("29000000001234/29000000001234", "••••1234/••••1234")]
#[case::after_another_group("12 29000000001234", "12 ••••1234")]
#[case::between_signs("(29000000001234)", "(••••1234)")]
#[case::in_a_longer_run("290000000012345", "290000000012345")]
#[case::in_a_word("a29000000001234", "a29000000001234")]
#[case::another("29000000001235", "29000000001235")]
#[case::two_spaces("29000000  001234", "29000000  001234")]
fn number_is_masked_in_every_print_format(#[case] text: &str, #[case] expected: &str) {
    for field in [Field::Name, Field::Sentence] {
        for number in [
            "29000000001234",
            "2 9000 0000 01234",
            "Ada Stone|29000-000001234",
        ] {
            assert_eq!(masked(number, "canary-77", text, field), expected);
        }
    }
}

#[rstest]
#[case::label("Your PIN: 4711", "Your PIN: ••••")]
#[case::label_and_verb("Your PIN is now 4711.", "Your PIN is now ••••.")]
#[case::label_behind("4711 is your PIN", "•••• is your PIN")]
#[case::german("Ihr Kennwort lautet 4711", "Ihr Kennwort lautet ••••")]
#[case::beside_the_number("29000000001234 / 4711", "••••1234 / ••••")]
#[case::before_the_number("4711, 29000000001234", "••••, ••••1234")]
#[case::alone_in_a_sentence("We sent 4711.", "We sent ••••.")]
#[case::all_of_it("4711", "••••")]
#[case::longer_run("47111", "47111")]
#[case::word("x4711", "x4711")]
#[case::amount("You owe $4711", "You owe $4711")]
#[case::amount_with_cents("You owe 4711.50 and 1.4711", "You owe 4711.50 and 1.4711")]
#[case::amount_and_code("You owe EUR 4711", "You owe EUR 4711")]
#[case::amount_and_sign("You owe 4711 €", "You owe 4711 €")]
#[case::grouped("1,4711 12 4711", "1,4711 12 4711")]
#[case::telephone("Call 555-4711", "Call 555-4711")]
#[case::count("4711 items", "4711 items")]
#[case::place_in_a_queue("9 of 4711", "9 of 4711")]
#[case::address("4711 Main Street", "4711 Main Street")]
fn short_pin_is_masked_in_context(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(
        masked("29000000001234", "4711", text, Field::Sentence),
        expected
    );
}

#[rstest]
#[case::label("PIN 2026", "PIN ••••")]
#[case::label_and_verb("Your password is 2026", "Your password is ••••")]
#[case::french("Votre mot de passe est 2026", "Votre mot de passe est ••••")]
#[case::year("Closed in 2026.", "Closed in 2026.")]
#[case::date(
    "Due 2026-11-21, 21.11.2026, 11/21/2026",
    "Due 2026-11-21, 21.11.2026, 11/21/2026"
)]
#[case::written_date("Due on November 21, 2026", "Due on November 21, 2026")]
#[case::year_of_a_pin("Your PIN expires in 2026", "Your PIN expires in 2026")]
#[case::another_sentence("Change your PIN. 2026 is near.", "Change your PIN. 2026 is near.")]
#[case::time("At 20:26", "At 20:26")]
fn pin_that_is_a_year_is_masked_only_when_labelled(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(
        masked("29000000001234", "2026", text, Field::Sentence),
        expected
    );
}

#[test]
fn title_keeps_its_own_numbers() {
    for (pin, title) in [
        ("1984", "1984"),
        ("4711", "4711"),
        ("451", "Fahrenheit 451"),
    ] {
        assert_eq!(masked("29000000001234", pin, title, Field::Name), title);
    }
    let echo = masked("29000000001234", "4711", "29000000001234 4711", Field::Name);
    assert_eq!(echo, "••••1234 ••••");
}

#[rstest]
#[case::long_digits("471108", "It is 471108 today", "It is •••• today")]
#[case::letters_and_digits("Canary-4711", "canary-4711 canary-47110", "•••• canary-47110")]
#[case::signs("p@ssword!", "a p@ssword! b", "a •••• b")]
#[case::spaces("se 77  cret", "a se 77 cret b", "a •••• b")]
#[case::word(
    "library",
    "The library closes. Your password is library.",
    "The library closes. Your password is ••••."
)]
#[case::hyphenated_word("sign-in", "Please sign-in. PIN: sign-in", "Please sign-in. PIN: ••••")]
#[case::short_with_letter("ab1", "ab1 and PIN ab1", "ab1 and PIN ••••")]
#[case::three_digits("451", "451 and PIN 451", "451 and PIN ••••")]
#[case::date_of_birth("21111984", "21111984 or 21-11-1984", "•••• or 21-11-1984")]
fn pin_of_any_kind_is_masked_whole(#[case] pin: &str, #[case] text: &str, #[case] expected: &str) {
    assert_eq!(
        masked("29000000001234", pin, text, Field::Sentence),
        expected
    );
}

#[rstest]
#[case::user_name("mary-jane smith", "Hello mary-jane smith", "Hello mary-jane smith")]
#[case::called_so("mary-jane smith", "Username: Mary-Jane Smith", "Username: ••••mith")]
#[case::with_digits("mjs1978", "Hello MJS1978", "Hello ••••")]
#[case::letters_and_groups("D 1234-5678", "D1234 5678 and D 1234-5678", "••••5678 and ••••5678")]
#[case::short("4711", "Card 4711, 4711 items", "Card ••••, 4711 items")]
#[case::like_a_date(
    "20261121",
    "Due 2026-11-21, card 2026-11-21",
    "Due 2026-11-21, card ••••1121"
)]
#[case::plain_like_a_date("20261121", "20261121", "••••1121")]
fn number_of_any_kind_is_masked(#[case] number: &str, #[case] text: &str, #[case] expected: &str) {
    assert_eq!(masked(number, "canary-77", text, Field::Sentence), expected);
}

#[test]
fn tail_that_reveals_the_pin_is_masked() {
    for pin in ["1234", "234", "0001234"] {
        let text = masked(
            "29000000001234",
            pin,
            "Card 29000000001234",
            Field::Sentence,
        );
        assert_eq!(text, "Card ••••", "{pin}");
    }
}

#[test]
fn every_text_of_an_account_is_masked() {
    const NUMBER: &str = "29000000001234";
    const PIN: &str = "canary-4711";
    let echo = || format!("{NUMBER} {PIN}");
    let mut account = Account::unknown("koha".parse().unwrap());
    account.messages = vec![echo()];
    account.loans = Some(vec![Loan {
        id: echo(),
        title: echo(),
        author: Some(echo()),
        due: None,
        renewals: None,
        renewable: None,
        renewable_reason: Some(echo()),
        digital: false,
        format: Some(echo()),
        note: Some(echo()),
        url: Some(format!("https://library.example/{NUMBER}/1")),
    }]);
    account.holds = Some(vec![Hold {
        id: echo(),
        title: echo(),
        author: Some(echo()),
        state: HoldState::Other,
        position: None,
        queue_length: None,
        pickup_by: None,
        suspended_until: None,
        expires: None,
        pickup_branch: Some(echo()),
        digital: false,
        note: Some(echo()),
        url: Some(format!("https://library.example/?pin={PIN}")),
    }]);
    let mask = mask_of(NUMBER, PIN);
    mask.mask_account(&mut account);
    let stored = serde_json::to_string(&account).unwrap();
    assert!(
        !stored.contains(NUMBER) && !stored.contains(PIN),
        "{stored}"
    );
    assert_eq!(stored.matches("••••1234 ••••").count(), 12, "{stored}");
    let mut failure = Failure::page_changed(format!("the page says “{}”", echo()));
    mask.mask_failure(&mut failure);
    assert_eq!(failure.detail, "the page says “••••1234 ••••”");
}

#[test]
fn address_without_a_secret_stays() {
    let url = "https://library.example/record/4711";
    let mut account = crate::testing::world::account(&[("Emma", "2026-11-24")]);
    account.loans.as_mut().unwrap()[0].url = Some(url.to_owned());
    mask_of("29000000001234", "4711").mask_account(&mut account);
    assert_eq!(account.loans.unwrap()[0].url.as_deref(), Some(url));
}

proptest! {
    #[test]
    fn long_secret_never_survives(
        number in "[0-9]{9,16}",
        pin in "[a-z]{3}[0-9]{4}",
        words in prop::collection::vec("[a-zA-Z]{1,8}", 0..4),
        at in 0_usize..4,
        groups in prop::collection::vec(1_usize..6, 1..6),
        separator in "[ -]",
    ) {
        let mut printed = String::new();
        let (mut left, mut groups) = (number.as_str(), groups.into_iter().cycle());
        while !left.is_empty() {
            let (group, rest) = left.split_at(groups.next().unwrap().min(left.len()));
            printed.push_str(group);
            left = rest;
            if !left.is_empty() {
                printed.push_str(&separator);
            }
        }
        let mut text = words;
        let place = at.min(text.len());
        text.insert(place, printed.clone());
        text.insert(place, pin.clone());
        for field in [Field::Name, Field::Sentence] {
            let masked = masked(&number, &pin, &text.join(" "), field);
            prop_assert!(!masked.contains(&printed) && !masked.contains(&pin), "{}", masked);
        }
    }

    #[test]
    fn dates_and_amounts_stay(year in 1900_u32..2100, month in 1_u32..13, day in 1_u32..29, cents in 0_u32..100) {
        let text = format!(
            "Due {year}-{month:02}-{day:02}, {day}.{month}.{year}, {month:02}/{day:02}/{year}; in {year}: \
             {year}.{cents:02}, ${year}, {year} items, 1 of {year}"
        );
        for field in [Field::Name, Field::Sentence] {
            prop_assert_eq!(masked("29000000001234", &year.to_string(), &text, field), text.clone());
        }
    }

    #[test]
    fn text_without_a_secret_stays(text in "[a-zA-Z0-8 .,:/€-]{0,60}") {
        for field in [Field::Name, Field::Sentence] {
            prop_assert_eq!(masked("29000000001239", "9919", &text, field), text.clone());
        }
    }

    #[test]
    fn masking_accepts_any_secret_and_text(number in ".{0,20}", pin in ".{0,10}", text in ".{0,60}") {
        masked(&number, &pin, &text, Field::Sentence);
        masked(&number, &pin, &format!("{text}{number} {pin}"), Field::Name);
    }
}
