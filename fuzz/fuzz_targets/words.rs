//! What all systems read a line of a page with: dates, counts, sums of money, titles, links.
#![no_main]

use hippo_fuzz::words;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| words::read(data));
