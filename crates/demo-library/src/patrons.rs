//! The patrons of a running site.

use std::collections::HashMap;
use std::sync::Arc;

use crate::site::Patron;

/// Patrons by number, in the order of their records.
#[derive(Debug, Default)]
pub(crate) struct Patrons {
    list: Vec<Arc<Patron>>,
    places: HashMap<String, usize>,
}

impl Patrons {
    pub(crate) fn upsert(&mut self, patron: Patron) {
        let patron = Arc::new(patron);
        let place = self.places.get(&patron.number).copied();
        if let Some(known) = place.and_then(|place| self.list.get_mut(place)) {
            *known = patron;
        } else {
            self.places.insert(patron.number.clone(), self.list.len());
            self.list.push(patron);
        }
    }

    pub(crate) fn update(&mut self, number: &str, change: impl FnOnce(&mut Patron)) -> bool {
        let Some(place) = self.places.get(number).copied() else {
            return false;
        };
        let Some(known) = self.list.get_mut(place) else {
            return false;
        };
        let patron = Arc::make_mut(known);
        change(patron);
        let new_number = patron.number.clone();
        self.places.remove(number);
        self.places.insert(new_number, place);
        true
    }

    /// A patron and the place of their record.
    pub(crate) fn find(&self, number: &str) -> Option<(usize, Arc<Patron>)> {
        let place = *self.places.get(number)?;
        Some((place, Arc::clone(self.list.get(place)?)))
    }
}
