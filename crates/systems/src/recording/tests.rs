//! Sessions full of canaries, in any encoding and at any place; and recorded pages of real libraries, which
//! are kept beside the project and not in it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rstest::rstest;
use serde_json::Value;

use super::*;
use crate::reading::decode_entities;
use crate::{ReadContext, SavedPage};

/// Without a vowel too few to be a filler by chance, and with digits as tokens have them.
const CANARIES: [&str; 9] = [
    "Zanarypin77x",
    "21999000123456",
    "Zanaryname",
    "Zanarystreet",
    "Zanarytitle",
    "Zanarycookie9",
    "Zanarytoken9",
    "zanary.host",
    "ZanaryÉtienne",
];

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(text: &str) -> String {
    let mut encoded = String::new();
    for three in text.as_bytes().chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let number = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=three.len() {
            let digit = (number >> (18 - 6 * place)) & 63;
            encoded.push(char::from(DIGITS[digit as usize]));
        }
    }
    encoded
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn entities(text: &str) -> String {
    text.chars()
        .map(|c| format!("&#{};", u32::from(c)))
        .collect()
}

fn hex_entities(text: &str) -> String {
    text.chars()
        .map(|c| format!("&#x{:x};", u32::from(c)))
        .collect()
}

fn json_escapes(text: &str) -> String {
    text.chars()
        .map(|c| format!("\\u{:04x}", u32::from(c)))
        .collect()
}

/// The canary in every encoding that is looked for.
fn encodings(canary: &str) -> Vec<String> {
    let mut all = vec![
        canary.to_owned(),
        canary.to_uppercase(),
        percent(canary),
        percent(canary).to_lowercase(),
        entities(canary),
        hex_entities(canary),
        json_escapes(canary),
        json_escapes(canary).to_uppercase(),
        canary.bytes().map(|byte| format!("{byte:02x}")).collect(),
        canary.chars().rev().collect(),
    ];
    // At each place in a group of three; the ends depend on what stands beside it.
    for before in ["", "x", "xx"] {
        let encoded = base64(&format!("{before}{canary}"));
        let end = encoded.len() - 2;
        all.push(encoded[2 * before.len()..end].to_owned());
    }
    all
}

/// The text, and what it says once it is decoded.
fn readings(text: &str) -> Vec<String> {
    let unescaped: Vec<String> = match serde_json::from_str::<Value>(text) {
        Ok(value) => strings(&value),
        Err(_) => Vec::new(),
    };
    let mut all = vec![text.to_owned()];
    for text in unescaped {
        let percent: String =
            url::form_urlencoded::parse(format!("x={}", text.replace('&', "%26")).as_bytes())
                .map(|(_, value)| value.into_owned())
                .collect();
        all.push(decode_entities(&text).into_owned());
        all.push(decode_entities(&percent).into_owned());
        all.push(text);
    }
    all
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(values) => values
            .iter()
            .flat_map(|(key, value)| [vec![key.clone()], strings(value)].concat())
            .collect(),
        _ => Vec::new(),
    }
}

fn headers(all: &[(&str, &str)]) -> HeaderMap {
    all.iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

fn exchange(url: &str, answer: &str) -> Exchange {
    Exchange {
        method: Method::GET,
        url: url.parse().unwrap(),
        headers: HeaderMap::new(),
        fields: None,
        step: None,
        began: Instant::now(),
        took: Duration::ZERO,
        answer: Some(Answered {
            status: StatusCode::OK,
            headers: headers(&[("content-type", "text/html; charset=utf-8")]),
            body: answer.as_bytes().to_vec(),
        }),
    }
}

fn library(system: &str, base_url: &str, date_format: Option<&str>) -> Library {
    Library {
        id: "books".parse().unwrap(),
        name: "Zanarylibrary".to_owned(),
        system: system.parse().unwrap(),
        base_url: base_url.parse().unwrap(),
        account_url: None,
        timezone: chrono_tz::America::Toronto,
        date_format: date_format.map(str::to_owned),
        login_hosts: Vec::new(),
        options: Default::default(),
    }
}

fn record(system: &str, base_url: &str, format: Option<&str>, session: Vec<Exchange>) -> Recording {
    let recorder = Recorder::default();
    for exchange in session {
        recorder.note(exchange);
    }
    let today = "2026-11-21".parse().unwrap();
    recorder
        .finish(
            crate::system(system).unwrap(),
            &library(system, base_url, format),
            today,
        )
        .unwrap()
}

/// Pages that say the canary at every place that there is.
fn pages_about(canary: &str) -> Vec<String> {
    let mut pages = Vec::new();
    for written in encodings(canary) {
        let quoted = serde_json::to_string(&written).unwrap();
        pages.push(format!(
            "<!DOCTYPE html><html lang='{written}'><head><title>{written}</title><meta name=csrf-token content='{written}'>\
             <style>.x{{content:'{written}'}}</style><!-- {written} --><base href='https://{canary}/'></head>\
             <body onload=\"go('{written}')\" data-user='{written}' style='background:url({written})'>\
             <p title='{written}' alt={written}>Hello {written}, 14 {written} Lane</p>\
             <div class=patNameAddress><strong>{written}</strong>{written}</div>\
             <a href='/patroninfo/{written}/items?pin={written}&x=%2F{written}#{written} '>{written}</a>\
             <a href='mailto:{written}@x.test'>m</a><a href='javascript:go(\"{written}\")'>j</a>\
             <img src='data:text/plain;base64,{written}'><input type=hidden name=token value='{written}'>\
             <input type='{written}'><textarea>{written}</textarea><select><option value='{written}'>{written}</select>\
             <script>var {quoted}; var __sdcsrf = '{written}'; /* {written} */ // don't {written}\n\
             x = {{\"url\": \"\\/client\\/{written}\\/librarycheckoutsaccordion?q={written}\"}}</script>\
             <script type='application/json' data-iso-key='_0'>{{\"app\":{{\"currentURL\":\"/v2/holds/{written}\"}},\
             \"entities\":{{\"users\":{{{quoted}:{{\"name\":{quoted},\"id\":{quoted}}}}}}},\
             \"auth\":{{\"loginError\":{{\"message\":{quoted}}},\"currentUserId\":{quoted}}},\"list\":[{quoted}]}}</script>\
             <script type='text/template'><b>{written}</b></script><svg><text>{written}</text></svg>\
             <iframe srcdoc='{written}'>{written}</iframe><noscript>{written}</noscript><?x {written}?></body></html>"
        ));
        pages.push(format!(
            "{{\"content\":\"<p class=x>{}</p>\",\"script\":\"RedirectAfterLogin('/a/{}')\",\"redirectURL\":{quoted},\
             \"messages\":[{{\"type\":\"error\",\"key\":{quoted}}}]}}",
            written.replace('\\', "\\\\"),
            written.replace('\\', "\\\\"),
        ));
    }
    // Broken off at many places.
    let whole = pages.first().cloned().unwrap_or_default();
    for end in (0..whole.len()).step_by(37) {
        pages.extend(whole.get(..end).map(str::to_owned));
    }
    pages
}

#[rstest]
#[case("bibliocommons")]
#[case("sierra")]
#[case("enterprise")]
#[case("koha")]
fn no_canary_stands_in_a_recording_in_any_encoding(#[case] system: &str) {
    for canary in CANARIES {
        let mut session: Vec<Exchange> = Vec::new();
        for page in pages_about(canary) {
            session.push(exchange(
                "https://zanary.host/cgi-bin/koha/opac-user.pl",
                &page,
            ));
        }
        let ascii = canary.replace('É', "E");
        let mut login = exchange(
            &format!(
                "https://{ascii}:{ascii}@zanary.host:8443/login/{0}?q={0}&{ascii}",
                percent(canary)
            ),
            "",
        );
        login.method = Method::POST;
        login.step = Some(Step::LogIn);
        login.headers = headers(&[
            (
                "cookie",
                &format!("SESSION={ascii}; other={}", percent(canary)),
            ),
            ("sdcsrf", &ascii),
            ("x-requested-with", &ascii),
        ]);
        login.fields = Some(format!(
            "number={}&pin={}&x={}",
            percent(canary),
            ascii,
            base64(canary)
        ));
        if let Some(answer) = &mut login.answer {
            answer.headers = headers(&[
                (
                    "set-cookie",
                    &format!(
                        "SESSION={ascii}; Path=/{ascii}; Domain={ascii}.zanary.host; HttpOnly"
                    ),
                ),
                (
                    "location",
                    &format!("https://{ascii}.zanary.host/{ascii}?ticket={ascii}"),
                ),
                ("content-type", &format!("text/{ascii}; charset={ascii}")),
                ("x-user", &ascii),
                ("retry-after", &ascii),
            ]);
        }
        session.push(login);
        // A recording has an end; so have the canaries of one.
        while !session.is_empty() {
            let rest = session.split_off(session.len().min(MOST_ENTRIES));
            let recording = record(
                system,
                "https://zanary.host/zanary",
                Some("%m-%d-%y"),
                session,
            );
            session = rest;
            let text = recording.to_json();
            let kept = serde_json::to_string(&recording.kept).unwrap();
            for reading in readings(&text).iter().chain([&kept]) {
                for written in encodings(canary) {
                    let place = reading.to_lowercase().find(&written.to_lowercase());
                    if let Some(at) = place {
                        let around: String = reading
                            .chars()
                            .skip(at.saturating_sub(80))
                            .take(200)
                            .collect();
                        panic!("{written}: {around}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_secret_in_a_place_that_every_rule_overlooked_keeps_the_recording_back() {
    let recorder = Recorder::default();
    recorder.note(exchange("https://zanary.host/", "<p>x"));
    let secret = CardSecret {
        number: "library9".to_owned().into(),
        pin: "1234".to_owned().into(),
    };
    recorder.note_secret(&secret);
    let mut library = library("sierra", "https://zanary.host/", None);
    library.date_format = Some("%Y library9".to_owned());
    let today = "2026-11-21".parse().unwrap();
    let refused = recorder.finish(crate::system("sierra").unwrap(), &library, today);
    assert_eq!(refused.unwrap_err(), NoRecording::HoldsSecret);
}

#[test]
fn a_recorder_shows_nothing_of_what_it_saw() {
    let recorder = Recorder::default();
    recorder.note(exchange("https://zanary.host/Zanary", "Zanary"));
    assert_eq!(format!("{recorder:?}"), "Recorder { seen: 1, .. }");
}

fn folder_of_pages() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = match std::env::var_os("LIBRARY_PAGES") {
        Some(folder) => workspace.join(folder),
        None => workspace.join("../shared/library-pages"),
    };
    folder.is_dir().then_some(folder)
}

/// How many entries, in which states, and what kind of failure.
fn shape(account: &Result<hippo_core::account::Account, hippo_core::failure::Failure>) -> String {
    match account {
        Err(failure) => failure.kind.to_string(),
        Ok(account) => {
            let loans: Option<Vec<_>> = account.loans.as_ref().map(|loans| {
                let shape = |loan: &hippo_core::account::Loan| {
                    (loan.title.chars().count(), loan.renewals, loan.renewable)
                };
                loans.iter().map(shape).collect()
            });
            let holds: Option<Vec<_>> = account.holds.as_ref().map(|holds| {
                let shape = |hold: &hippo_core::account::Hold| {
                    (hold.title.chars().count(), hold.state, hold.position)
                };
                holds.iter().map(shape).collect()
            });
            format!(
                "{loans:?} {holds:?} {:?} {:?}",
                account.declared, account.fines
            )
        }
    }
}

#[rstest]
#[case("bibliocommons")]
#[case("sierra")]
#[case("enterprise")]
#[case("koha")]
fn recorded_pages_of_real_libraries_read_as_before(#[case] name: &str) {
    use std::io::Write as _;
    let Some(folder) = folder_of_pages()
        .map(|folder| folder.join(name))
        .filter(|folder| folder.is_dir())
    else {
        let said = b"SKIPPED: no recorded pages of libraries (LIBRARY_PAGES names their folder)\n";
        std::io::stderr().write_all(said).unwrap();
        return;
    };
    let system = crate::system(name).unwrap();
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(case) = std::fs::read_to_string(path.join("case.json")) else {
            continue;
        };
        let case: Value = serde_json::from_str(&case).unwrap();
        let base_url = case["base_url"].as_str().unwrap();
        let format = case["options"]["date_format"].as_str();
        let pages: Vec<SavedPage> = case["pages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| SavedPage {
                name: name.as_str().unwrap().to_owned(),
                body: String::from_utf8_lossy(
                    &std::fs::read(path.join(name.as_str().unwrap())).unwrap(),
                )
                .into_owned(),
            })
            .collect();
        let url = base_url.parse().unwrap();
        let context = ReadContext {
            base_url: &url,
            date_format: format,
            timezone: chrono_tz::America::Toronto,
            card_number: None,
        };
        let before = system.read(&pages, &context);
        let session = pages
            .iter()
            .map(|page| exchange(base_url, &page.body))
            .collect();
        let recording = record(name, base_url, format, session);
        let library = recording.har.log.library.clone().unwrap();
        let url = library.base_url.parse().unwrap();
        let after = read(system, &recording.har, &library.context(&url));
        if shape(&after) != shape(&before) {
            let why = after.as_ref().err().map(ToString::to_string);
            wrong.push(format!(
                "{}:\n  {}\n  {} {why:?}",
                path.file_name().unwrap().display(),
                shape(&before),
                shape(&after)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
