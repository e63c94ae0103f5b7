//! Shared by tests: the store contract, a store in memory, months of runs, and a world to run jobs in.

pub mod contract;
pub mod memory;
pub mod run_history;
#[cfg(test)]
pub(crate) mod world;
