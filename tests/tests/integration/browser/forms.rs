//! Forms: those of other sites, without a script, and with the keyboard alone.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use hippo_tests::web_driver::keys::{ENTER, TAB};
use serde_json::json;

use super::world::{INES, World, start};

/// Serves one page to every client, as another site on this machine; returns its origin.
fn serve_page(html: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{html}",
                html.len()
            );
        }
    });
    origin
}

fn settings(world: &World) -> serde_json::Value {
    world.json(&["family", "list", "--json"])
}

#[test]
fn other_sites_can_neither_send_forms_nor_frame_a_page() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let profile = chromium.open_profile();
    world.sign_in(&profile, INES);
    profile.open(&world.page("/family/settings"));
    let version = profile.run("return document.querySelector('[name=version]').value");
    let before = settings(&world);
    // The browser sends the cookie along: another port of this machine is the same site.
    let evil = serve_page(format!(
        "<form method=post action='{}'><input name=version value='{}'></form><button>x</button>\
         <script>document.forms[0].submit()</script>",
        world.page("/family/settings/pause"),
        version.as_str().unwrap(),
    ));
    profile.open(&evil);
    profile.wait_for("This form didn’t come from LibraryHippo’s own page.");
    assert_eq!(settings(&world), before);
    let frame = serve_page(format!(
        "<p>around it</p><iframe src='{}'></iframe>",
        world.page("/family")
    ));
    profile.console();
    profile.open(&frame);
    profile.wait_for("around it");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let log = profile.console().join("\n");
    assert!(
        log.contains("frame-ancestors") || log.contains("X-Frame-Options"),
        "{log}"
    );
    // The same form on our own page is accepted.
    profile.open(&world.page("/family/settings"));
    profile.click("form[action$=pause] button");
    profile.wait_for("Emails are paused");
    assert_ne!(settings(&world), before);
}

#[test]
fn everything_works_without_a_script() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let profile = chromium.open_profile();
    profile.devtools(
        "Emulation.setScriptExecutionDisabled",
        &json!({"value": true}),
    );
    world.sign_in(&profile, INES);
    profile.open(&world.page("/family/cards"));
    profile.click("a[href$=pause]");
    profile.wait_for("Pause this card?");
    profile.type_into("#why", "lost on the bus");
    profile.click("form[action$=pause] button");
    profile.wait_for("Paused (lost on the bus).");
    profile.wait_for("Resume checks");
    profile.click("form[action$=resume] button");
    profile.wait_without("Resume checks");
    profile.open(&world.page("/family/feeds"));
    profile.type_into("#label", "Kitchen");
    profile.click("form[action='/family/feeds'] button");
    profile.wait_for("shown only once");
    profile.click("form[action$=revoke] button");
    profile.wait_for("There are none yet.");
    profile.open(&world.page("/family/settings"));
    profile.click("form[action='/family/settings'] button");
    profile.wait_for("Saved.");
    profile.click("header button");
    profile.wait_for("in one place");
}

/// Moves the focus with the keyboard until it is on the element, which must be visible there.
fn tab_to(profile: &hippo_tests::web_driver::Profile<'_>, selector: &str) {
    for _ in 0..60 {
        profile.press(TAB);
        let focus = profile.run(&format!(
            "const e = document.activeElement, box = e.getBoundingClientRect();
             // The browser itself outlines the focused part of a date field.
             const outline = e.type === 'date' ? 'part' : getComputedStyle(e).outlineStyle;
             return [e.matches(`{selector}`), box.width > 0 && box.right > 0, outline, e.outerHTML]"
        ));
        assert_eq!(focus[1], true, "the focus is on nothing visible: {focus}");
        assert_ne!(focus[2], "none", "the focus isn't visible: {focus}");
        if focus[0] == true {
            return;
        }
    }
    panic!("{selector} can't be reached");
}

#[test]
fn keyboard_alone_is_enough() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let profile = chromium.open_profile();
    profile.open(&world.page("/sign-in"));
    // The field has the focus.
    profile.press(INES);
    profile.press(ENTER);
    profile.wait_for("Check your email");
    let (_, code) = world.mailed(INES, 1);
    profile.press(&code);
    profile.press(ENTER);
    profile.wait_for("The Lantern Keeper");
    profile.open(&world.page("/family/cards"));
    tab_to(&profile, "a.skip");
    profile.press(ENTER);
    tab_to(&profile, "a[href$=pause]");
    profile.press(ENTER);
    profile.wait_for("Pause this card?");
    tab_to(&profile, "form[action$=pause] button");
    profile.press(ENTER);
    profile.wait_for("Resume checks");
    tab_to(&profile, "header button");
    profile.press(ENTER);
    profile.wait_for("in one place");
}

#[test]
fn conflict_in_a_second_tab_keeps_the_typed_values() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let profile = chromium.open_profile();
    world.sign_in(&profile, INES);
    profile.open(&world.page("/family/cards"));
    profile.click("a[href$=pause]");
    profile.wait_for("Pause this card?");
    let (first, page) = (profile.tab(), profile.url());
    let second = profile.open_tab();
    profile.open(&page);
    profile.type_into("#why", "on a trip");
    profile.go_to_tab(&first);
    profile.type_into("#why", "lost on the bus");
    profile.click("form[action$=pause] button");
    profile.wait_for("Paused (lost on the bus).");
    profile.go_to_tab(&second);
    profile.click("form[action$=pause] button");
    profile.wait_for(
        "This card has been paused (“lost on the bus”) since you opened this page. Nothing was changed. Check \
         the form and send it again.",
    );
    let typed = profile.run("return document.querySelector('#why').value");
    assert_eq!(typed, "on a trip");
    profile.go_to_tab(&first);
    profile.open(&world.page("/family/cards"));
    profile.wait_for("Paused (lost on the bus).");
    profile.go_to_tab(&second);
    profile.click("form[action$=pause] button");
    profile.wait_for("Paused (on a trip).");
}
