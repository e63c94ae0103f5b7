//! Whole mails with the picture of the day, to be read by a person.

use hippo_core::mail::{MailContent, MailLinks};
use hippo_core::picture::{Picture, PictureFormat, PictureMailInput, compose_picture_mail};
use rstest::rstest;

use crate::notice::fixture::links;

/// The head of a PNG of this width.
fn png(width: u32) -> Picture {
    let bytes = [
        &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..],
        &width.to_be_bytes(),
        &200_u32.to_be_bytes(),
    ]
    .concat();
    Picture {
        title: None,
        credit: None,
        format: PictureFormat::Png,
        bytes: bytes.into(),
    }
}

fn mail(picture: &Picture, contact: Option<&str>) -> MailContent {
    mail_with_links(picture, contact, None)
}

fn mail_with_links(
    picture: &Picture,
    contact: Option<&str>,
    links: Option<&MailLinks>,
) -> MailContent {
    compose_picture_mail(&PictureMailInput {
        picture,
        family_name: "Conrad",
        today: "2026-11-29".parse().unwrap(),
        operator_contact: contact,
        links,
    })
    .unwrap()
}

fn keep(name: &str, mail: &MailContent) {
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        let text = format!("Subject: {}\n\n{}", mail.subject, mail.text);
        insta::assert_snapshot!(format!("{name}_text"), text);
        insta::assert_snapshot!(format!("{name}_html"), mail.html);
    });
}

#[test]
fn picture_with_title_and_credit() {
    let picture = Picture {
        title: Some("Sunrise over the harbour of Kvaløya".to_owned()),
        credit: Some("Zoë Lindqvist, CC BY-SA 4.0".to_owned()),
        ..png(1200)
    };
    keep("picture", &mail(&picture, Some("operator@example.org")));
}

#[test]
fn picture_where_the_web_pages_are() {
    let contact = Some("operator@example.org");
    let mail = mail_with_links(&png(320), contact, Some(&links("picture")));
    keep("picture_with_pages", &mail);
}

#[test]
fn picture_without_words() {
    keep("picture_without_words", &mail(&png(320), None));
}

#[test]
fn words_of_the_source_are_escaped_everywhere() {
    let evil = "<script>alert('x')</script>\" onload=\"y & \u{202e}\r\nBcc: eve@example.org";
    let picture = Picture {
        title: Some(evil.to_owned()),
        credit: Some(evil.to_owned()),
        ..png(1200)
    };
    let mail = mail(&picture, Some("ask <b>us</b>"));
    keep("picture_with_hostile_words", &mail);
    assert!(!mail.html.contains("<script") && !mail.html.contains("<b>us"));
    for words in [&mail.subject, &mail.text, &mail.html] {
        assert!(!words.contains(['\r', '\u{202e}']), "{words}");
    }
    assert_eq!(mail.subject.lines().count(), 1);
}

#[test]
fn html_shows_the_picture_of_the_mail_and_no_other() {
    let mail = mail(&png(1200), None);
    let picture = mail.picture.unwrap();
    let cid = format!("src=\"cid:{}\"", picture.content_id);
    assert_eq!(mail.html.matches("src=").count(), 1);
    assert!(mail.html.contains(&cid));
    assert_eq!(picture.file_name, "picture-2026-11-29.png");
}

#[rstest]
#[case(4000, 544)]
#[case(120, 120)]
fn wide_picture_fits_and_small_one_is_not_enlarged(#[case] width: u32, #[case] shown: u32) {
    let html = mail(&png(width), None).html;
    assert!(html.contains(&format!("width=\"{shown}\"")), "{html}");
    assert!(html.contains(&format!("max-width:{shown}px")), "{html}");
}

#[test]
fn long_title_is_cut_in_the_subject_only() {
    let title = "A very long title of a picture ".repeat(9);
    let picture = Picture {
        title: Some(title.clone()),
        ..png(1200)
    };
    let mail = mail(&picture, None);
    assert!(mail.subject.ends_with('…') && mail.subject.chars().count() <= 120);
    assert!(mail.html.contains(title.trim_end()));
}
