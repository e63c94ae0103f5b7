//! The mutants that nobody could see through, by name, and why.

/// A class of mutants that say something else, and cannot be told.
#[derive(Debug)]
pub(crate) struct Known {
    /// How the account's name begins.
    account: &'static str,
    /// How what was done begins.
    done: &'static str,
    /// What it says then.
    lie: &'static str,
    /// Why that cannot be seen.
    #[allow(dead_code, reason = "for who reads the list")]
    why: &'static str,
}

pub(crate) const KNOWN: [Known; 0] = [];

/// Which of the known survivors this is.
pub(crate) fn explains(account: &str, done: &str, lie: &str) -> Option<usize> {
    KNOWN.iter().position(|known| {
        account.starts_with(known.account) && done.starts_with(known.done) && lie == known.lie
    })
}
