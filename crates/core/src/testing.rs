//! Shared by tests: the store contract, a store in memory, and a world to run jobs in.

pub mod contract;
pub mod memory;
#[cfg(test)]
pub(crate) mod world;
