//! Creates the table of `infra/table.md` through the API, for tests and emulators.
//!
//! In a deployed stack, the template creates it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};

/// The attributes that the table's and the indexes' keys use.
const KEY_ATTRIBUTES: [&str; 7] = [
    "pk",
    "sk",
    "to_check",
    "failed",
    "card_order",
    "listing",
    "listing_order",
];

/// Creates the table with its indexes and its time to live.
pub async fn create_table(
    client: &Client,
    name: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut table = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema("pk", "sk")?));
    for attribute in KEY_ATTRIBUTES {
        table = table.attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name(attribute)
                .attribute_type(ScalarAttributeType::S)
                .build()?,
        );
    }
    let all = Projection::builder()
        .projection_type(ProjectionType::All)
        .build();
    let data = Projection::builder()
        .projection_type(ProjectionType::Include)
        .non_key_attributes("data")
        .build();
    for (index, partition, sort, projection) in [
        ("cards-to-check", "to_check", "card_order", &all),
        ("failed-cards", "failed", "card_order", &all),
        ("listing", "listing", "listing_order", &data),
    ] {
        table = table.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(index)
                .set_key_schema(Some(key_schema(partition, sort)?))
                .projection(projection.clone())
                .build()?,
        );
    }
    table.send().await?;
    client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(
            TimeToLiveSpecification::builder()
                .attribute_name("expires_at")
                .enabled(true)
                .build()?,
        )
        .send()
        .await?;
    Ok(())
}

fn key_schema(
    partition: &str,
    sort: &str,
) -> Result<Vec<KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    Ok(vec![
        KeySchemaElement::builder()
            .attribute_name(partition)
            .key_type(KeyType::Hash)
            .build()?,
        KeySchemaElement::builder()
            .attribute_name(sort)
            .key_type(KeyType::Range)
            .build()?,
    ])
}
