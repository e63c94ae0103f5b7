//! Every page, for everybody: on a narrow phone, with large text, in the dark, in another time zone.

use std::path::Path;

use hippo_tests::web_driver::{Profile, axe_script};
use serde_json::{Value, json};

use super::world::{INES, MARA, World, run_id, start};

/// The pages of anybody, of a family, and of the operator.
const OPEN: [&str; 3] = ["/", "/about", "/sign-in"];
const FAMILY: [&str; 6] = [
    "/family",
    "/family?by=person",
    "/family/cards",
    "/family/cards/add",
    "/family/feeds",
    "/family/settings",
];
const CONSOLE: [&str; 7] = [
    "/console",
    "/console/schedules",
    "/console/schedules/run?label=all",
    "/console/notices",
    "/console/libraries",
    "/console/families",
    "/console/audit",
];

/// The serious findings of axe-core, each with the elements.
pub(super) fn find_barriers(profile: &Profile<'_>, axe: &str) -> Vec<String> {
    profile.run(axe);
    let found = profile.run_async(
        "axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations), done)",
    );
    let found = found.as_array().unwrap_or_else(|| panic!("{found}"));
    let is_serious = |one: &&Value| matches!(one["impact"].as_str(), Some("serious" | "critical"));
    let words = |one: &Value| format!("{}: {} {}", one["id"], one["help"], one["nodes"][0]["html"]);
    found.iter().filter(is_serious).map(words).collect()
}

/// Checks a page in every way that people look at it.
fn check_page(world: &World, profile: &Profile<'_>, path: &str, axe: &str) {
    profile.set_size(1280, 900);
    profile.set_dark(false);
    profile.set_text_size(1);
    profile.open(&world.page(path));
    check_open_page(profile, path, axe);
    assert_eq!(profile.console(), Vec::<String>::new(), "{path}");
}

/// Checks the page that is open, as by a form.
fn check_open_page(profile: &Profile<'_>, path: &str, axe: &str) {
    let text = profile.text();
    assert!(text.contains("LibraryHippo"), "{path}: {text}");
    for (name, width, text_size, is_dark) in [
        ("light", 1280, 1, false),
        ("dark", 1280, 1, true),
        ("narrow", 320, 1, false),
        ("large text", 640, 2, false),
    ] {
        profile.set_dark(is_dark);
        profile.set_text_size(text_size);
        profile.set_size(width, 700);
        let widths = profile.run(
            "const page = document.scrollingElement;
             const wide = [...document.querySelectorAll('main *')].filter(e =>
               e.getBoundingClientRect().right > page.clientWidth && !e.closest('.scroll, .unseen'));
             return [page.scrollWidth <= page.clientWidth, wide.map(e => e.outerHTML.slice(0, 200))]",
        );
        assert_eq!(
            widths[0], true,
            "{path} scrolls sideways, {name}: {}",
            widths[1]
        );
        // Colours and sizes matter to axe, so the narrow page is left to the others.
        if name != "large text" {
            let barriers = find_barriers(profile, axe);
            assert_eq!(barriers, Vec::<String>::new(), "{path}, {name}");
        }
    }
    profile.set_dark(false);
    profile.set_text_size(1);
    profile.set_size(1280, 900);
}

/// Saves pictures of the page, if `HIPPO_PICTURES` names a folder for them.
pub(super) fn save_pictures(profile: &Profile<'_>, path: &str) {
    let Some(folder) = std::env::var_os("HIPPO_PICTURES") else {
        return;
    };
    for (width, is_dark) in [(360, false), (360, true), (1280, false), (1280, true)] {
        profile.set_dark(is_dark);
        profile.set_size(width, 700);
        let name = path.replace(|one: char| !one.is_ascii_alphanumeric(), "_");
        let scheme = if is_dark { "dark" } else { "light" };
        let file = format!("{name}-{width}-{scheme}.png.base64");
        std::fs::write(Path::new(&folder).join(file), profile.take_picture()).unwrap();
    }
}

#[test]
fn pages_of_a_family_are_for_everybody() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let axe = axe_script();
    let profile = chromium.open_profile();
    for path in OPEN {
        check_page(&world, &profile, path, &axe);
        save_pictures(&profile, path);
    }
    profile.type_into("#address", "stranger@example.net");
    profile.click("main button");
    profile.wait_for("Check your email");
    check_page(&world, &profile, "/sign-in/code", &axe);
    world.sign_in(&profile, INES);
    for path in FAMILY {
        check_page(&world, &profile, path, &axe);
        save_pictures(&profile, path);
    }
    // The forms of the first card: its PIN, its pause, its removal.
    profile.open(&world.page("/family/cards"));
    let forms = profile.run(
        "return [...document.querySelectorAll('main li:first-child a.button')].map(a => a.getAttribute('href'))",
    );
    let forms = forms.as_array().unwrap();
    assert_eq!(forms.len(), 3, "{forms:?}");
    for path in forms.iter().filter_map(Value::as_str) {
        check_page(&world, &profile, path, &axe);
        save_pictures(&profile, path);
    }
    // The server knows the family's zone; the browser's doesn't matter.
    profile.open(&world.page("/family"));
    let text = profile.text();
    let zone = json!({"timezoneId": "Asia/Tokyo"});
    profile.devtools("Emulation.setTimezoneOverride", &zone);
    profile.open(&world.page("/family"));
    assert_eq!(profile.text(), text);
    // A page with a barrier would be found.
    profile
        .run("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button>')");
    assert_ne!(find_barriers(&profile, &axe), Vec::<String>::new());
}

#[test]
fn pages_on_the_way_are_for_everybody() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let axe = axe_script();
    let profile = chromium.open_profile();
    let path_of = |link: &str| link.strip_prefix(&world.origin).unwrap().to_owned();
    profile.open(&world.page("/sign-in"));
    profile.type_into("#address", INES);
    profile.click("main button");
    profile.wait_for("Check your email");
    let (link, _) = world.mailed(INES, 1);
    check_page(&world, &profile, &path_of(&link), &axe);
    profile.click("main button");
    profile.wait_for("Sign out");
    check_page(&world, &profile, "/family/cards/add/riverside", &axe);
    let cards = world.json(&["card", "list", "--json"]);
    let mut cards = cards.as_array().unwrap().iter();
    let own = cards.find(|card| card["patron"] == "Ines").unwrap();
    let id = own["id"].as_str().unwrap();
    // It worked; and no check could be started since a day that is yet to come.
    for query in ["since=0", "since=9999999999999&unstarted=yes"] {
        let path = format!("/family/cards/{id}/check?{query}");
        check_page(&world, &profile, &path, &axe);
    }
    // The links of a new feed are shown once.
    profile.open(&world.page("/family/feeds"));
    profile.type_into("#label", "kitchen");
    profile.click("main form button");
    profile.wait_for("They are shown only once.");
    check_open_page(&profile, "new feed", &axe);
    profile.open(&world.page("/family/settings"));
    profile.type_into("#address", "new@example.org");
    profile.click("form[action$='/invite'] button");
    profile.wait_for("The invitation is on its way.");
    let invitation = world.mailed_invitation("new@example.org");
    check_page(&world, &profile, &path_of(&invitation), &axe);
    profile.click("main button");
    profile.wait_for("You’ll get the emails from now on.");
    check_open_page(&profile, "accepted invitation", &axe);
    // Chromium's console repeats the status of these.
    for path in [&*path_of(&link), &*path_of(&invitation), "/u/x", "/nowhere"] {
        profile.open(&world.page(path));
        check_open_page(&profile, path, &axe);
    }
    // Somebody in two families chooses one.
    let add = ["family", "add-recipient", "okoye", INES];
    world.home.run(&add).expect_code(0);
    let other = chromium.open_profile();
    other.open(&world.page("/sign-in"));
    other.type_into("#address", INES);
    other.click("main button");
    other.wait_for("Check your email");
    other.open(&world.mailed(INES, 2).0);
    other.click("main button");
    other.wait_for("Which family?");
    check_page(&world, &other, "/", &axe);
}

#[test]
fn hostile_titles_are_only_words() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let axe = axe_script();
    let profile = chromium.open_profile();
    world.sign_in(&profile, MARA);
    for path in FAMILY {
        // It fails on a report of the policy, too, and on a dialog that a script opened.
        check_page(&world, &profile, path, &axe);
    }
    profile.open(&world.page("/family"));
    let text = profile.text();
    assert!(text.contains("<script>alert(1)</script>"), "{text}");
    let added = "return document.querySelectorAll('script, img, main style').length";
    assert_eq!(profile.run(added), 0);
}

#[test]
fn console_is_for_everybody() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let axe = axe_script();
    let profile = chromium.open_profile();
    world.sign_in_operator(&profile);
    let runs = world.json(&["runs", "--json"]);
    let run = format!("/console/runs/{}", run_id(&runs[0]));
    for path in CONSOLE.into_iter().chain([&*run]) {
        check_page(&world, &profile, path, &axe);
        save_pictures(&profile, path);
    }
}

/// Prints figures of docs/PERFORMANCE.md: how long until the family's page shows something, and the memory of
/// the command that serves it. Run with `--run-ignored all --no-capture`.
#[test]
#[ignore = "it measures, and asserts nothing"]
fn first_paint_and_memory() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let profile = chromium.open_profile();
    world.sign_in(&profile, INES);
    let mut paints = Vec::new();
    for _ in 0..20 {
        profile.open(&world.page("/family"));
        let paint = profile.run_async(
            "const paint = () => performance.getEntriesByName('first-contentful-paint')[0];
             const wait = () => paint() ? done(paint().startTime) : setTimeout(wait, 20);
             wait()",
        );
        paints.push(paint.as_f64().unwrap());
    }
    paints.sort_by(f64::total_cmp);
    let memory = std::fs::read_to_string(format!("/proc/{}/status", world.server_id())).unwrap();
    let memory = memory
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    println!(
        "first contentful paint of /family: median {:.0} ms, slowest {:.0} ms; hippo serve: {memory}",
        paints[10], paints[19]
    );
}
