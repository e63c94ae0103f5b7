//! Fuzzes what all systems share when they look at a page: charset, tree, forms, fingerprints.
#![no_main]

use hippo_fuzz::{mutate, page};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| page::fuzz_page(data));
