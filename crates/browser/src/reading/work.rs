//! How much reading a page takes, counted in tests: nodes and characters that are looked at.

#[cfg(any(test, all(feature = "testing", debug_assertions)))]
thread_local! {
    static WORK: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts so many nodes or characters more.
#[cfg(any(test, all(feature = "testing", debug_assertions)))]
pub(crate) fn count(more: usize) {
    WORK.with(|work| work.set(work.get() + more));
}

/// Counts nothing outside of tests.
#[cfg(not(any(test, all(feature = "testing", debug_assertions))))]
#[inline]
pub(crate) fn count(_more: usize) {}

/// Runs something and returns how much reading it took.
#[cfg(all(feature = "testing", debug_assertions))]
pub fn measure(run: impl FnOnce()) -> usize {
    WORK.with(|work| work.set(0));
    run();
    WORK.with(std::cell::Cell::get)
}
