use chrono::{Duration, NaiveDate};

use super::*;
use crate::alerts::Alert;
use crate::clock::Clock as _;
use crate::family::{Delivery, Family, Unsubscription};
use crate::jobs::notify::send::{MailResult, NotifyPorts, send_mail};
use crate::mail::{Mail, MailKey, MailKind, RefusedRecipient, SendOutcome};
use crate::outbox::{
    DELIVERY_EVENT_WAIT, EVERYBODY_UNSUBSCRIBED, LEASE_DURATION, MailState, OutboxRecord,
};
use crate::public_url::PublicUrl;
use crate::store::{AlertStore as _, FamilyStore as _, OutboxStore as _};
use crate::testing::world::{World, account, family};

const PAGES: &str = "https://hippo.example.org";
const SAM: &str = "sam@example.org";

fn today() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

/// A world with an overdue loan of `conrad`, whose recipients these are.
async fn world(recipients: &[&str]) -> World {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let loans = account(&[("Emma", "2026-11-20")]);
    world.site.answer("1", Ok(loans));
    world.check_all().await;
    let conrad = Family {
        recipients: recipients.iter().map(|one| one.parse().unwrap()).collect(),
        ..family("conrad")
    };
    world.store.update_family(&conrad).await.unwrap();
    world
}

/// Plans the daily notice of a date, and sends it.
async fn send(world: &World, public_url: Option<&str>, date: NaiveDate) -> MailResult {
    let key = MailKey::daily(world.conrad(), date);
    let record = OutboxRecord::planned(key.clone(), world.clock.now());
    world.store.plan_mail(&record).await.unwrap();
    let public_url: Option<PublicUrl> = public_url.map(|url| url.parse().unwrap());
    let ports = NotifyPorts {
        public_url: public_url.as_ref(),
        ..world.notify_ports()
    };
    send_mail(&ports, &key, true).await.unwrap().unwrap()
}

fn last_mail(world: &World) -> Mail {
    world.mailer.mails.lock().unwrap().last().unwrap().clone()
}

/// The token in a mail's text.
fn token(mail: &Mail) -> UnsubscribeToken {
    let (_, text) = mail.text.split_once("/u/").unwrap();
    let text = text.split_whitespace().next().unwrap();
    UnsubscribeToken::from_secret_text(text).unwrap()
}

async fn find(world: &World, token: &UnsubscribeToken) -> Option<Subscription> {
    find_subscription(&world.store, &world.store, token)
        .await
        .unwrap()
}

async fn conrad(world: &World) -> Family {
    world.store.family(&world.conrad()).await.unwrap().unwrap()
}

/// Unsubscribes an address by a mail's link.
async fn unsubscribe(world: &World, mail: &Mail, address: &str) -> bool {
    let found = find(world, &token(mail)).await.unwrap();
    let (address, now) = (address.parse().unwrap(), world.clock.now());
    let done = found.unsubscribe(&world.store, &address, now).await;
    done.unwrap()
}

#[tokio::test]
async fn link_of_one_recipient_is_one_click_and_of_several_is_not() {
    for (recipients, is_one_click) in [
        (vec!["pat@example.org"], true),
        (vec![SAM, "pat@example.org"], false),
    ] {
        let world = world(&recipients).await;
        assert_eq!(
            send(&world, Some(PAGES), today()).await.state,
            MailState::Sent
        );
        let mail = last_mail(&world);
        let header = mail.unsubscribe.clone().unwrap();
        assert_eq!(header.is_one_click, is_one_click);
        let token = token(&mail);
        assert_eq!(header.url, format!("{PAGES}/u/{}", *token.to_secret_text()));
        assert!(mail.html.contains(&header.url) && mail.text.contains(&header.url));
        assert!(
            mail.text
                .contains("Open your page: https://hippo.example.org/family\n")
        );
        let found = find(&world, &token).await.unwrap();
        assert_eq!(found.has_single_recipient(), is_one_click);
        assert_eq!(found.recipients().len(), recipients.len());
        assert_eq!(*found.kind(), MailKind::DAILY);
    }
}

#[tokio::test]
async fn link_that_is_not_https_is_in_no_header() {
    let world = world(&["pat@example.org"]).await;
    send(&world, Some("http://127.0.0.1:8484"), today()).await;
    let mail = last_mail(&world);
    assert_eq!(mail.unsubscribe, None);
    assert!(mail.text.contains("http://127.0.0.1:8484/u/daily.conrad."));
}

#[tokio::test]
async fn mail_without_pages_has_no_links() {
    let world = world(&["pat@example.org"]).await;
    send(&world, None, today()).await;
    let mail = last_mail(&world);
    assert_eq!(mail.unsubscribe, None);
    assert!(!mail.text.contains("/u/") && !mail.html.contains("/u/"));
    let key = MailKey::daily(world.conrad(), today());
    let record = world.store.mail(&key).await.unwrap().unwrap();
    assert_eq!(record.unsubscribe_links, []);
}

#[tokio::test]
async fn both_links_of_a_mail_that_was_sent_twice_work() {
    let world = world(&["pat@example.org"]).await;
    let mut family = conrad(&world).await;
    family.preferences.delivery = Delivery::AtLeastOnce;
    world.store.update_family(&family).await.unwrap();
    let unknown = SendOutcome::Unknown {
        reason: "no answer".to_owned(),
    };
    world.mailer.answers.lock().unwrap().push_back(unknown);
    send(&world, Some(PAGES), today()).await;
    let first = last_mail(&world);
    world.clock.advance(LEASE_DURATION + DELIVERY_EVENT_WAIT);
    let key = MailKey::daily(world.conrad(), today());
    let record = world.store.mail(&key).await.unwrap().unwrap();
    let doubted = record.doubt(world.clock.now()).unwrap();
    let again = doubted.send_again(world.clock.now()).unwrap();
    assert!(
        world
            .store
            .replace_mail(record.revision, &doubted, None)
            .await
            .unwrap()
    );
    assert!(
        world
            .store
            .replace_mail(doubted.revision, &again, None)
            .await
            .unwrap()
    );
    send(&world, Some(PAGES), today()).await;
    let second = last_mail(&world);
    assert_eq!(world.mails(), 2);
    assert_ne!(first.unsubscribe, second.unsubscribe);
    for mail in [&first, &second] {
        assert!(find(&world, &token(mail)).await.is_some());
    }
}

#[tokio::test]
async fn unsubscribed_recipient_gets_no_mail_and_the_others_do() {
    let world = world(&["pat@example.org", SAM]).await;
    send(&world, Some(PAGES), today()).await;
    let mail = last_mail(&world);
    assert!(unsubscribe(&world, &mail, SAM).await);
    assert!(!unsubscribe(&world, &mail, SAM).await, "it is done already");
    assert!(!unsubscribe(&world, &mail, "eve@example.org").await);
    world.clock.advance(Duration::days(1));
    send(&world, Some(PAGES), today().succ_opt().unwrap()).await;
    let mail = last_mail(&world);
    assert_eq!(mail.to, ["pat@example.org".parse().unwrap()]);
    assert!(mail.unsubscribe.unwrap().is_one_click);
    let sam = SAM.parse().unwrap();
    let family = conrad(&world).await;
    assert!(family.is_unsubscribed(&sam, &MailKind::DAILY));
    assert!(!family.is_unsubscribed(&sam, &MailKind::PICTURE));
}

#[tokio::test]
async fn link_of_one_recipient_unsubscribes_only_that_recipient() {
    let world = world(&["pat@example.org"]).await;
    send(&world, Some(PAGES), today()).await;
    let mut family = conrad(&world).await;
    family.recipients.push(SAM.parse().unwrap());
    world.store.update_family(&family).await.unwrap();
    assert!(!unsubscribe(&world, &last_mail(&world), SAM).await);
    assert_eq!(conrad(&world).await.unsubscribed, []);
}

#[tokio::test]
async fn recipient_who_unsubscribes_before_a_retry_is_not_unreached() {
    let world = world(&["pat@example.org", SAM]).await;
    let refused = RefusedRecipient {
        address: SAM.parse().unwrap(),
        is_permanent: false,
        reason: "451".to_owned(),
    };
    let answer = SendOutcome::Accepted {
        message_id: "<1@example.org>".to_owned(),
        refused_recipients: vec![refused],
    };
    world.mailer.answers.lock().unwrap().push_back(answer);
    send(&world, Some(PAGES), today()).await;
    let mail = last_mail(&world);
    for address in ["pat@example.org", SAM] {
        assert!(unsubscribe(&world, &mail, address).await);
    }
    world.clock.advance(Duration::hours(1));
    let result = send(&world, Some(PAGES), today()).await;
    assert_eq!(result.state, MailState::Sent);
    let pending = world.store.pending_alerts().await.unwrap().alerts;
    let is_about_a_recipient = |alert: &Alert| matches!(alert, Alert::RecipientUnreached { .. });
    assert!(
        !pending
            .iter()
            .any(|stored| is_about_a_recipient(&stored.alert)),
        "{pending:?}"
    );
}

#[tokio::test]
async fn notice_without_subscribers_is_skipped_and_alerts_once() {
    let world = world(&["pat@example.org"]).await;
    send(&world, Some(PAGES), today()).await;
    let mail = last_mail(&world);
    let mut date = today();
    for alerts in [1, 2] {
        world.clock.advance(Duration::hours(1));
        assert!(unsubscribe(&world, &mail, "pat@example.org").await);
        for _ in 0..2 {
            world.clock.advance(Duration::days(1));
            date = date.succ_opt().unwrap();
            let result = send(&world, Some(PAGES), date).await;
            assert_eq!(result.state, MailState::Skipped);
            assert_eq!(result.reason.as_deref(), Some(EVERYBODY_UNSUBSCRIBED));
        }
        let pending = world.store.pending_alerts().await.unwrap().alerts;
        assert_eq!(pending.len(), alerts);
        for stored in &pending {
            let Alert::EverybodyUnsubscribed { mail, .. } = &stored.alert else {
                panic!("{stored:?}");
            };
            assert_eq!(*mail, MailKind::DAILY);
        }
        let found = find(&world, &token(&mail)).await.unwrap();
        let pat = "pat@example.org".parse().unwrap();
        assert!(found.undo_unsubscription(&world.store, &pat).await.unwrap());
        assert!(
            !found
                .undo_unsubscription(&world.store, &pat)
                .await
                .is_ok_and(|done| done)
        );
    }
    assert_eq!(world.mails(), 1);
    date = date.succ_opt().unwrap();
    world.clock.advance(Duration::days(1));
    assert_ne!(
        send(&world, Some(PAGES), date).await.state,
        MailState::Skipped
    );
}

#[tokio::test]
async fn only_the_link_that_unsubscribed_undoes_it() {
    let world = world(&["pat@example.org"]).await;
    send(&world, Some(PAGES), today()).await;
    let old = last_mail(&world);
    world.clock.advance(Duration::days(1));
    send(&world, Some(PAGES), today().succ_opt().unwrap()).await;
    let new = last_mail(&world);
    assert!(unsubscribe(&world, &new, "pat@example.org").await);
    let pat = "pat@example.org".parse().unwrap();
    let by_old = find(&world, &token(&old)).await.unwrap();
    assert!(by_old.is_unsubscribed(&pat) && !by_old.can_undo(&pat));
    assert!(
        !by_old
            .undo_unsubscription(&world.store, &pat)
            .await
            .unwrap()
    );
    let by_new = find(&world, &token(&new)).await.unwrap();
    assert!(by_new.can_undo(&pat));
    assert!(
        by_new
            .undo_unsubscription(&world.store, &pat)
            .await
            .unwrap()
    );
    assert_eq!(conrad(&world).await.unsubscribed, []);
}

#[tokio::test]
async fn forged_and_forgotten_links_stand_for_nothing() {
    let world = world(&["pat@example.org"]).await;
    send(&world, Some(PAGES), today()).await;
    let real = token(&last_mail(&world));
    let text = real.to_secret_text();
    let (_, secret) = text.rsplit_once('.').unwrap();
    let zeros = "0".repeat(64);
    for forged in [
        format!("daily.conrad.2026-11-21.{zeros}"),
        format!("picture.conrad.2026-11-21.{secret}"),
        format!("daily.diaz.2026-11-21.{secret}"),
        format!("daily.conrad.2026-11-22.{secret}"),
    ] {
        let forged = UnsubscribeToken::from_secret_text(&forged).unwrap();
        assert!(find(&world, &forged).await.is_none());
    }
    assert!(find(&world, &real).await.is_some());
    world.store.remove_family(&world.conrad()).await.unwrap();
    assert!(find(&world, &real).await.is_none());
}

#[tokio::test]
async fn link_of_a_removed_family_does_not_work_for_a_later_one() {
    let world = world(&["pat@example.org"]).await;
    send(&world, Some(PAGES), today()).await;
    let real = token(&last_mail(&world));
    // As on AWS, where a mail that was sent is remembered when its family is removed.
    let later = Family {
        created_at: world.clock.now() + Duration::hours(1),
        ..conrad(&world).await
    };
    world.store.update_family(&later).await.unwrap();
    assert!(find(&world, &real).await.is_none());
}

#[test]
fn unsubscription_is_of_one_recipient_and_kind() {
    let mut conrad = family("conrad");
    let unsubscription = |address: &str, kind| Unsubscription {
        address: address.parse().unwrap(),
        kind,
        since: "2026-11-21T12:00:00Z".parse().unwrap(),
        link: None,
    };
    assert!(!conrad.unsubscribe(unsubscription(SAM, MailKind::DAILY)));
    assert!(conrad.unsubscribe(unsubscription("PAT@example.org", MailKind::DAILY)));
    assert!(!conrad.unsubscribe(unsubscription("pat@example.org", MailKind::DAILY)));
    assert!(conrad.subscribed_recipients(&MailKind::DAILY).is_empty());
    assert_eq!(
        conrad.subscribed_recipients(&MailKind::PICTURE),
        conrad.recipients
    );
    let pat = "pat@example.org".parse().unwrap();
    assert!(!conrad.resubscribe(&pat, &MailKind::PICTURE));
    assert!(conrad.resubscribe(&pat, &MailKind::DAILY));
    assert_eq!(conrad.everybody_unsubscribed_since(&MailKind::DAILY), None);
}
