//! The list of systems.

use crate::bibliocommons::Bibliocommons;
use crate::bibliotheca::Bibliotheca;
use crate::enterprise::Enterprise;
use crate::koha::Koha;
use crate::offline::OfflineReader;
use crate::sierra::Sierra;
use crate::sisis::Sisis;
use crate::symphony_ws::SymphonyWs;
use crate::system::System;
use crate::touchpoint::TouchPoint;
use crate::vufind::VuFind;
use crate::winbiap::WinBiap;

/// Every system that LibraryHippo can read.
pub const SYSTEMS: &[&dyn System] = &[
    &Bibliocommons,
    &Bibliotheca,
    &Enterprise,
    &Koha,
    &Sierra,
    &Sisis,
    &SymphonyWs,
    &TouchPoint,
    &VuFind,
    &WinBiap,
];

/// Finds a system by name.
pub fn system(name: &str) -> Option<&'static dyn System> {
    let mut systems = SYSTEMS.iter().copied();
    systems.find(|system| system.name() == name)
}

/// Finds the reader of a system's saved pages, if it has one.
pub fn offline_reader(name: &str) -> Option<&'static dyn OfflineReader> {
    system(name)?.offline_reader()
}

/// Lists the systems whose saved pages can be read.
pub fn systems_with_pages() -> impl Iterator<Item = &'static str> {
    let systems = SYSTEMS.iter().copied();
    systems.filter_map(|system| system.offline_reader().map(|_| system.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_lists_its_options() {
        let names = |name: &str| -> Vec<&str> {
            let options = system(name).unwrap().options();
            options.iter().map(|(name, _)| *name).collect()
        };
        assert_eq!(names("sierra"), ["scope"]);
        assert_eq!(names("enterprise"), ["profile", "locale"]);
        assert_eq!(names("symphony-ws"), ["client-id"]);
        assert!(names("bibliocommons").is_empty());
    }
}
