//! What all systems look at a page with: its charset, its tree, its forms, its signs.
#![no_main]

use hippo_fuzz::{mutate, page};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| page::look(data));
