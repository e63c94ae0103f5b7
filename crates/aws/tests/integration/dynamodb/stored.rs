//! Tests the table's items.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use hippo_core::alerts::Alert;
use hippo_core::card::CardSecret;
use hippo_core::run::JobName;
use hippo_core::store::AlertStore;
use hippo_core::store::{
    AccountStore, CardStore, CheckStore, FamilyStore, LibraryStore, NewSecret, OutboxStore,
    RunStore, Scope, SecretWriter, VisitStore,
};
use hippo_core::testing::contract::sample;
use uuid::Uuid;

use crate::dynamodb::emulator::{Fresh, fresh};

type Attributes = HashMap<String, AttributeValue>;

async fn all_items(store: &Fresh) -> Vec<Attributes> {
    let scan = store.client.scan().table_name(store.table_name());
    scan.send().await.unwrap().items.unwrap()
}

fn one<'a>(items: &'a [Attributes], sk: &str) -> &'a Attributes {
    let mut found = items
        .iter()
        .filter(|item| item["sk"].as_s().unwrap().starts_with(sk));
    let item = found.next().unwrap();
    assert_eq!(found.next(), None);
    item
}

/// Makes an item's document unreadable.
async fn damage(store: &Fresh, pk: &str, sk: &str) {
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let update = store.client.update_item().table_name(store.table_name());
    update
        .key("pk", key(pk))
        .key("sk", key(sk))
        .update_expression("SET #data = :data")
        .expression_attribute_names("#data", "data")
        .expression_attribute_values(":data", key("{"))
        .condition_expression("attribute_exists(pk)")
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn damaged_item_does_not_affect_others() {
    let Some(store) = fresh().await else { return };
    let mut cards = Vec::new();
    for id in ["aaa", "bbb", "ccc"] {
        store.add_family(&sample::family(id)).await.unwrap();
        store.add_library(&sample::library(id)).await.unwrap();
        let card = sample::add_card(&store.store, sample::card(id, id, "f1")).await;
        let check = sample::check(&card, "05:10:00", Ok(sample::account(1)));
        store.save_check(&check).await.unwrap();
        store
            .plan_mail(&sample::notice(id, "2026-11-21"))
            .await
            .unwrap();
        cards.push(card);
    }
    damage(&store, "FAMILY#aaa", "META").await;
    damage(&store, "LIBRARY#aaa", "META").await;
    damage(&store, "FAMILY#aaa", &format!("CARD#{}", cards[0].id)).await;
    damage(&store, "FAMILY#aaa", "OUTBOX#daily#2026-11-21").await;
    damage(&store, "FAMILY#bbb", &format!("ACCOUNT#{}", cards[1].id)).await;

    // Pages are full in spite of damaged items, since a short page counts as the last.
    let families = store.families_page(None, 2).await.unwrap();
    let ids: Vec<&str> = families.iter().map(|family| family.id.as_str()).collect();
    assert_eq!(ids, ["bbb", "ccc"]);
    assert_eq!(store.libraries().await.unwrap().len(), 2);
    let to_check = store.cards_to_check(Scope::All, None, 2).await.unwrap();
    assert_eq!(to_check.len(), 2);
    assert_eq!(store.open_mails(None, 2).await.unwrap().len(), 2);
    let gone = store.load_visit(&cards[0].library, &[cards[0].key()]).await;
    assert_eq!(gone.unwrap(), None);
    assert_eq!(store.load_family(&cards[0].family).await.unwrap(), None);

    let loaded = store.load_family(&cards[1].family).await.unwrap().unwrap();
    let (record, account) = &loaded.cards[0];
    assert_eq!((account, record.state.last_success_at), (&None, None));
    // The check writes the account, although it is unchanged.
    let check = sample::check(&cards[1], "09:10:00", Ok(sample::account(1)));
    store.save_check(&check).await.unwrap();
    let loaded = store.load_family(&cards[1].family).await.unwrap().unwrap();
    assert!(
        loaded.cards[0].1.is_some(),
        "the next check writes it again"
    );

    let damaged = store.damaged_rows();
    let ids: Vec<&str> = damaged.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), 5, "{ids:?}");
    assert!(ids.contains(&"“FAMILY#aaa META”"), "{ids:?}");
}

#[tokio::test]
async fn numbers_and_pins_are_never_stored_in_plain_text() {
    let Some(store) = fresh().await else { return };
    let keys = sample::TestKeys::generate();
    store.add_family(&sample::family("conrad")).await.unwrap();
    store.add_library(&sample::library("wpl")).await.unwrap();
    let mut card = sample::card("conrad", "wpl", "f1");
    let secret = CardSecret {
        number: "29999000000777".to_owned().into(),
        pin: "canary-4711".to_owned().into(),
    };
    card.fingerprint = keys.fingerprint(&card.library, &secret.number);
    let sealed = keys.seal(card.id, &sample::library("wpl"), &secret);
    store.add_card(&card, &sealed).await.unwrap();
    let check = sample::check(&card, "05:10:00", Ok(sample::account(0)));
    store
        .begin_login(&card.key(), &sample::mark(check.id, "2026-11-21"))
        .await
        .unwrap();
    store.save_check(&check).await.unwrap();
    let sealed = keys.seal(card.id, &sample::library("wpl"), &secret);
    let resealed = NewSecret::resealed(&card, sealed);
    let replaced = store.replace_secret(card.id, resealed.id, &resealed);
    assert!(replaced.await.unwrap());

    let items = all_items(&store).await;
    assert_eq!(items.len(), 8);
    for value in items.iter().flat_map(HashMap::values) {
        let bytes = match value {
            AttributeValue::B(bytes) => bytes.as_ref().to_vec(),
            other => format!("{other:?}").into_bytes(),
        };
        for canary in ["canary-4711", "29999000000777"] {
            let found = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} is in the table");
        }
    }
    let mut names: Vec<&String> = one(&items, "PIN").keys().collect();
    names.sort();
    assert_eq!(names, ["ciphertext", "encapsulated_key", "key", "pk", "sk"]);
}

#[tokio::test]
async fn runs_and_final_notices_expire_but_open_notices_do_not() {
    let Some(store) = fresh().await else { return };
    store.add_family(&sample::family("conrad")).await.unwrap();
    let record = sample::notice("conrad", "2026-11-21");
    store.plan_mail(&record).await.unwrap();
    let items = all_items(&store).await;
    assert!(!one(&items, "OUTBOX#").contains_key("expires_at"));

    let now = sample::time("06:31:00");
    let claimed = record.claim(Uuid::new_v4(), now).unwrap();
    let skipped = claimed.skip(None, now).unwrap();
    for (before, after) in [(&record, &claimed), (&claimed, &skipped)] {
        let written = store.replace_mail(before.revision, after, None).await;
        assert!(written.unwrap());
    }
    let run = sample::run(JobName::CHECK_CARDS, "all", "05:00:00");
    let silence = Duration::from_secs(60);
    store.start_run(&run, false, silence).await.unwrap();

    let items = all_items(&store).await;
    for (sk, start) in [("OUTBOX#", record.planned_at), ("2026-", run.started_at)] {
        let expires: i64 = one(&items, sk)["expires_at"]
            .as_n()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(expires, (start + chrono::Duration::days(35)).timestamp());
    }
    let others = ["META", "STATE"];
    for item in &items {
        if others.contains(&item["sk"].as_s().unwrap().as_str()) {
            assert!(!item.contains_key("expires_at"));
        }
    }
}

#[tokio::test]
async fn unreadable_alert_is_skipped_and_unchanged() {
    let Some(store) = fresh().await else { return };
    let known = Alert::ClockWrong {
        day: sample::date("2026-11-21"),
        seconds: 90,
    };
    let (unknown, now) = (known.key(), sample::time("06:00:00"));
    assert!(store.record_alert(&unknown, &known, now).await.unwrap());
    let items = all_items(&store).await;
    let mut newer = one(&items, "ALERT#").clone();
    let data = newer["data"].as_s().unwrap();
    let data = data.replace("clock_wrong", "moon_too_full");
    newer.insert("data".to_owned(), AttributeValue::S(data));
    let put = store.client.put_item().table_name(store.table_name());
    put.set_item(Some(newer.clone())).send().await.unwrap();
    let other = Alert::LibraryDown {
        library: sample::library_id("wpl"),
        since: now,
    };
    let key = other.key();
    assert!(store.record_alert(&key, &other, now).await.unwrap());
    let pending = store.pending_alerts().await.unwrap();
    assert_eq!((pending.alerts.len(), pending.unreadable), (1, 1));
    assert_eq!(pending.alerts[0].alert, other);
    assert_eq!(store.recent_alerts(10).await.unwrap(), pending.alerts);
    // Raising, claiming or delivering it changes nothing and doesn't fail.
    assert!(!store.record_alert(&unknown, &known, now).await.unwrap());
    assert!(!store.claim_alert(&unknown, now).await.unwrap());
    store.mark_alert_delivered(&unknown, now).await.unwrap();
    let items = all_items(&store).await;
    assert_eq!(*one(&items, &format!("ALERT#{unknown}")), newer);
}
