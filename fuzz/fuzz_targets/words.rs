//! Fuzzes what all systems share when they read a line: dates, counts, amounts, titles, links.
#![no_main]

use hippo_fuzz::words;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| words::read(data));
