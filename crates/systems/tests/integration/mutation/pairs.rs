//! Two changes at once: a deterministic sample.

use hippo_core::account::Account;

use crate::mutation::accounts::GoodAccount;
use crate::mutation::{Sampler, Tally, mutants_of};

/// The number of first changes per account, and of second changes to each changed page.
const FIRST_CHANGES: usize = 100;
const SECOND_CHANGES: usize = 24;

/// JSON has many parts, and each of its mutants is a complete copy.
const JSON_STRIDE: usize = 25;

/// A deterministic random number generator (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    /// Picks mutants of a page with equal probability.
    fn mutants(&mut self, body: &str, wanted: usize) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        let mut seen = 0;
        let mut sampler = Sampler {
            stride: JSON_STRIDE,
            at: self.below(JSON_STRIDE),
        };
        mutants_of(body, &mut sampler, &mut |what, mutant| {
            // A truncated page is not worth a second change.
            if mutant == body || what == "truncated" {
                return;
            }
            seen += 1;
            if kept.len() < wanted {
                kept.push((what.to_owned(), mutant));
            } else {
                let index = self.below(seen);
                if let Some(other) = kept.get_mut(index) {
                    *other = (what.to_owned(), mutant);
                }
            }
        });
        kept
    }
}

/// Tries pairs of changes to each page of an account.
pub(crate) fn try_pairs(good: &GoodAccount, original: &Account, tally: &mut Tally) {
    let seed = good.name.bytes().fold(1_u64, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let mut random = Random(seed);
    for index in 0..good.pages.len() {
        let body = &good.pages[index].body;
        let mut pages = good.pages.clone();
        for (first, once) in random.mutants(body, FIRST_CHANGES.div_ceil(good.pages.len())) {
            for (second, twice) in random.mutants(&once, SECOND_CHANGES) {
                pages[index].body = twice;
                tally.count(good, original, &format!("{first} + {second}"), &pages);
            }
        }
    }
}
