//! Sessions with canaries in every encoding and position.

use hippo_browser::reading::decode_entities;
use rstest::rstest;
use serde_json::Value;

use super::*;

/// Values with vowels, which no filler has, and with digits, as tokens have them.
const CANARIES: [&str; 10] = [
    "Zanarypin77x",
    "21999000123456",
    "0000",
    "Zanaryname",
    "Zanarystreet",
    "Zanarytitle",
    "Zanarycookie9",
    "Zanarytoken9",
    "zanary.host",
    "ZanaryÉtienne",
];

const MIN_ENCODING_CHARS: usize = 6;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn base64(text: &str) -> String {
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

/// The canary in every encoding.
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
    // Base64 at each offset within three bytes, without the ends, which depend on the neighbours.
    for before in ["", "x", "xx"] {
        let encoded = base64(&format!("{before}{canary}"));
        let end = encoded.len() - 2;
        all.push(encoded[2 * before.len()..end].to_owned());
    }
    // Shorter ones occur by chance.
    all.retain(|written| written == canary || written.chars().count() >= MIN_ENCODING_CHARS);
    all
}

/// The text, and its decoded forms.
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

/// Pages with the canary in every position.
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
    // Truncated at many positions.
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
fn recording_contains_no_canary_in_any_encoding(#[case] system: &str) {
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
        login.step = Some(LoginStep::LogIn);
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
        if let Some(response) = &mut login.response {
            response.headers = headers(&[
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
        // In parts, because a recording has a maximum of requests.
        while !session.is_empty() {
            let rest = session.split_off(session.len().min(MAX_RECORDED_REQUESTS));
            let recording = record_with_secrets(
                system,
                "https://zanary.host/zanary",
                Some("%m-%d-%y"),
                session,
                &[("zanary21999", "0000")],
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
