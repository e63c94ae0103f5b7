//! Counts the work of reading a page in tests: visited nodes and characters.

#[cfg(any(test, all(feature = "testing", debug_assertions)))]
thread_local! {
    static WORK: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Adds visited nodes or characters.
#[cfg(any(test, all(feature = "testing", debug_assertions)))]
pub(crate) fn count(more: usize) {
    WORK.with(|work| work.set(work.get() + more));
}

/// Counts nothing outside of tests.
#[cfg(not(any(test, all(feature = "testing", debug_assertions))))]
#[inline]
pub(crate) fn count(_more: usize) {}

/// Runs a closure and returns the work it took.
#[cfg(all(feature = "testing", debug_assertions))]
pub fn measure(run: impl FnOnce()) -> usize {
    WORK.with(|work| work.set(0));
    run();
    WORK.with(std::cell::Cell::get)
}
