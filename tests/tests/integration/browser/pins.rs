//! A new PIN, tried at the library at once.

use hippo_demo_library::Fault;

use super::world::{INES, start};

#[test]
fn pin_is_accepted_rejected_or_kept_for_a_site_that_is_down() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let profile = chromium.open_profile();
    world.sign_in(&profile, INES);
    let cards = world.json(&["card", "list", "--json"]);
    let cards = cards.as_array().unwrap();
    let is_own =
        |card: &&serde_json::Value| card["library"] == "riverside" && card["patron"] == "Ines";
    let id = cards.iter().find(is_own).unwrap()["id"].as_str().unwrap();
    for (pin, is_down, words) in [
        ("2468", false, "It worked"),
        (
            "canary-9753",
            false,
            "The library rejected the number or PIN",
        ),
        ("2468", true, "the library’s site didn’t answer"),
    ] {
        if is_down {
            world
                .riverside
                .switches()
                .set(Fault::Down { retry_after: None });
        }
        profile.open(&world.page("/family/cards"));
        profile.click(&format!("a[href='/family/cards/{id}/pin']"));
        profile.type_into("#number", "21000000004711");
        profile.type_into("#pin", pin);
        profile.click("main form button");
        profile.wait_for(words);
        assert!(!profile.url().contains(pin), "{}", profile.url());
        let page = profile.run("return document.documentElement.outerHTML");
        assert!(!page.as_str().unwrap().contains(pin), "{page}");
    }
}
