//! The list of all kinds of site, from which tests are made.

use crate::site::{Generation, SystemKind};

/// Passes every kind of site to a macro: a name, the system and the generation. The place for a new system's kinds.
#[doc(hidden)]
#[macro_export]
macro_rules! every_site {
    ($then:ident $($with:tt)*) => {
        $crate::$then! { $($with)*
            (bibliocommons, Bibliocommons, Older)
            (bibliotheca, Bibliotheca, Older)
            (enterprise, Enterprise, Older)
            (newer_enterprise, Enterprise, Newer)
            (koha, Koha, Older)
            (newer_koha, Koha, Newer)
            (sierra, Sierra, Older)
            (sisis, Sisis, Older)
            (touchpoint, TouchPoint, Older)
            (vufind, VuFind, Older)
            (winbiap, WinBiap, Older)
            (symphony_ws, SymphonyWs, Older)
        }
    };
}

/// Makes an asynchronous test of each kind of site from a function of a system and a generation.
#[macro_export]
macro_rules! test_every_site {
    ($test:ident) => {
        $crate::every_site! { test_listed_sites $test }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! test_listed_sites {
    ($test:ident $(($name:ident, $system:ident, $generation:ident))*) => {
        mod $test {
            $(
                #[tokio::test]
                async fn $name() {
                    let system = $crate::SystemKind::$system;
                    super::$test(system, $crate::Generation::$generation).await;
                }
            )*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! list_sites {
    ($(($name:ident, $system:ident, $generation:ident))*) => {
        &[$((SystemKind::$system, Generation::$generation),)*]
    };
}

/// Every kind of site: a system, and a generation that it has.
pub const EVERY_SITE: &[(SystemKind, Generation)] = every_site! { list_sites };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_listed() {
        for system in SystemKind::ALL {
            let is_listed = EVERY_SITE.iter().any(|(listed, _)| *listed == system);
            assert!(is_listed, "{system:?}");
        }
    }
}
