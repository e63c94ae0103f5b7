//! What is sent to a site when a card number was typed with separators.

use crate::demo::{check, start, today};
use hippo_demo_library::{Generation, Patron, Site, SystemKind, test_every_site};

const PIN: &str = "47 11-a";

/// Logs in with `typed` at a site that knows the patron by `number`.
async fn log_in_with(
    (system, generation): (SystemKind, Generation),
    number: &str,
    typed: &str,
    options: &[(&str, &str)],
) -> Result<(), String> {
    let patron = Patron::new(number, PIN, "Jo Doe");
    let site = Site::new(system, "Any Library", today())
        .with_generation(generation)
        .with_patron(patron);
    let (demo, mut library) = start(site).await;
    for (name, value) in options {
        library
            .options
            .insert((*name).to_owned(), (*value).to_owned());
    }
    check(&demo, &library, typed, PIN)
        .await
        .map(drop)
        .map_err(|failure| failure.kind.to_string())
}

test_every_site!(number_loses_separators_and_user_name_stays);

async fn number_loses_separators_and_user_name_stays(system: SystemKind, generation: Generation) {
    for (typed, sent) in [
        ("2 1234 5678", "212345678"),
        ("21234-5678", "212345678"),
        ("\u{a0}2 1234\u{a0}5678 ", "212345678"),
        ("mary-jane smith", "mary-jane smith"),
        ("D 1234-5678", "D 1234-5678"),
    ] {
        let outcome = log_in_with((system, generation), sent, typed, &[]).await;
        assert_eq!(outcome, Ok(()), "{typed}");
    }
}

test_every_site!(number_is_sent_as_printed_with_the_keep_option);

async fn number_is_sent_as_printed_with_the_keep_option(
    system: SystemKind,
    generation: Generation,
) {
    let site = (system, generation);
    let printed = "21234-5678";
    let keep = [("number-separators", "keep")];
    assert_eq!(log_in_with(site, printed, printed, &keep).await, Ok(()));
    let refused = Err("wrong_credentials".to_owned());
    assert_eq!(log_in_with(site, printed, printed, &[]).await, refused);
    let drop = [("number-separators", "drop")];
    assert_eq!(log_in_with(site, printed, printed, &drop).await, refused);
}
