//! The stores on DynamoDB, against an emulator.

mod budgets;
mod emulator;
mod limits;
mod lost_answers;
mod races;
mod restored;
mod stored;

mod contract {
    use crate::dynamodb::emulator::fresh;

    hippo_core::store_contract!(if there fresh);
}
