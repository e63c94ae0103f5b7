//! Puts keys, libraries, families and cards from a JSON file into the table that the environment names:
//! what `hippo --on aws` does, for tests that have no command.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's stage either stands or it does not"
)]

use chrono::Utc;
use hippo_aws::ssm::KeyParameter;
use hippo_aws::{clients, dynamodb};
use hippo_core::card::{Card, CardSecret};
use hippo_core::ids::CardId;
use hippo_core::store::{CardStore as _, FamilyStore as _, LibraryStore as _};
use secrecy::SecretString;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is missing"));
    let file = std::env::args().nth(1).expect("a file");
    let seed: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let config = clients::load().await;
    let keys = KeyParameter::new(clients::ssm(&config), variable("KEY_PARAMETER"));
    let ring = keys.create().await.expect("no keys yet");
    let store = dynamodb::DynamoDbStore::new(dynamodb::client(&config), variable("TABLE_NAME"));
    let zone = "America/Toronto";
    for library in seed["libraries"].as_array().unwrap() {
        let mut whole =
            json!({"account_url": null, "timezone": zone, "date_format": null, "login_hosts": []});
        merge(&mut whole, library);
        store
            .add_library(&serde_json::from_value(whole).unwrap())
            .await
            .unwrap();
    }
    for family in seed["families"].as_array().unwrap() {
        let mut whole = json!({
            "timezone": zone, "notice_time": "00:00:00", "preferences": {}, "paused": false, "created_at": Utc::now(),
        });
        merge(&mut whole, family);
        store
            .add_family(&serde_json::from_value(whole).unwrap())
            .await
            .unwrap();
    }
    for card in seed["cards"].as_array().unwrap() {
        let text = |name: &str| card[name].as_str().unwrap().to_owned();
        let id: CardId = serde_json::from_value(card["id"].clone()).unwrap();
        let secret = CardSecret {
            number: SecretString::from(text("number")),
            pin: SecretString::from(text("pin")),
        };
        let library = text("library").parse().unwrap();
        let card = Card {
            id,
            family: text("family").parse().unwrap(),
            fingerprint: ring.fingerprint(&library, &secret.number),
            library,
            patron: text("patron"),
            paused: false,
            created_at: Utc::now(),
        };
        store
            .add_card(&card, &ring.seal(id, &secret).unwrap())
            .await
            .unwrap();
    }
}

fn merge(whole: &mut Value, part: &Value) {
    for (name, value) in part.as_object().unwrap() {
        whole[name] = value.clone();
    }
}
