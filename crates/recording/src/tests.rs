//! Recordings of whole sessions.

use std::time::{Duration, Instant};

use hippo_browser::{HttpResponse, LoginStep, ReadContext};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rstest::rstest;

use super::*;
use reqwest::{Method, StatusCode};
use url::Url;

mod browsers;
mod canaries;
mod samples;
mod vufind;

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
        started_at: Instant::now(),
        duration: Duration::ZERO,
        response: Some(HttpResponse {
            url: url.parse().unwrap(),
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

fn profile(system: &str) -> RecordingProfile {
    let reader = hippo_systems::offline_reader(system).unwrap();
    RecordingProfile {
        phrases: reader.phrases(),
        date_format: Box::new(|page| reader.stated_date_format(page)),
    }
}

fn record(system: &str, base_url: &str, format: Option<&str>, session: Vec<Exchange>) -> Recording {
    record_with_secrets(system, base_url, format, session, &[])
}

/// Like [`record`], for a visit with these numbers and PINs.
fn record_with_secrets(
    system: &str,
    base_url: &str,
    format: Option<&str>,
    session: Vec<Exchange>,
    secrets: &[(&str, &str)],
) -> Recording {
    let recorder = Recorder::default();
    for (number, pin) in secrets {
        recorder.observe_secret(&secret(number, pin));
    }
    for exchange in session {
        recorder.observe_exchange(exchange);
    }
    let today = "2026-11-21".parse().unwrap();
    recorder
        .finish(&profile(system), &library(system, base_url, format), today)
        .unwrap()
}

fn secret(number: &str, pin: &str) -> CardSecret {
    CardSecret {
        number: number.to_owned().into(),
        pin: pin.to_owned().into(),
    }
}

/// A login that sends these fields.
fn login(fields: &str, page: &str) -> Exchange {
    Exchange {
        method: Method::POST,
        step: Some(LoginStep::LogIn),
        fields: Some(fields.to_owned()),
        ..exchange("https://zanary.host/login", page)
    }
}

#[test]
fn secret_missed_by_all_rules_blocks_the_recording() {
    let recorder = Recorder::default();
    recorder.observe_exchange(exchange("https://zanary.host/", "<p>x"));
    recorder.observe_secret(&secret("library9", "1234"));
    let mut library = library("sierra", "https://zanary.host/", None);
    library.date_format = Some("%Y library9".to_owned());
    let today = "2026-11-21".parse().unwrap();
    let refused = recorder.finish(&profile("sierra"), &library, today);
    assert_eq!(refused.unwrap_err(), RecordingError::HoldsSecret);
}

#[test]
fn recorder_debug_shows_no_content() {
    let recorder = Recorder::default();
    recorder.observe_exchange(exchange("https://zanary.host/Zanary", "Zanary"));
    assert_eq!(format!("{recorder:?}"), "Recorder { seen: 1, .. }");
}

#[rstest]
#[case("0000")]
#[case("000000")]
#[case("0")]
#[case("00")]
#[case("7")]
#[case("1984")]
fn pin_of_zeros_or_few_digits_is_filled(#[case] pin: &str) {
    let page = format!("<input name=pin value='{pin}'><p>{pin}</p><td>{pin}</td><i id='x{pin}'>");
    let session = vec![login(
        &format!("code=4711&pin={pin}&_eventId=submit"),
        &page,
    )];
    let recording = record_with_secrets(
        "sierra",
        "https://zanary.host/",
        None,
        session,
        &[("4711", pin)],
    );
    let text = recording.to_json();
    let form = recording.har.log.entries[0]
        .request
        .post_data
        .clone()
        .unwrap();
    assert_eq!(form.params[1].name, "pin");
    assert_ne!(form.params[1].value, pin);
    assert_eq!(form.params[1].value.len(), pin.len());
    assert!(
        !form.text.ends_with(&format!("pin={pin}")) && !form.text.contains(&format!("pin={pin}&"))
    );
    let body = recording.har.log.entries[0]
        .response
        .content
        .text
        .clone()
        .unwrap();
    for written in [format!("value=\"{pin}\""), format!(">{pin}<")] {
        assert!(!body.contains(&written), "{body}");
    }
    if pin.len() > 2 {
        assert!(
            !body.contains(pin) && !text.contains(&format!("\"{pin}")),
            "{body}"
        );
    }
}

#[rstest]
#[case("0000", true)]
#[case("ABCD", true)]
#[case("0001", false)]
fn final_check_compares_each_login_field(#[case] sent: &str, #[case] is_found: bool) {
    let session = vec![login(&format!("code=4711&pin={sent}"), "")];
    let mut recording = record("sierra", "https://zanary.host/", None, session);
    let form = recording.har.log.entries[0]
        .request
        .post_data
        .as_mut()
        .unwrap();
    form.params[1].value = sent.to_owned();
    let mut secrets = Secrets::default();
    secrets.learn(&secret(
        "4711",
        if sent == "ABCD" { "abcd" } else { "0000" },
    ));
    assert_eq!(secrets.occur_in(&recording.har), is_found);
}

#[test]
fn user_name_is_redacted_from_ids_classes_and_keys() {
    let page = "<p id='row-ada.okafor' class='ada.okafor x'><i class=okaforrow id=okafor_name>\
                <a data-user-id=okafor href='#ada.okafor'><script type='application/json'>{\"okafor\":1,\
                \"ada.okafor\":{\"okaforbooks\":[]}}</script><input name='ada.okafor'>";
    let session = vec![
        login("code=ada.okafor&pin=4321", page),
        exchange(
            "https://zanary.host/ada.okafor/x?okafor=ada.okafor#okafor",
            page,
        ),
    ];
    let secrets = [("Ada Okafor|ada.okafor", "4321")];
    let recording = record_with_secrets("sierra", "https://zanary.host/", None, session, &secrets);
    let text = recording.to_json().to_lowercase();
    let kept = format!("{:?}", recording.kept).to_lowercase();
    for output in [text, kept] {
        assert!(!output.contains("okafor"), "{output}");
    }
}

#[test]
fn short_user_name_is_redacted_from_ids_and_classes() {
    let page = "<p id='row-ada.lee' class='x ada.lee'><a name=ada.lee>";
    let session = vec![login("code=ada.lee&pin=4321", page)];
    let secrets = [("ada.lee", "4321")];
    let recording = record_with_secrets("sierra", "https://zanary.host/", None, session, &secrets);
    let text = recording.to_json();
    assert!(!text.contains("ada.lee") && !text.contains("lee"), "{text}");
}

#[test]
fn patron_name_is_redacted_from_classes() {
    let recorder = Recorder::default();
    recorder.observe_exchange(exchange(
        "https://zanary.host/",
        "<p class='user-okafor card-x'>",
    ));
    recorder.learn_person("Ada Okafor, Card");
    let library = library("koha", "https://zanary.host/", None);
    let today = "2026-11-21".parse().unwrap();
    let recording = recorder.finish(&profile("koha"), &library, today).unwrap();
    let text = recording.to_json();
    assert!(
        !text.contains("okafor") && text.contains("card-x"),
        "{text}"
    );
}

#[test]
fn user_name_of_common_words_leaves_field_names_readable() {
    let page = "<form id=fm1><input name=code class=checkbox><input type=password name=pin></form>";
    let session = vec![login("code=pat.holds&pin=4321", page)];
    let recording = record_with_secrets(
        "sierra",
        "https://zanary.host/",
        None,
        session,
        &[("pat.holds", "4321")],
    );
    let body = recording.har.log.entries[0]
        .response
        .content
        .text
        .clone()
        .unwrap();
    assert!(
        body.contains("id=\"fm1\"") && body.contains("name=\"code\""),
        "{body}"
    );
}

#[test]
fn user_name_missed_by_all_rules_blocks_the_recording() {
    let recorder = Recorder::default();
    recorder.observe_exchange(exchange("https://zanary.host/", "<p>x"));
    recorder.observe_secret(&secret("ada.okafor", "1234"));
    let mut library = library("sierra", "https://zanary.host/", None);
    library.date_format = Some("%Y ada.okafor".to_owned());
    let today = "2026-11-21".parse().unwrap();
    let refused = recorder.finish(&profile("sierra"), &library, today);
    assert_eq!(refused.unwrap_err(), RecordingError::HoldsSecret);
}

/// A Koha account page with two loans. Its visible dates begin with the day.
fn koha_page(dateformat: &str) -> String {
    format!(
        "<!DOCTYPE html><html><head><script>var dateformat_pref = \"{dateformat}\";</script></head>\
         <body id='opac-user'><div id='userdetails'><div class='alert' id='warnexpired'>Bis 05/12/2026</div>\
         <div id='opac-user-views' class='toptabs'><ul><li><a href='#opac-user-checkouts'>Medien (2)</a></li></ul>\
         <div id='opac-user-checkouts'><table id='checkoutst'><caption>2 Medien</caption><thead><tr><th class='title'>\
         T</th><th class='date_due'>D</th></tr></thead><tbody>\
         <tr><td class='title'><a class='title' href='/cgi-bin/koha/opac-detail.pl?biblionumber=7'>Eins</a></td>\
         <td class='date_due'>07/12/2026</td></tr>\
         <tr><td class='title'><a class='title' href='/cgi-bin/koha/opac-detail.pl?biblionumber=8'>Zwei</a></td>\
         <td class='date_due'>09/12/2026</td></tr>\
         </tbody></table></div></div></div></body></html>"
    )
}

#[rstest]
#[case("metric")]
#[case("us")]
fn dates_are_shifted_in_the_page_format(#[case] dateformat: &str) {
    let base_url = "https://zanary.host/";
    let koha = hippo_systems::offline_reader("koha").unwrap();
    let page = koha_page(dateformat);
    let url: Url = base_url.parse().unwrap();
    let context = ReadContext {
        base_url: &url,
        date_format: None,
        timezone: chrono_tz::America::Toronto,
        card_number: None,
    };
    let saved = hippo_browser::SavedPage {
        name: "page".to_owned(),
        body: page.clone(),
    };
    let before = koha.read(&[saved], &context).unwrap();
    for _ in 0..20 {
        let session = vec![exchange(base_url, &page)];
        let recording = record("koha", base_url, None, session);
        let after = read(&recording.har, &|pages| koha.read(pages, &context)).unwrap();
        let dates = |account: &hippo_core::account::Account| {
            let loans = account.loans.iter().flatten().filter_map(|loan| loan.due);
            loans.chain(account.card_expires).collect::<Vec<_>>()
        };
        let moves: std::collections::BTreeSet<i64> = dates(&before)
            .into_iter()
            .zip(dates(&after))
            .map(|(one, other)| (other - one).num_days())
            .collect();
        assert_eq!((dates(&before).len(), moves.len()), (3, 1), "{moves:?}");
    }
}

#[test]
fn unknown_header_and_cookie_names_are_filled() {
    let mut exchange = exchange("https://zanary.host/", "<p>x");
    exchange.headers = headers(&[("cookie", "user_ada.okafor@mail.test=1; CGISESSID=2")]);
    exchange.response.as_mut().unwrap().headers = headers(&[
        ("set-cookie", "okafor=1; Path=/okafor"),
        ("x-patron-okafor", "1"),
        ("x-frame-options", "DENY"),
    ]);
    let recording = record("koha", "https://zanary.host/", None, vec![exchange]);
    let text = recording.to_json();
    assert!(!text.contains("okafor") && !format!("{:?}", recording.kept).contains("okafor"));
    assert!(
        text.contains("CGISESSID") && text.contains("x-frame-options"),
        "{text}"
    );
}

#[rstest]
#[case("{\"age\":41,\"lat\":43,\"lng\":-80.52}", &["41", "43", "80", "52"])]
#[case("{\"count\":6,\"x\":[6,41]}", &["41"])]
#[case("{\"totalFines\":17.2512}", &["2512"])]
#[case("{\"messages\":[{\"text\":\"12 Elm, Apt 34\"}]}", &["12", "34"])]
#[case("{\"shelves\":{\"The Okafor Tiger\":{\"id\":1},\"okafor\":2}}", &["kafor", "Tiger"])]
#[case("{\"users\":{\"okafor\":{\"id\":1}}}", &["okafor"])]
#[case("{\"nameById\":{\"okafor\":\"x\"}}", &["okafor"])]
#[case("{\"a\":\"1 < 2, Okafor > Tiger\"}", &["kafor", "Tiger"])]
fn personal_json_values_are_filled(#[case] json: &str, #[case] personal: &[&str]) {
    let session = vec![exchange("https://zanary.host/", json)];
    let recording = record("bibliocommons", "https://zanary.host/", None, session);
    let body = recording.har.log.entries[0]
        .response
        .content
        .text
        .clone()
        .unwrap();
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words.map(str::to_owned).collect()
    };
    // The filler of one number may equal another number.
    for (before, after) in words(json).iter().zip(words(&body)) {
        let is_personal = personal.iter().any(|personal| before.contains(personal));
        assert!(!is_personal || *before != after, "{body}");
    }
}

#[test]
fn json_counts_and_sums_are_kept() {
    let json = "{\"total\":6,\"totalFines\":17.25,\"timesRenewed\":2,\"holdsPosition\":9}";
    let session = vec![exchange("https://zanary.host/", json)];
    let recording = record("bibliocommons", "https://zanary.host/", None, session);
    let body = recording.har.log.entries[0]
        .response
        .content
        .text
        .clone()
        .unwrap();
    let [one, other]: [serde_json::Value; 2] =
        [json, &body].map(|text| serde_json::from_str(text).unwrap());
    assert_eq!(one, other);
}

#[test]
fn recording_hides_when_it_was_made() {
    let recording = record(
        "koha",
        "https://zanary.host/",
        None,
        vec![exchange("https://zanary.host/", "x")],
    );
    assert!(
        recording.har.log.entries[0]
            .started_date_time
            .starts_with("1970-01-01T00:00:00")
    );
}
