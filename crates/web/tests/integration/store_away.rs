//! The forms of mailed links while the store is away.

use axum::http::StatusCode;
use hippo_core::mail::MailKind;
use hippo_core::store::FamilyStore as _;
use hippo_core::testing::contract::sample;
use rstest::rstest;

use crate::unsubscribe::link as unsubscribe_link;
use crate::web::{BOTH, Browser, PAT, TestWeb};

/// A form behind a link in an email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MailedForm {
    OneClick,
    Stop,
    Undo,
    AcceptInvitation,
}

/// Opens the page of the form; returns the form's path and fields.
async fn open_form(
    web: &TestWeb,
    browser: &mut Browser<'_>,
    form: MailedForm,
) -> (String, Vec<(&'static str, String)>) {
    if form == MailedForm::AcceptInvitation {
        let mut pat = web.signed_in(PAT).await;
        let fields = [("family", "conrad"), ("address", "new@example.org")];
        let path = "/family/settings/recipients/invite";
        pat.post_with_token(path, &fields).await;
        let page = browser.get(&web.mailed_link()).await;
        let fields = ["form_token", "token"].map(|name| (name, page.hidden(name)));
        return ("/invitation".to_owned(), fields.to_vec());
    }
    let recipients = match form {
        MailedForm::OneClick => &[PAT][..],
        _ => &[PAT, BOTH],
    };
    let link = unsubscribe_link(web, MailKind::DAILY, recipients).await;
    let recipient = browser.get(&link).await.hidden("recipient");
    let by_name = vec![("recipient", recipient)];
    match form {
        MailedForm::OneClick => (link, vec![("List-Unsubscribe", "One-Click".to_owned())]),
        MailedForm::Undo => {
            let stop = format!("{link}/stop");
            browser.post(&stop, &borrow(&by_name)).await;
            (format!("{link}/undo"), by_name)
        }
        _ => (format!("{link}/stop"), by_name),
    }
}

fn borrow<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    let fields = fields.iter();
    fields.map(|(name, value)| (*name, &**value)).collect()
}

/// The family, which each of the forms changes.
async fn state(web: &TestWeb) -> String {
    let family = web.store.family(&sample::family_id("conrad")).await;
    format!("{:?}", family.unwrap())
}

#[rstest]
#[tokio::test]
async fn mailed_form_that_the_store_fails_says_so_and_works_later(
    #[values(
        MailedForm::OneClick,
        MailedForm::Stop,
        MailedForm::Undo,
        MailedForm::AcceptInvitation
    )]
    form: MailedForm,
    #[values(false, true)] fails_writes: bool,
) {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    let (path, fields) = open_form(&web, &mut browser, form).await;
    let before = state(&web).await;
    let mut failures = 0;
    let done = loop {
        let limit = Some(failures);
        match fails_writes {
            true => web.store.limit_writes(limit),
            false => web.store.limit_reads(limit),
        }
        let answer = browser.post(&path, &borrow(&fields)).await;
        web.store.limit_writes(None);
        web.store.limit_reads(None);
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            break answer;
        }
        assert!(answer.body.contains("Nothing is lost"), "{}", answer.body);
        assert!(answer.body.contains("<code>"), "{}", answer.body);
        assert!(!answer.body.contains(PAT), "{}", answer.body);
        if failures == 0 {
            assert_eq!(state(&web).await, before);
        }
        failures += 1;
    };
    assert!(failures > 0);
    let is_done = done.status == StatusCode::OK || done.status == StatusCode::SEE_OTHER;
    assert!(is_done, "{}: {}", done.status, done.body);
    assert_ne!(state(&web).await, before);
}
