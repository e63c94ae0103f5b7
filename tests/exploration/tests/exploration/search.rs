//! The search: visits every state once, and returns the path to the first violation.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::time::Instant;

use crate::positions::Positions;
use crate::world::{Rules, Transition, World};

/// The result of a search.
pub(crate) struct SearchReport {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    pub(crate) positions: usize,
    pub(crate) seconds: f64,
    /// The end states, and how often each was reached.
    pub(crate) ends: BTreeMap<String, usize>,
    /// The first violation, and the path to it.
    pub(crate) violation: Option<String>,
}

impl SearchReport {
    pub(crate) fn assert_sound(&self) {
        if let Some(violation) = &self.violation {
            panic!("{violation}");
        }
    }
}

/// Visits every reachable state until one violates a rule.
pub(crate) fn search(rules: Rules) -> SearchReport {
    let began = Instant::now();
    let mut positions = Positions::new(rules);
    let first = World::first(rules, &mut positions);
    let mut bytes = Bytes::default();
    let mut seen = HashSet::from([fingerprint(&first, &mut bytes)]);
    // Each transition, and the index of the one before it.
    let mut paths: Vec<Option<(Transition, usize)>> = vec![None];
    let mut waiting = vec![(first, 0)];
    let mut ends = BTreeMap::new();
    let mut transitions = 0;
    let mut violation = None;
    let mut next = Vec::new();
    while let Some((world, path)) = waiting.pop() {
        next.clear();
        world.next(rules, &mut positions, &mut next);
        let mut wrong = world.violation(rules, &positions);
        if next.is_empty() {
            *ends.entry(world.end(rules, &positions)).or_default() += 1;
            wrong = wrong.or_else(|| world.violation_at_the_end(rules, &positions));
        }
        if let Some(wrong) = wrong {
            violation = Some(format!("{wrong}{}", trace(path, &paths)));
            break;
        }
        transitions += next.len();
        for (transition, then) in next.drain(..) {
            if seen.insert(fingerprint(&then, &mut bytes)) {
                waiting.push((then, paths.len()));
                paths.push(Some((transition, path)));
            }
        }
    }
    SearchReport {
        states: seen.len(),
        transitions,
        positions: positions.len(),
        seconds: began.elapsed().as_secs_f64(),
        ends,
        violation,
    }
}

/// Hashes a state to 128 bits, enough to tell millions of states apart.
fn fingerprint(world: &World, bytes: &mut Bytes) -> (u64, u64) {
    bytes.0.clear();
    world.hash(bytes);
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(&bytes.0);
        hasher.finish()
    };
    (hash(0), hash(1))
}

/// Collects the bytes to hash: hashing them at once is faster than piece by piece.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the bytes are hashed by `fingerprint`");
    }
}

fn trace(path: usize, paths: &[Option<(Transition, usize)>]) -> String {
    let mut transitions = Vec::new();
    let mut at = path;
    while let Some((transition, before)) = paths[at] {
        transitions.push(transition);
        at = before;
    }
    let mut text = String::new();
    for (number, transition) in (1..).zip(transitions.iter().rev()) {
        let _ = write!(text, "\n{number:>3}. {transition:?}");
    }
    text
}
