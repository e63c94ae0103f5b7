//! Tests the DynamoDB store against an emulator.

mod budgets;
mod emulator;
mod limits;
mod lost_responses;
mod races;
mod restore;
mod stored;

mod contract {
    use crate::dynamodb::emulator::fresh;

    hippo_core::store_contract!(if there fresh);
}
