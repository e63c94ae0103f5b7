//! Signing in and out, on several devices.

use super::world::{INES, MARA, start};

#[test]
fn link_survives_a_scanner_and_code_works_in_its_browser_only() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let laptop = chromium.open_profile();
    laptop.open(&world.page("/"));
    laptop.click("main a.button");
    laptop.type_into("#address", INES);
    laptop.click("main button");
    laptop.wait_for("Check your email");
    let (link, code) = world.mailed(INES, 1);
    // A scanner opens every link of a mail, several times.
    for _ in 0..3 {
        assert_eq!(chromium.scan(&link), 200);
    }
    // Another device has no attempt to which the code belongs.
    let phone = chromium.open_profile();
    phone.open(&world.page("/sign-in/code"));
    assert!(phone.url().ends_with("/sign-in"), "{}", phone.url());
    phone.type_into("#address", "stranger@example.net");
    phone.click("main button");
    phone.wait_for("Check your email");
    phone.type_into("#code", &code);
    phone.click("main button");
    phone.wait_for("That isn’t the code.");
    phone.open(&world.page("/family"));
    assert!(phone.url().ends_with("/sign-in"), "{}", phone.url());
    // The link works on it, after a button.
    phone.open(&link);
    phone.click("main button");
    phone.wait_for("The Lantern Keeper");
    assert!(!phone.url().contains("token"), "{}", phone.url());
    phone.open(&link);
    phone.wait_for("Sign in");
    phone.click("main button, main a.button");
    // It worked once, and so did the code that came with it.
    laptop.type_into("#code", &code);
    laptop.click("main button");
    laptop.wait_for("This code was already used.");
    laptop.open(&world.page("/family"));
    assert!(laptop.url().ends_with("/sign-in"), "{}", laptop.url());
    laptop.type_into("#address", INES);
    laptop.click("main button");
    laptop.wait_for("Check your email");
    let (_, code) = world.mailed(INES, 2);
    laptop.type_into("#code", &code);
    laptop.click("main button");
    laptop.wait_for("The Lantern Keeper");
}

#[test]
fn back_button_after_signing_out_shows_nothing() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let profile = chromium.open_profile();
    world.sign_in(&profile, MARA);
    profile.open(&world.page("/family"));
    profile.wait_for("alert(1)");
    profile.open(&world.page("/family/settings"));
    profile.wait_for("Who gets it");
    profile.click("header button");
    profile.wait_for("in one place");
    for _ in 0..3 {
        profile.go_back();
        profile.wait_for("LibraryHippo");
        let text = profile.text();
        for secret in [MARA, "alert(1)", "Who gets it"] {
            assert!(!text.contains(secret), "{}: {text}", profile.url());
        }
    }
}
