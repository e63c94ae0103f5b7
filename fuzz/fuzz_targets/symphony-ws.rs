//! Fuzzes the account pages of `symphony-ws`.
#![no_main]

use hippo_fuzz::{account, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| account::read("symphony-ws", data));
