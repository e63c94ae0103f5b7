//! The search: every state once, and the way to the first that is wrong.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::time::Instant;

use crate::exploration::places::Places;
use crate::exploration::world::{Happens, Rules, World};

/// What a search found.
pub(crate) struct Found {
    pub(crate) states: usize,
    pub(crate) steps: usize,
    pub(crate) places: usize,
    pub(crate) seconds: f64,
    /// How it ended, and in how many states.
    pub(crate) ends: BTreeMap<String, usize>,
    /// The first wrong state, and how it came about.
    pub(crate) violation: Option<String>,
}

impl Found {
    pub(crate) fn assert_sound(&self) {
        if let Some(violation) = &self.violation {
            panic!("{violation}");
        }
    }
}

/// Looks at every state that can come about, until one is wrong.
pub(crate) fn search(rules: Rules) -> Found {
    let began = Instant::now();
    let mut places = Places::new(rules);
    let first = World::first(rules, &mut places);
    let mut bytes = Bytes::default();
    let mut seen = HashSet::from([fingerprint(&first, &mut bytes)]);
    // What happened, and after which of these.
    let mut ways: Vec<Option<(Happens, usize)>> = vec![None];
    let mut waiting = vec![(first, 0)];
    let mut ends = BTreeMap::new();
    let mut steps = 0;
    let mut violation = None;
    let mut next = Vec::new();
    while let Some((world, way)) = waiting.pop() {
        next.clear();
        world.next(rules, &mut places, &mut next);
        let mut wrong = world.violation(rules, &places);
        if next.is_empty() {
            *ends.entry(world.end(rules, &places)).or_default() += 1;
            wrong = wrong.or_else(|| world.violation_at_the_end(rules, &places));
        }
        if let Some(wrong) = wrong {
            violation = Some(format!("{wrong}{}", trace(way, &ways)));
            break;
        }
        steps += next.len();
        for (happens, then) in next.drain(..) {
            if seen.insert(fingerprint(&then, &mut bytes)) {
                waiting.push((then, ways.len()));
                ways.push(Some((happens, way)));
            }
        }
    }
    Found {
        states: seen.len(),
        steps,
        places: places.len(),
        seconds: began.elapsed().as_secs_f64(),
        ends,
        violation,
    }
}

/// Millions of states are seen, and each is looked for by 128 bits of its hash.
fn fingerprint(world: &World, bytes: &mut Bytes) -> (u64, u64) {
    bytes.0.clear();
    world.hash(bytes);
    let of = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(&bytes.0);
        hasher.finish()
    };
    (of(0), of(1))
}

/// All that is hashed, in a row: to hash that at once is faster than piece by piece, and twice.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("what is hashed is hashed elsewhere");
    }
}

fn trace(way: usize, ways: &[Option<(Happens, usize)>]) -> String {
    let mut happened = Vec::new();
    let mut at = way;
    while let Some((happens, before)) = ways[at] {
        happened.push(happens);
        at = before;
    }
    let mut text = String::new();
    for (number, happens) in (1..).zip(happened.iter().rev()) {
        let _ = write!(text, "\n{number:>3}. {happens:?}");
    }
    text
}
