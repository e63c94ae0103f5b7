//! Mail to a folder, on a real file system.

use std::fs;
use std::path::Path;

use hippo_core::mail::mime::Sender;
use hippo_core::mail::{InlinePicture, Mail, MailKind, MailTag, Mailer, MessageKind, SendOutcome};
use hippo_local::mail::FolderMailer;

fn mail(fence: u64) -> Mail {
    Mail {
        to: vec!["pat@example.org".parse().unwrap()],
        subject: "1 hold to pick up".to_owned(),
        text: format!("Pick up, attempt {fence}.\n"),
        html: format!("<p>Pick up, attempt {fence}: “Ü”.</p>\n"),
        picture: None,
        date: "2026-11-21T11:30:00Z".parse().unwrap(),
        message: None,
        tag: Some(MailTag {
            kind: MailKind::DAILY,
            family: "conrad".parse().unwrap(),
            date: "2026-11-21".parse().unwrap(),
            fence,
        }),
        unsubscribe: None,
    }
}

fn mailer(folder: &Path) -> FolderMailer {
    FolderMailer::new(folder, Sender::new("hippo@example.org".parse().unwrap()))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn html_beside_a_mail_shows_its_picture() {
    let home = tempfile::tempdir().unwrap();
    let mail = Mail {
        html: "<img src=\"cid:picture.1@libraryhippo\">".to_owned(),
        picture: Some(InlinePicture {
            content_id: "picture.1@libraryhippo".to_owned(),
            media_type: "image/gif",
            file_name: "picture.gif".to_owned(),
            bytes: b"GIF89a".as_slice().into(),
        }),
        ..mail(1)
    };
    mailer(home.path()).send(&mail).await;
    let html = fs::read_to_string(home.path().join("2026-11-21-conrad.html")).unwrap();
    assert_eq!(html, "<img src=\"data:image/gif;base64,R0lGODlh\">");
    let eml = fs::read_to_string(home.path().join("2026-11-21-conrad.eml")).unwrap();
    assert!(eml.contains("cid:picture.1@libraryhippo"), "{eml}");
    assert!(
        eml.contains("Content-ID: <picture.1@libraryhippo>\r\n"),
        "{eml}"
    );
}

#[tokio::test]
async fn mail_becomes_a_file_with_html_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("deep/mail");
    let answer = mailer(&folder).send(&mail(1)).await;
    assert_eq!(
        answer,
        SendOutcome::Accepted {
            message_id: "daily.conrad.2026-11-21.1@example.org".to_owned(),
            refused_recipients: vec![],
        }
    );
    assert_eq!(
        names(&folder),
        ["2026-11-21-conrad.eml", "2026-11-21-conrad.html"]
    );
    let eml = fs::read_to_string(folder.join("2026-11-21-conrad.eml")).unwrap();
    assert!(eml.contains("Subject: 1 hold to pick up\r\n"));
    assert!(eml.contains("To: pat@example.org\r\n"));
    let html = fs::read_to_string(folder.join("2026-11-21-conrad.html")).unwrap();
    assert_eq!(html, mail(1).html);
}

#[tokio::test]
async fn another_attempt_gets_its_own_file() {
    let home = tempfile::tempdir().unwrap();
    let mailer = mailer(home.path());
    for fence in [1, 2, 1, 2] {
        assert!(matches!(
            mailer.send(&mail(fence)).await,
            SendOutcome::Accepted { .. }
        ));
    }
    assert_eq!(
        names(home.path()),
        [
            "2026-11-21-conrad.2.eml",
            "2026-11-21-conrad.2.html",
            "2026-11-21-conrad.eml",
            "2026-11-21-conrad.html"
        ]
    );
    let second = fs::read_to_string(home.path().join("2026-11-21-conrad.2.eml")).unwrap();
    assert!(second.contains("attempt 2"));
}

#[tokio::test]
async fn messages_are_named_by_kind_and_separated() {
    let home = tempfile::tempdir().unwrap();
    let mailer = mailer(home.path());
    for second in 0..3 {
        let test = Mail {
            message: Some(MessageKind::Test),
            tag: None,
            date: mail(1).date + chrono::Duration::seconds(second),
            ..mail(1)
        };
        mailer.send(&test).await;
    }
    let sign_in = Mail {
        message: Some(MessageKind::SignIn),
        tag: None,
        ..mail(1)
    };
    mailer.send(&sign_in).await;
    let emls: Vec<String> = names(home.path())
        .into_iter()
        .filter(|name| name.ends_with(".eml"))
        .collect();
    assert_eq!(
        emls,
        [
            "2026-11-21.sign-in.eml",
            "2026-11-21.test.2.eml",
            "2026-11-21.test.3.eml",
            "2026-11-21.test.eml"
        ]
    );
}

#[tokio::test]
async fn concurrent_mails_are_all_written() {
    let home = tempfile::tempdir().unwrap();
    let mailer = mailer(home.path());
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..20 {
        let mailer = mailer.clone();
        let mut mail = mail(1);
        if let Some(tag) = &mut mail.tag {
            tag.family = format!("family-{number}").parse().unwrap();
        }
        sending.spawn(async move { mailer.send(&mail).await });
    }
    for answer in sending.join_all().await {
        assert!(matches!(answer, SendOutcome::Accepted { .. }));
    }
    assert_eq!(names(home.path()).len(), 40);
}

#[cfg(unix)]
#[tokio::test]
async fn mail_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("mail");
    mailer(&folder).send(&mail(1)).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for name in names(&folder) {
        assert_eq!(mode(&folder.join(&name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn unwritable_mail_is_not_sent_and_leaves_no_file() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("pat-s-folder");
    fs::write(&file, "not a folder").unwrap();
    let answer = mailer(&file).send(&mail(1)).await;
    let SendOutcome::NotSent { reason } = &answer else {
        panic!("{answer:?}");
    };
    assert!(reason.starts_with("We couldn't write the mail to the folder: "));
    assert!(!reason.contains("pat"), "{reason}");

    // A folder has the name of the HTML file, so it can't be replaced.
    let folder = home.path().join("mail");
    fs::create_dir_all(folder.join("2026-11-21-conrad.html")).unwrap();
    let answer = mailer(&folder).send(&mail(1)).await;
    assert!(matches!(answer, SendOutcome::NotSent { .. }), "{answer:?}");
    assert_eq!(names(&folder), ["2026-11-21-conrad.html"]);
}

#[tokio::test]
async fn existing_file_is_not_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("2026-11-21-conrad.eml");
    fs::write(&path, "something of somebody's").unwrap();
    mailer(home.path()).send(&mail(1)).await;
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "something of somebody's"
    );
    assert!(home.path().join("2026-11-21-conrad.2.eml").exists());
}

#[tokio::test]
async fn mail_without_recipients_is_refused_for_good() {
    let home = tempfile::tempdir().unwrap();
    let nobody = Mail {
        to: vec![],
        ..mail(1)
    };
    let answer = mailer(home.path()).send(&nobody).await;
    assert!(
        matches!(
            answer,
            SendOutcome::Refused {
                is_permanent: true,
                ..
            }
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn each_kind_has_its_own_file() {
    let home = tempfile::tempdir().unwrap();
    let mailer = mailer(home.path());
    let mut picture = mail(1);
    picture.tag.as_mut().unwrap().kind = "picture".parse().unwrap();
    for mail in [mail(1), picture] {
        mailer.send(&mail).await;
    }
    let emls = ["2026-11-21-conrad.eml", "2026-11-21-conrad.picture.eml"];
    assert!(emls.iter().all(|name| home.path().join(name).exists()));
    assert_eq!(names(home.path()).len(), 4);
}

#[tokio::test]
async fn prepared_mail_resolves_to_not_sent() {
    let home = tempfile::tempdir().unwrap();
    let mailer = mailer(home.path());
    let mail = mail(1);
    let prepared = mailer.prepare(&mail).await.ok().unwrap();
    assert_eq!(names(home.path()).len(), 2, "hidden files");
    // Another process resolves it while its worker sleeps.
    let other = FolderMailer::new(
        home.path(),
        Sender::new("hippo@example.org".parse().unwrap()),
    );
    let tag = mail.tag.as_ref().unwrap();
    let resolved = other.resolve_doubt(tag).await;
    assert!(
        matches!(resolved, Some(SendOutcome::NotSent { .. })),
        "{resolved:?}"
    );
    let late = prepared.commit().await;
    assert!(matches!(late, SendOutcome::NotSent { .. }), "{late:?}");
    assert!(names(home.path()).is_empty());
}

#[tokio::test]
async fn mail_with_final_name_resolves_to_accepted() {
    let home = tempfile::tempdir().unwrap();
    let mailer = mailer(home.path());
    let accepted = mailer.send(&mail(1)).await;
    let tag = mail(1).tag.unwrap();
    assert_eq!(mailer.resolve_doubt(&tag).await, Some(accepted));
    // Neither file exists: a person removed it, or the disk lost it.
    let other = MailTag { fence: 2, ..tag };
    assert_eq!(mailer.resolve_doubt(&other).await, None);
}

#[tokio::test]
async fn next_claim_removes_files_of_a_crash() {
    let home = tempfile::tempdir().unwrap();
    let mailer = mailer(home.path());
    drop(mailer.prepare(&mail(1)).await);
    assert!(names(home.path()).is_empty());
    // A process killed in CLAIMED drops nothing.
    std::mem::forget(mailer.prepare(&mail(1)).await);
    mailer.send(&mail(2)).await;
    assert_eq!(
        names(home.path()),
        ["2026-11-21-conrad.eml", "2026-11-21-conrad.html"]
    );
}
