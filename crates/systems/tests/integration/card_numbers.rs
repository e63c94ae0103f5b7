//! What is sent to a site when a card number was typed with separators.

use crate::demo::{check, start, today};
use hippo_demo_library::{Patron, Site, SystemKind};
use rstest::rstest;

const PIN: &str = "47 11-a";

/// Logs in with `typed` at a site that knows the patron by `number`.
async fn log_in_with(
    system: SystemKind,
    number: &str,
    typed: &str,
    options: &[(&str, &str)],
) -> Result<(), String> {
    let patron = Patron::new(number, PIN, "Jo Doe");
    let site = Site::new(system, "Any Library", today()).with_patron(patron);
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

#[rstest]
#[case::spaces("2 1234 5678", "212345678")]
#[case::hyphens("21234-5678", "212345678")]
#[case::no_break_space("\u{a0}2 1234\u{a0}5678 ", "212345678")]
#[case::user_name("mary-jane smith", "mary-jane smith")]
#[case::letters_and_digits("D 1234-5678", "D 1234-5678")]
#[tokio::test]
async fn number_loses_separators_and_user_name_stays(
    #[values(0, 1, 2, 3)] system: usize,
    #[case] typed: &str,
    #[case] sent: &str,
) {
    assert_eq!(
        log_in_with(SystemKind::ALL[system], sent, typed, &[]).await,
        Ok(())
    );
}

#[rstest]
#[tokio::test]
async fn number_is_sent_as_printed_with_the_keep_option(#[values(0, 1, 2, 3)] system: usize) {
    let system = SystemKind::ALL[system];
    let printed = "21234-5678";
    let keep = [("number-separators", "keep")];
    assert_eq!(log_in_with(system, printed, printed, &keep).await, Ok(()));
    let refused = Err("wrong_credentials".to_owned());
    assert_eq!(log_in_with(system, printed, printed, &[]).await, refused);
    let drop = [("number-separators", "drop")];
    assert_eq!(log_in_with(system, printed, printed, &drop).await, refused);
}
