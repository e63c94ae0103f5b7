//! Mails in a real browser, as a mail program shows them: the HTML part, with its pictures.

use std::path::Path;
use std::process::Command;

use hippo_tests::hippo_path;
use hippo_tests::python_tools::find_programs;
use hippo_tests::web_driver::{Chromium, Profile, axe_script};
use serde_json::Value;

use super::everybody::{find_barriers, save_pictures};

/// Reads mails with Python's parser, and puts each picture where the HTML names its content id.
const READ_MAILS: &str = r#"
import base64, email, email.policy, json, sys

mails = []
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    html = mail.get_body(("html",)).get_content()
    pictures = [part for part in mail.walk() if part["Content-ID"]]
    for part in pictures:
        cid = "cid:" + part["Content-ID"].strip("<>")
        assert cid in html, cid
        data = base64.b64encode(part.get_content()).decode()
        html = html.replace(cid, f"data:{part.get_content_type()};base64,{data}")
    assert "cid:" not in html
    mails.append({"html": html, "pictures": len(pictures)})
print(json.dumps(mails))
"#;

/// The mails of the demo, with the number of their pictures: a picture of the day and two notices.
fn mails_of_the_demo(python: &Path) -> Vec<(String, u64)> {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("demo");
    let demo = Command::new(hippo_path())
        .args(["demo", "--keep"])
        .arg(&kept)
        .output();
    assert!(demo.unwrap().status.success());
    let mut files: Vec<_> = std::fs::read_dir(kept.join("mail"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    files.sort();
    let mut command = Command::new(python);
    command.args(["-c", READ_MAILS]).args(files);
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let mails: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let read = |mail: &Value| {
        let html = mail["html"].as_str().unwrap().to_owned();
        (html, mail["pictures"].as_u64().unwrap())
    };
    mails.iter().map(read).collect()
}

/// Checks the open mail, as it is shown in a window of this width.
fn check_mail(profile: &Profile<'_>, axe: &str, width: u32, is_dark: bool) {
    let name = format!("{width} px, {}", if is_dark { "dark" } else { "light" });
    profile.set_dark(is_dark);
    profile.set_size(width, 700);
    let widths = profile.run(
        "const page = document.scrollingElement;
         return [page.scrollWidth, page.clientWidth]",
    );
    assert_eq!(widths[0], widths[1], "scrolls sideways, {name}");
    let pictures = profile.run(
        "return [...document.images].map(one =>
           [one.complete, one.naturalWidth, one.getBoundingClientRect().width])",
    );
    for picture in pictures.as_array().unwrap() {
        let number = |index: usize| picture[index].as_f64().unwrap();
        assert_eq!(picture[0], true, "{name}");
        assert!(number(1) > 0.0 && number(2) > 0.0, "{picture}, {name}");
    }
    // The sheet is as dark as the window, so that nothing dazzles at night.
    let sheet = profile.run(
        "const colour = getComputedStyle(document.querySelector('.sheet')).backgroundColor;
         return colour.match(/\\d+/g).slice(0, 3).map(Number)",
    );
    let lightness: u64 = sheet
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(lightness < 3 * 128, is_dark, "{sheet}, {name}");
    let barriers = find_barriers(profile, axe);
    assert_eq!(barriers, Vec::<String>::new(), "{name}");
}

#[test]
fn mails_with_their_pictures_are_for_everybody() {
    let Some(chromium) = Chromium::start() else {
        return;
    };
    let Some(programs) = find_programs("calendar", "python") else {
        return;
    };
    let axe = axe_script();
    let profile = chromium.open_profile();
    let folder = tempfile::tempdir().unwrap();
    let mails = mails_of_the_demo(&programs.join("python"));
    let pictures: Vec<u64> = mails.iter().map(|(_, pictures)| *pictures).collect();
    assert_eq!(pictures.iter().sum::<u64>(), 1, "{pictures:?}");
    for (number, (html, pictures)) in mails.iter().enumerate() {
        let file = folder.path().join(format!("{number}.html"));
        std::fs::write(&file, html).unwrap();
        profile.open(&format!("file://{}", file.display()));
        let shown = profile.run("return document.images.length");
        assert_eq!(shown.as_u64(), Some(*pictures));
        for width in [360, 1280] {
            for is_dark in [false, true] {
                check_mail(&profile, &axe, width, is_dark);
            }
        }
        save_pictures(&profile, &format!("mail-{number}"));
    }
    // A text that can't be read would be found.
    profile
        .run("document.querySelector('.quiet').style.setProperty('color', '#303030', 'important')");
    assert_ne!(find_barriers(&profile, &axe), Vec::<String>::new());
}
