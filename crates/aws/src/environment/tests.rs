use std::collections::BTreeMap;

use hippo_core::picture::SourceKind;

use super::*;

fn read_environment<T: Environment>(variables: &[(&str, &str)]) -> Result<T, String> {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    T::read(&|name| variables.get(name).map(|value| (*value).to_owned()))
        .map_err(|error| error.to_string())
}

#[test]
fn complete_environment_is_read() {
    let read: NotifyFamily = read_environment(&[
        ("TABLE_NAME", "table"),
        ("MAIL_FROM", "The Hippo <hippo@example.org>"),
        ("OPERATOR_EMAIL", "pat@example.org"),
        ("CONFIGURATION_SET", "set"),
        ("CONTACT", " "),
        ("LOG_LEVEL", "DEBUG"),
    ])
    .unwrap();
    let sender = &read.sender;
    assert_eq!(
        (sender.name.as_str(), sender.from.as_str()),
        ("The Hippo", "hippo@example.org")
    );
    assert_eq!(
        sender.unsubscribe.as_ref().unwrap().as_str(),
        "pat@example.org"
    );
    assert_eq!(read.contact, None);
    assert_eq!(read.common.log_level, LogLevel::Debug);
    assert_eq!(read.common.metrics_namespace, "LibraryHippo");
}

#[test]
fn one_message_names_every_missing_and_malformed_variable() {
    let message = read_environment::<NotifyFamily>(&[
        ("TABLE_NAME", ""),
        ("MAIL_FROM", "canary at example.org"),
        ("OPERATOR_EMAIL", "canary"),
        ("LOG_LEVEL", "loud"),
    ])
    .unwrap_err();
    assert_eq!(
        message,
        "The function can't start with this environment: TABLE_NAME, CONFIGURATION_SET are \
         missing; LOG_LEVEL must be error, warn, info or debug; MAIL_FROM must be an email \
         address like hippo@example.org or LibraryHippo <hippo@example.org>; OPERATOR_EMAIL \
         must be an email address like hippo@example.org."
    );
    let message = read_environment::<CheckCard>(&[
        ("ALLOW_LOOPBACK_LIBRARIES", "yes"),
        ("DELAY_SECONDS", "-1"),
        ("JITTER_SECONDS", "NaN"),
    ])
    .unwrap_err();
    for name in [
        "TABLE_NAME, KEY_PARAMETER are missing",
        "ALLOW_LOOPBACK_LIBRARIES must be true or false",
        "DELAY_SECONDS must be a number of seconds from 0 to 60",
        "JITTER_SECONDS must",
    ] {
        assert!(message.contains(name), "{name}: {message}");
    }
}

#[test]
fn none_counts_as_absent() {
    let read: NotifyAll = read_environment(&[
        ("TABLE_NAME", "table"),
        ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
        ("HEARTBEAT_URL", "none"),
        ("OPERATOR_EMAIL", " none "),
    ])
    .unwrap();
    assert_eq!((read.heartbeat, read.operator), (None, None));
    let message = read_environment::<MailEvents>(&[("TABLE_NAME", "none")]).unwrap_err();
    assert!(message.contains("TABLE_NAME is missing"), "{message}");
}

#[test]
fn alert_mail_links_to_the_console_if_web_url_is_set() {
    let console_url = |url| {
        let read: NotifyAll = read_environment(&[
            ("TABLE_NAME", "table"),
            ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
            ("OPERATOR_EMAIL", "ops@example.org"),
            ("MAIL_FROM", "hippo@example.org"),
            ("CONFIGURATION_SET", "set"),
            ("WEB_URL", url),
        ])
        .unwrap();
        let public_url = read.operator.unwrap().public_url;
        public_url.map(|public_url| public_url.page("/console"))
    };
    let expected = "https://hippo.example.org/console";
    assert_eq!(
        console_url("https://hippo.example.org").as_deref(),
        Some(expected)
    );
    assert_eq!(console_url("none"), None);
}

fn read_picture(variables: &[(&str, &str)]) -> Result<PictureOfTheDay, String> {
    let rest = [
        ("TABLE_NAME", "t"),
        ("MAIL_FROM", "hippo@example.org"),
        ("CONFIGURATION_SET", "set"),
    ];
    read_environment(&[&rest[..], variables].concat())
}

#[test]
fn picture_source_is_read_with_its_fields() {
    let read = read_picture(&[
        (
            "PICTURE_URL",
            "https://pictures.example.org/today?key=canary",
        ),
        ("PICTURE_KIND", "json"),
        ("PICTURE_ADDRESS", "images.0.url"),
        ("PICTURE_CREDIT", "none"),
    ])
    .unwrap();
    let source = read.source.unwrap();
    assert_eq!(source.kind, SourceKind::Json);
    assert_eq!(source.address.as_deref(), Some("images.0.url"));
    assert_eq!((source.title, source.credit), (None, None));
    assert_eq!(read.schedules.len(), 1);
    assert!(!read.allow_loopback);
}

#[test]
fn without_a_picture_url_there_is_no_source_and_no_schedule() {
    for url in ["", "none"] {
        let read = read_picture(&[("PICTURE_URL", url), ("PICTURE_KIND", "json")]).unwrap();
        assert_eq!((read.source, read.schedules), (None, Schedules::new()));
    }
}

#[test]
fn invalid_picture_source_is_reported_without_its_url() {
    for (url, kind, expected) in [
        (
            "https://x.test/canary",
            "json",
            "needs `address`: the JSON field",
        ),
        (
            "https://x.test/canary",
            "atom",
            "PICTURE_KIND must be image, json or rss",
        ),
        ("https://x.test/canary", "", "PICTURE_KIND is missing"),
        ("canary", "image", "PICTURE_URL must be a URL"),
        ("ftp://x.test/canary", "image", "must start with https://"),
    ] {
        let message = read_picture(&[("PICTURE_URL", url), ("PICTURE_KIND", kind)]).unwrap_err();
        assert!(message.contains(expected), "{expected}: {message}");
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn visit_queue_must_be_a_fifo_queue() {
    let message = read_environment::<CheckCards>(&[
        ("TABLE_NAME", "t"),
        ("VISIT_QUEUE_URL", "https://sqs.example/1/visits"),
    ])
    .unwrap_err();
    assert!(
        message.contains("VISIT_QUEUE_URL must name a FIFO queue"),
        "{message}"
    );
}

#[test]
fn loopback_libraries_are_off_by_default() {
    let read: CheckCard =
        read_environment(&[("TABLE_NAME", "t"), ("KEY_PARAMETER", "/k")]).unwrap();
    assert!(!read.allow_loopback_libraries);
    assert_eq!(read.pace, Pace::default());
}

#[test]
fn public_url_is_optional_and_must_be_https_without_a_path() {
    let with = |url| read_picture(&[("WEB_URL", url)]);
    for url in ["", "none"] {
        assert_eq!(with(url).unwrap().public_url, None);
    }
    let read = with("https://hippo.example.org").unwrap();
    assert_eq!(
        read.public_url.unwrap().origin(),
        "https://hippo.example.org"
    );
    for url in [
        "http://canary.example.org",
        "https://canary.example.org/pages",
        "canary",
    ] {
        let message = with(url).unwrap_err();
        assert!(
            message.contains("WEB_URL must be an address like https://"),
            "{message}"
        );
        assert!(!message.contains("canary"), "{message}");
    }
}
