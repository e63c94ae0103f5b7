//! Tests results larger than a page, items that are too large, and a missing table.

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use hippo_aws::dynamodb::DynamoDbStore;
use hippo_core::card::Card;
use hippo_core::failure::Failure;
use hippo_core::store::{
    AccountStore, CardStore, CheckStore, FamilyStore, Scope, SecretStore, StoreError, VisitStore,
};
use hippo_core::testing::contract::sample;

use crate::dynamodb::budgets::cards;
use crate::dynamodb::emulator::{config, fresh};

#[tokio::test]
async fn over_1_mb_of_cards_is_listed_completely() {
    let Some(store) = fresh().await else { return };
    let cards = cards(&store, 150).await;
    for card in &cards {
        let down = Failure::site_down("x".repeat(10_000));
        let check = sample::check(card, "05:10:00", Err(down));
        store.save_check(&check).await.unwrap();
    }
    store.spent.take();
    for scope in [Scope::All, Scope::Failed] {
        let listed = store.cards_to_check(scope, None, 1_000).await.unwrap();
        let listed: Vec<_> = listed.into_iter().map(|record| record.card).collect();
        assert_eq!(listed, cards);
        assert!(store.spent.take().len() > 1, "it took only one page");
    }
    let ids: Vec<_> = cards.iter().map(|card| card.id).collect();
    assert_eq!(
        store.family_cards(&cards[0].family).await.unwrap().len(),
        150
    );
    // More than fit in one BatchGetItem.
    assert_eq!(store.secrets(&ids).await.unwrap().len(), 150);
    assert_eq!(store.cards_with_secrets().await.unwrap().len(), 150);
}

#[tokio::test]
async fn over_1_mb_of_accounts_is_loaded_and_removed_completely() {
    let Some(store) = fresh().await else { return };
    let cards = cards(&store, 12).await;
    for card in &cards {
        let mut account = sample::account(0);
        account.messages = vec!["x".repeat(150_000)];
        let check = sample::check(card, "05:10:00", Ok(account));
        store.save_check(&check).await.unwrap();
    }
    store.spent.take();
    let family = &cards[0].family;
    let loaded = store.load_family(family).await.unwrap().unwrap();
    assert!(store.spent.take().len() > 1, "it took only one page");
    assert_eq!(loaded.cards.len(), 12);
    assert!(loaded.cards.iter().all(|(_, account)| account.is_some()));
    assert_eq!(store.family_accounts(family).await.unwrap().len(), 12);

    store.remove_family(family).await.unwrap();
    assert!(store.cards_with_secrets().await.unwrap().is_empty());
}

#[tokio::test]
async fn unprocessed_keys_are_requested_again() {
    let Some(store) = fresh().await else { return };
    let cards = cards(&store, 45).await;
    for card in &cards {
        let down = Failure::site_down("x".repeat(390_000));
        let check = sample::check(card, "05:10:00", Err(down));
        store.save_check(&check).await.unwrap();
    }
    store.spent.take();
    let keys: Vec<_> = cards.iter().map(Card::key).collect();
    let loaded = store.load_visit(&cards[0].library, &keys).await.unwrap();
    assert_eq!(loaded.unwrap().cards.len(), 45);
    // One BatchGetItem returns at most 16 MB.
    assert!(store.spent.take().len() > 1, "it took only one request");
}

#[tokio::test]
async fn account_over_400_kb_is_refused_before_sending() {
    let Some(store) = fresh().await else { return };
    let card = cards(&store, 1).await.remove(0);
    let good = sample::check(&card, "05:10:00", Ok(sample::account(1)));
    store.save_check(&good).await.unwrap();
    let before = store.load_family(&card.family).await.unwrap();
    store.spent.take();

    let mut account = sample::account(2);
    account.messages = vec!["x".repeat(410_000)];
    let huge = sample::check(&card, "09:10:00", Ok(account));
    let error = store.save_check(&huge).await.unwrap_err();
    assert!(matches!(error, StoreError::TooLarge(_)), "{error}");
    assert!(error.to_string().contains(&card.id.to_string()), "{error}");
    assert!(!error.to_string().contains("xxx"));
    let written = store.spent.take();
    assert!(written.iter().all(|request| request.operation == "GetItem"));
    assert_eq!(store.load_family(&card.family).await.unwrap(), before);
}

#[tokio::test]
async fn missing_table_is_named_with_advice() {
    let Some(store) = fresh().await else { return };
    let wrong = DynamoDbStore::new(store.client.clone(), "another");
    let error = wrong.families().await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable(_)));
    assert!(error.to_string().contains("“another”"), "{error}");
    assert!(error.to_string().contains("TABLE_NAME"), "{error}");
}

#[tokio::test]
async fn unreachable_table_is_unavailable() {
    // Nobody listens on port 1.
    let once = hippo_aws::dynamodb::client(&config("http://127.0.0.1:1"))
        .config()
        .to_builder()
        .retry_config(RetryConfig::disabled())
        .build();
    let store = DynamoDbStore::new(Client::from_conf(once), "libraryhippo");
    let error = store.families().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}
