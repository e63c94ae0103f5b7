//! The stores on DynamoDB, against an emulator.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod budgets;
mod emulator;
mod limits;
mod lost_answers;
mod races;
mod restored;
mod stored;

mod contract {
    use crate::emulator::fresh;

    hippo_core::store_contract!(if there fresh);
}
