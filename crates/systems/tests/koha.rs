//! `koha`, on recorded pages of a real server and against the demo library.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod library_pages;

#[test]
fn recorded_pages_say_what_is_expected_of_them() {
    let cases = library_pages::check_all("koha");
    assert!(cases == 0 || cases >= 5, "only {cases} cases");
}
