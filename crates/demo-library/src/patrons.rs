//! The patrons of a running site.

use std::collections::HashMap;
use std::sync::Arc;

use crate::site::Patron;

/// Patrons by number, in the order of their records.
#[derive(Debug, Default)]
pub(crate) struct Patrons {
    list: Vec<Arc<Patron>>,
    index_by_number: HashMap<String, usize>,
}

impl Patrons {
    pub(crate) fn upsert(&mut self, patron: Patron) {
        let patron = Arc::new(patron);
        let index = self.index_by_number.get(&patron.number).copied();
        if let Some(known) = index.and_then(|index| self.list.get_mut(index)) {
            *known = patron;
        } else {
            self.index_by_number
                .insert(patron.number.clone(), self.list.len());
            self.list.push(patron);
        }
    }

    pub(crate) fn update(&mut self, number: &str, change: impl FnOnce(&mut Patron)) -> bool {
        let Some(index) = self.index_by_number.get(number).copied() else {
            return false;
        };
        let Some(known) = self.list.get_mut(index) else {
            return false;
        };
        let patron = Arc::make_mut(known);
        change(patron);
        let new_number = patron.number.clone();
        self.index_by_number.remove(number);
        self.index_by_number.insert(new_number, index);
        true
    }

    /// A patron and the index of their record.
    pub(crate) fn find(&self, number: &str) -> Option<(usize, Arc<Patron>)> {
        let index = *self.index_by_number.get(number)?;
        Some((index, Arc::clone(self.list.get(index)?)))
    }
}
